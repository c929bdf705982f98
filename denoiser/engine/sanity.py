"""Sanity check: replaces faulty parts of a result by the source.

Denoising removes noise and adds no structure. Two faults can be detected without a reference:

    non-finite   a value is NaN or infinite where the source is not
    structure    a neighbourhood of 40 pixels has contrast that the source does not have there

There the result fades into the source, with a soft edge. Colour and brightness need no check: see local_means.py.
"""

from __future__ import annotations

import numpy as np

from denoiser.engine.arrays import Array, as_float, is_on_cpu, module_of
from denoiser.engine.local_means import CELL, add_between_cells, cell_means, filtered

REACH = 48  # receptive field in pixels, in each direction

_WINDOW = 5  # cells of 8 pixels
_SPREAD = 2  # cells around a fault that are replaced, too, because the window is larger than the fault
_NONE = 1e-6  # a mean over neighbouring cells that is only rounding
# Regression of the source on the result. Correct results have 0.86 to 1.2; a shift by one pixel gives mostly less
# than 0.6, by two or more less than 0.3.
_LEAST_SLOPE = 0.4
# Minimum contrast to check: in sigmas of the noise, in 8-bit steps, and relative to the channel with the most. A
# network mixes channels a little: red text on white, without contrast in red, gets a seventh to a fifth of the
# contrast of the other channels there, which is correct.
_CONTRAST, _LEAST_CONTRAST, _OWN_CONTRAST = 0.5, 4.0, 0.35


def without_non_finite(source: Array, denoised: Array) -> tuple[Array, Array]:
    """*denoised* (B, H, W, 3) with *source* where it is not finite, and the cells (B, H/8, W/8, 1) of these."""
    module = module_of(denoised)
    with np.errstate(invalid="ignore", over="ignore"):
        bad = ~module.isfinite(cell_means(denoised)).all(axis=3, keepdims=True)
    if _may_skip(bad):
        return denoised, bad
    return module.where(module.isfinite(denoised), denoised, source), bad


def repair(source: Array, denoised: Array, sigma: Array, bad: Array) -> tuple[Array, Array]:
    """*denoised* with *source* at faults, and the replaced share of each cell (B, H/8, W/8, 1).

    *sigma* (B,) is the noise of a channel in 0..1, huge if unknown: then structure is not checked. *bad* are cells
    with non-finite values.
    """
    bad = bad | _invented(source, denoised, sigma)
    if _may_skip(bad):
        return denoised, as_float(bad)
    wide = filtered(as_float(bad), (1,) * (2 * _SPREAD + 1)) > _NONE
    share = filtered(as_float(wide), (1, 1, 1))
    weight = add_between_cells(module_of(denoised).zeros_like(denoised[..., :1]), share)
    return denoised + weight * (source - denoised), share


def _invented(source: Array, denoised: Array, sigma: Array) -> Array:
    """Cells (B, H/8, W/8, 1) whose neighbourhood has contrast that the source does not have."""
    source, denoised = source[:, ::2], denoised[:, ::2]  # every second row is enough, in half the time
    ours, theirs = _window_means(denoised), _window_means(source)
    variance = (_window_means(denoised * denoised) - ours * ours).clip(0)
    together = _window_means(denoised * source) - ours * theirs
    contrast = variance**0.5
    noise = sigma.reshape(-1, 1, 1, 1)
    strongest = module_of(contrast).amax(contrast, 3, keepdims=True)
    judged = (
        (contrast > _CONTRAST * noise) & (contrast > _LEAST_CONTRAST / 255) & (contrast > _OWN_CONTRAST * strongest)
    )
    return (judged & (together < _LEAST_SLOPE * variance)).any(axis=3, keepdims=True)


def _window_means(values: Array) -> Array:
    return filtered(cell_means(values, CELL // 2), (1,) * _WINDOW)


def _may_skip(bad: Array) -> bool:
    return is_on_cpu(bad) and not bad.any()
