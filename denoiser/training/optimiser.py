"""Muon for the kernels of the body, Adam for the rest.

Muon (Jordan et al. 2024) turns each momentum matrix into the nearest matrix of orthonormal rows, so that all
directions of a kernel learn at one pace; kernels are taken as (out, in x k x k). torch.optim.Muon takes matrices
only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

# Quintic Newton-Schulz: singular values go to about 1 within five steps (coefficients of Jordan et al.).
_A, _B, _C = 3.4445, -4.7750, 2.0315
_STEPS = 5


class Muon(torch.optim.Optimizer):
    """Orthogonalised Nesterov momentum for kernels of two or more dimensions."""

    def __init__(self, kernels: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__([{"params": list(kernels)}], {"lr": lr, "momentum": momentum})  # there may be none

    @torch.no_grad()
    def step(self) -> None:  # type: ignore[override]
        """One update of all kernels that have gradients."""
        for group in self.param_groups:
            kernels = [kernel for kernel in group["params"] if kernel.grad is not None]
            if kernels:
                self._update(kernels, group["lr"], group["momentum"])

    def _update(self, kernels: list[nn.Parameter], rate: float, decay: float) -> None:
        gradients = [kernel.grad for kernel in kernels if kernel.grad is not None]
        for kernel in kernels:
            if not self.state[kernel]:
                self.state[kernel]["momentum"] = torch.zeros_like(kernel)
        momenta = [self.state[kernel]["momentum"] for kernel in kernels]
        torch._foreach_mul_(momenta, decay)
        torch._foreach_add_(momenta, gradients)
        ahead = torch._foreach_add(gradients, momenta, alpha=decay)
        for alike in _of_one_shape(ahead):
            rows, columns = ahead[alike[0]].flatten(1).shape
            steps = orthogonalised(torch.stack([ahead[number].flatten(1) for number in alike]))
            scale = max(1.0, rows / columns) ** 0.5
            for number, step in zip(alike, steps, strict=True):
                kernels[number].add_(step.reshape(kernels[number].shape), alpha=-rate * scale)


def _of_one_shape(kernels: Sequence[Tensor]) -> Iterable[list[int]]:
    """The numbers of *kernels*, grouped by shape: a GPU processes a stack of them as fast as one."""
    numbers: dict[torch.Size, list[int]] = {}
    for number, kernel in enumerate(kernels):
        numbers.setdefault(kernel.flatten(1).shape, []).append(number)
    return numbers.values()


def orthogonalised(matrices: Tensor) -> Tensor:
    """Matrices (..., rows, columns) with the directions of *matrices* and singular values near 1."""
    tall = matrices.shape[-2] > matrices.shape[-1]
    # The iteration tolerates rounding, and GPUs are fastest in bf16.
    x = (matrices.mT if tall else matrices).to(torch.bfloat16 if matrices.is_cuda else torch.float32)
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(_STEPS):
        gram = x @ x.mT
        x = _A * x + (_B * gram + _C * (gram @ gram)) @ x
    near: Tensor = x.mT if tall else x
    return near.to(matrices.dtype)


def split(network: nn.Module) -> tuple[list[nn.Parameter], list[nn.Parameter]]:
    """(kernels for Muon, the rest for Adam): head, tail and everything that is not a matrix goes to Adam.

    A network can select its kernels by name in ``kernels_of_the_body``. A depthwise kernel consists of small
    filters, not of a matrix between channels.
    """
    in_body = getattr(network, "kernels_of_the_body", lambda name: name.split(".")[0] not in ("head", "tail"))
    kernels: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, parameter in network.named_parameters():
        is_matrix = parameter.ndim >= 2 and parameter.shape[1] > 1
        (kernels if is_matrix and in_body(name) else rest).append(parameter)
    return kernels, rest


def parameter_groups(network: nn.Module, parameters: list[nn.Parameter]) -> list[dict[str, Any]]:
    """Groups of *parameters* by the learning rate factor that ``pace_of`` of the network returns."""
    pace_of = getattr(network, "pace_of", lambda _name: 1.0)
    names = {parameter: name for name, parameter in network.named_parameters()}
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter in parameters:
        groups.setdefault(pace_of(names[parameter]), []).append(parameter)
    return [{"params": those, "pace": pace} for pace, those in sorted(groups.items(), reverse=True)]
