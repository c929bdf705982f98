"""Aligns pairs of small grey images and compares them: are they copies of one photo?

A copy may be cropped, so the images are first aligned by Lucas-Kanade (Baker & Matthews, "Lucas-Kanade 20 years
on", IJCV 2004) from coarse to fine:

    x_b = scale_x · x_a + shift_x,   y_b = scale_y · y_a + shift_y        coordinates from -1 to 1

Then their fine structure, the difference from a blurred copy, is aligned in the same way and correlated. Smooth
scenes such as two sunsets have the same large structure, but not the same fine structure, and in two photos of a
moving subject the fine structure moves.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

_STEPS = ((8, 8), (16, 8), (32, 4))  # side, iterations
_FINE_STEPS = ((16, 6), (32, 6), (64, 4))  # of the fine structure
_SCALE, _SHIFT = (0.7, 1.4), (-0.4, 0.4)  # a copy lacks at most about a third of a side
_DAMPING = 1e-2
_RADIUS = 2  # of the blur that fine structure is the difference from
_LEAST_ENERGY = 1e-6  # of fine structure; without any, nothing can be compared


@torch.inference_mode()
def agreement(first: Tensor, second: Tensor) -> Tensor:
    """Correlation (N,) of the fine structure of pairs (N, 1, 64, 64) in 0..1, aligned in the better direction."""
    return torch.maximum(_one_way(first, second), _one_way(second, first))


@torch.inference_mode()
def coarse_agreement(first: Tensor, second: Tensor) -> Tensor:
    """Correlation (N,) of pairs (N, 1, 64, 64) aligned at a quarter of the size; fast, to reject most pairs."""
    best = torch.full((len(first),), -1.0)
    for a, b in ((first, second), (second, first)):
        a, b = (functional.adaptive_avg_pool2d(one, _STEPS[1][0]) for one in (a, b))
        warped, inside = _warped(b, _aligned(a, b, _STEPS[:2]))
        best = torch.maximum(best, (_normal(a, inside) * _normal(warped, inside)).sum((1, 2, 3)))
    return best


def _one_way(first: Tensor, second: Tensor) -> Tensor:
    rough = _aligned(first, second, _STEPS)
    warped, inside = _warped(second, _aligned(first, second, _FINE_STEPS, _fine, rough))
    inside = -functional.max_pool2d(-inside, 2 * _RADIUS + 1, 1, _RADIUS)  # without what the blur mixes in
    a, b = _fine(first) * inside, _fine(warped) * inside
    energy = (a.square().sum((1, 2, 3)) * b.square().sum((1, 2, 3))).sqrt()
    return (a * b).sum((1, 2, 3)) / energy.clamp(min=_LEAST_ENERGY)


def _fine(x: Tensor) -> Tensor:
    padded = functional.pad(x, (_RADIUS,) * 4, mode="replicate")
    return x - functional.avg_pool2d(padded, 2 * _RADIUS + 1, 1)


def _aligned(
    first: Tensor,
    second: Tensor,
    steps: tuple[tuple[int, int], ...],
    view: Callable[[Tensor], Tensor] = lambda x: x,
    start: Tensor | None = None,
) -> Tensor:
    """Scales and shifts (N, 4) that warp *second* onto *first*, by what *view* returns of the reduced images."""
    parameters = torch.tensor([1.0, 1.0, 0.0, 0.0]).repeat(len(first), 1) if start is None else start
    for side, iterations in steps:
        a, b = (view(functional.adaptive_avg_pool2d(one, side)) for one in (first, second))
        for _ in range(iterations):
            parameters = parameters + _update(a, b, parameters)
            scale, shift = parameters.split(2, 1)  # type: ignore[no-untyped-call]
            parameters = torch.cat([scale.clamp(*_SCALE), shift.clamp(*_SHIFT)], 1)
    return parameters


def _update(a: Tensor, b: Tensor, parameters: Tensor) -> Tensor:
    """One step of Gauss-Newton on the squared difference of the normalised images."""
    warped, inside = _warped(b, parameters)
    target, warped = _normal(a, inside), _normal(warped, inside)
    side = a.shape[-1]
    padded = functional.pad(warped, (1, 1, 1, 1), mode="replicate")
    across = (padded[:, :, 1:-1, 2:] - padded[:, :, 1:-1, :-2]) * inside * side / 4
    down = (padded[:, :, 2:, 1:-1] - padded[:, :, :-2, 1:-1]) * inside * side / 4
    place = _places(side)
    slopes = torch.cat([across * place, down * place[:, None], across, down], 1).flatten(2)
    normal = slopes @ slopes.transpose(1, 2) + _DAMPING * torch.eye(4)
    difference = (target - warped).flatten(2)
    step: Tensor = torch.linalg.solve(normal, slopes @ difference.transpose(1, 2))
    return step[..., 0]


def _warped(b: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
    """The warped images, and 1 where they lie inside of *b*."""
    side = b.shape[-1]
    scale_x, scale_y, shift_x, shift_y = (one[:, None, None] for one in parameters.unbind(1))
    x = (_places(side) * scale_x + shift_x).expand(-1, side, -1)
    y = (_places(side)[:, None] * scale_y + shift_y).expand(-1, -1, side)
    grid = torch.stack([x, y], 3)
    inside = (grid.abs() <= 1).all(3)[:, None].float()
    return functional.grid_sample(b, grid, padding_mode="border", align_corners=False), inside


def _places(side: int) -> Tensor:
    return (torch.arange(side) + 0.5) / side * 2 - 1


def _normal(x: Tensor, inside: Tensor) -> Tensor:
    """The images with mean 0 and length 1 over what is inside."""
    count = inside.sum((2, 3), keepdim=True).clamp(min=1)
    centred = (x - (x * inside).sum((2, 3), keepdim=True) / count) * inside
    return centred / centred.square().sum((2, 3), keepdim=True).sqrt().clamp(min=1e-6)
