"""Replaces parts of a result that cannot be right by the source.

Denoising removes noise; it adds no structure. Two faults can be detected without a reference:

    non-finite   a value is NaN or infinite where the source is not
    structure    a neighbourhood of 40 pixels has contrast that the source does not have in that place

There the result fades into the source, with a soft edge. Colour and brightness need no check: see local_means.py.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from denoiser.engine.local_means import CELL, add_between_cells, cell_means, filtered

REACH = 48  # pixels that a repaired pixel depends on, in each direction

_WINDOW = 5  # cells of 8 pixels
_SPREAD = 2  # cells around a fault that are replaced too: the window that shows a fault is larger than the fault
# Of the source regressed on the result. Sound results lie between 0.86 and 1.2, those that are shifted by a pixel
# mostly under 0.6, by two or more under 0.3.
_LEAST_SLOPE = 0.4
# Contrast that is judged: in sigmas of the noise, in 8-bit steps, and as a share of the channel with the most. A
# network carries a little of one channel into another: red writing on white, whose red is white all over, gets a
# seventh to a fifth of the others' contrast there, and is sound.
_CONTRAST, _LEAST_CONTRAST, _OWN_CONTRAST = 0.5, 4.0, 0.35


def without_non_finite(source: Tensor, denoised: Tensor) -> tuple[Tensor, Tensor]:
    """*denoised* (B, 3, H, W) with *source* where it is not finite, and the cells (B, 1, H/8, W/8) of these."""
    bad = ~torch.isfinite(cell_means(denoised)).all(dim=1, keepdim=True)
    if _may_skip(bad):
        return denoised, bad
    return torch.where(torch.isfinite(denoised), denoised, source), bad


def repair(source: Tensor, denoised: Tensor, sigma: Tensor, bad: Tensor) -> tuple[Tensor, Tensor]:
    """*denoised* with *source* at faults, and how much of each cell (B, 1, H/8, W/8) is the source's, 0 to 1.

    *sigma* (B,) is the noise of a channel in 0..1, huge where unknown: then structure is not judged. *bad* are
    cells that are known to be faulty.
    """
    bad = bad | _invented(source, denoised, sigma)
    if _may_skip(bad):
        return denoised, bad.to(denoised.dtype)
    size = 2 * _SPREAD + 1
    wide = functional.max_pool2d(bad.to(denoised.dtype), size, stride=1, padding=_SPREAD)
    share = functional.avg_pool2d(wide, 3, stride=1, padding=1, count_include_pad=False)
    weight = add_between_cells(torch.zeros_like(denoised[:, :1]), share)
    return torch.lerp(denoised, source, weight), share


def _invented(source: Tensor, denoised: Tensor, sigma: Tensor) -> Tensor:
    """Cells (B, 1, H/8, W/8) whose surroundings show contrast that the source does not have."""
    source, denoised = source[:, :, ::2], denoised[:, :, ::2]  # every second row shows as much in half the time
    ours, theirs = _window_means(denoised), _window_means(source)
    variance = (_window_means(denoised.square()) - ours.square()).clamp_min(0)
    together = _window_means(denoised * source) - ours * theirs
    contrast = variance.sqrt()
    noise = sigma.reshape(-1, 1, 1, 1)
    judged = (
        (contrast > _CONTRAST * noise)
        & (contrast > _LEAST_CONTRAST / 255)
        & (contrast > _OWN_CONTRAST * contrast.amax(dim=1, keepdim=True))
    )
    return (judged & (together < _LEAST_SLOPE * variance)).any(dim=1, keepdim=True)


def _window_means(values: Tensor) -> Tensor:
    return filtered(cell_means(values, CELL // 2), (1,) * _WINDOW)


def _may_skip(bad: Tensor) -> bool:
    # Asking a graphics card would make it wait; there the work costs nothing to speak of.
    return bad.device.type == "cpu" and not bool(bad.any())
