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
from torch.nn import functional

# Quintic Newton-Schulz: singular values go to about 1 within five steps (coefficients of Jordan et al.).
_A, _B, _C = 3.4445, -4.7750, 2.0315
_STEPS = 5


class Muon(torch.optim.Optimizer):
    """Orthogonalised Nesterov momentum for kernels of two or more dimensions.

    The number of operations does not depend on that of the kernels: a GPU would wait for the host otherwise.
    """

    def __init__(self, kernels: Iterable[nn.Parameter], lr: float, momentum: float = 0.95) -> None:
        super().__init__([{"params": list(kernels)}], {"lr": lr, "momentum": momentum})  # there may be none
        self._layouts: dict[tuple[Any, ...], _Layout] = {}

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
        key = tuple((kernel.shape, kernel.stride()) for kernel in ahead)
        if key not in self._layouts:
            self._layouts[key] = _Layout(ahead)
        torch._foreach_add_(list[Tensor](kernels), self._layouts[key].steps(ahead), alpha=-rate)


class _Layout:
    """Where the numbers of kernels lie in stacks of matrices that are no taller than wide, and the way back."""

    def __init__(self, kernels: Sequence[Tensor]) -> None:
        self._device = kernels[0].device
        self._kernels = [(kernel.shape, kernel.stride()) for kernel in kernels]
        sizes = [kernel.numel() for kernel in kernels]
        numbers = torch.split(torch.arange(sum(sizes)), sizes)
        matrices = [part.as_strided(*one).flatten(1) for part, one in zip(numbers, self._kernels, strict=True)]
        self._scales = [max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5 for matrix in matrices]
        wide = [matrix.mT if len(matrix) > matrix.shape[1] else matrix for matrix in matrices]
        most_padding = _MOST_PADDING.get(self._device.type, 0)
        stacks = []
        for (rows, columns), members in _stacks([matrix.shape for matrix in wide], most_padding).items():
            pads = [(0, columns - wide[one].shape[1], 0, rows - wide[one].shape[0]) for one in members]
            padded = [functional.pad(wide[one], pad, value=-1) for one, pad in zip(members, pads, strict=True)]
            stacks.append(torch.stack(padded))
        self._into = [stack.to(self._device) for stack in stacks]
        # Of all numbers in the stacks those that are no padding, in the order of the kernels.
        self._back = torch.cat([stack.flatten() for stack in stacks]).argsort()[-sum(sizes) :].to(self._device)

    def steps(self, kernels: Sequence[Tensor]) -> list[Tensor]:
        """The orthogonalised *kernels*, in memory as these are."""
        flat = [kernel.as_strided((kernel.numel(),), (1,)) for kernel in kernels]
        # The iteration tolerates rounding, and GPUs are fastest in bf16. The last number is that of the padding.
        precision = torch.bfloat16 if self._device.type == "cuda" else torch.float32
        numbers = torch.cat([*flat, flat[0].new_zeros(1)]).to(precision)
        near = torch.cat([orthogonalised(numbers[into]).flatten() for into in self._into])
        parts = torch.split(near[self._back].to(flat[0].dtype), [len(part) for part in flat])
        steps = [part.as_strided(*one) for part, one in zip(parts, self._kernels, strict=True)]
        torch._foreach_mul_(steps, self._scales)
        return steps


# A GPU takes hardly longer for a stack of matrices than for one. Smaller ones are padded with zeros, which stay
# zero, while these multiplications take less time than launching another stack. A CPU would have to do them all.
_MOST_PADDING = {"cuda": 1_000_000_000}


def _stacks(shapes: Sequence[Sequence[int]], most_padding: int) -> dict[tuple[int, int], list[int]]:
    """The numbers of the matrices in each stack, by its shape. An iteration multiplies rows² × columns times."""
    stacks: dict[tuple[int, int], list[int]] = {}
    for height, width in sorted({(height, width) for height, width in shapes}, reverse=True):
        alike = [number for number, shape in enumerate(shapes) if tuple(shape) == (height, width)]
        room = [
            (rows**2 * columns, (rows, columns)) for rows, columns in stacks if rows >= height and columns >= width
        ]
        cost, stack = min(room, default=(0, (height, width)))
        fits = len(alike) * (cost - height**2 * width) <= most_padding
        stacks.setdefault(stack if fits else (height, width), []).extend(alike)
    return stacks


def orthogonalised(matrices: Tensor) -> Tensor:
    """*matrices* (N, rows, columns), no taller than wide, with the same directions and singular values near 1."""
    x: Tensor = matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(_STEPS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return x


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
