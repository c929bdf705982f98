"""Sanity check: replaces faulty parts of a result by the source.

Denoising removes noise and adds no structure. Two faults can be detected without a reference:

    non-finite   a value is NaN or infinite where the source is not
    structure    a neighbourhood of 40 pixels has contrast that the source does not have there

There the result fades into the source, with a soft edge. Colour and brightness need no check: see local_means.py.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from denoiser.engine.local_means import CELL, add_between_cells, cell_means, filtered

REACH = 48  # receptive field in pixels, in each direction

_WINDOW = 5  # cells of 8 pixels
_SPREAD = 2  # cells around a fault that are replaced, too, because the window is larger than the fault
# Regression of the source on the result. Correct results have 0.86 to 1.2; a shift by one pixel gives mostly less
# than 0.6, by two or more less than 0.3.
_LEAST_SLOPE = 0.4
# Minimum contrast to check: in sigmas of the noise, in 8-bit steps, and relative to the channel with the most. A
# network mixes channels a little: red text on white, without contrast in red, gets a seventh to a fifth of the
# contrast of the other channels there, which is correct.
_CONTRAST, _LEAST_CONTRAST, _OWN_CONTRAST = 0.5, 4.0, 0.35


def without_non_finite(source: Tensor, denoised: Tensor) -> tuple[Tensor, Tensor]:
    """*denoised* (B, 3, H, W) with *source* where it is not finite, and the cells (B, 1, H/8, W/8) of these."""
    bad = ~torch.isfinite(cell_means(denoised)).all(dim=1, keepdim=True)
    if _may_skip(bad):
        return denoised, bad
    return torch.where(torch.isfinite(denoised), denoised, source), bad


def repair(source: Tensor, denoised: Tensor, sigma: Tensor, bad: Tensor) -> tuple[Tensor, Tensor]:
    """*denoised* with *source* at faults, and the replaced share of each cell (B, 1, H/8, W/8).

    *sigma* (B,) is the noise of a channel in 0..1, huge if unknown: then structure is not checked. *bad* are cells
    with non-finite values.
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
    """Cells (B, 1, H/8, W/8) whose neighbourhood has contrast that the source does not have."""
    source, denoised = source[:, :, ::2], denoised[:, :, ::2]  # every second row is enough, in half the time
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
    # On a GPU the question would synchronise, which takes longer than the work.
    return bad.device.type == "cpu" and not bool(bad.any())
