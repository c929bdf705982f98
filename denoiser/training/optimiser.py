"""Muon for the kernels of the body, Adam for the rest, under one roof.

Muon (Jordan et al. 2024) turns each momentum matrix into the nearest matrix of orthonormal rows, so that all
directions of a kernel learn at one pace; kernels are taken as (out, in x k x k). torch.optim.Muon takes matrices
only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

# Quintic Newton-Schulz: singular values go to about 1 within five steps (coefficients of Jordan et al.).
_A, _B, _C = 3.4445, -4.7750, 2.0315
_STEPS = 5


class Muon(torch.optim.Optimizer):
    """Orthogonalised Nesterov momentum for kernels of two or more dimensions."""

    def __init__(self, kernels: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__(list(kernels), {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One update; the gradients must be there."""
        for group in self.param_groups:
            for kernel in group["params"]:
                self._update(kernel, group["lr"], group["momentum"])

    def _update(self, kernel: nn.Parameter, rate: float, decay: float) -> None:
        if kernel.grad is None:
            return
        state = self.state[kernel]
        if not state:
            state["momentum"] = torch.zeros_like(kernel)
        momentum: Tensor = state["momentum"]
        momentum.mul_(decay).add_(kernel.grad)
        ahead = kernel.grad.add(momentum, alpha=decay)
        matrix = ahead.reshape(ahead.shape[0], -1)
        scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
        kernel.add_(orthogonalised(matrix).reshape(kernel.shape), alpha=-rate * scale)


def orthogonalised(matrix: Tensor) -> Tensor:
    """A matrix with the directions of *matrix* and singular values near 1."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).float()
    x = x / (x.norm() + 1e-7)
    for _ in range(_STEPS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return (x.T if tall else x).to(matrix.dtype)


def split(network: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """(kernels for Muon, the rest for Adam): head, tail and everything that is no matrix goes to Adam.

    A network that knows better names in ``kernels_of_the_body`` where its kernels lie. A depthwise kernel is many
    small filters and no matrix between channels: its directions mean nothing.
    """
    in_body = getattr(network, "kernels_of_the_body", _between_head_and_tail)
    kernels: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        is_matrix = parameter.ndim >= 2 and parameter.shape[1] > 1
        (kernels if is_matrix and in_body(name) else rest).append(parameter)
    return kernels, rest


def paces(network: nn.Module, parameters: list[nn.Parameter]) -> list[dict[str, Any]]:
    """*parameters* in groups, those that the network's ``pace_of`` wants slower by themselves."""
    pace_of = getattr(network, "pace_of", lambda _name: 1.0)
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter in parameters:
        groups.setdefault(pace_of(names[id(parameter)]), []).append(parameter)
    return [{"params": those, "pace": pace} for pace, those in sorted(groups.items(), reverse=True)]


def _between_head_and_tail(name: str) -> bool:
    return name.split(".")[0] not in ("head", "tail")
