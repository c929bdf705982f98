"""Whether a result may be believed: cleaning moves noise, never colours, brightness or places.

Blocks of 32 pixels are looked at, channel by channel, for what a broken kernel, a torn tile or a wrong precision
do:

    numbers   something is no number where the source has one
    mean      a block is darker, brighter or of another colour: noise of sigma s moves its mean by s / 32 alone
    place     the clean block holds structure that the source does not have there: it lies elsewhere, or is invented

Limits are relative to the noise, generous to it, and allow for what clipping does to noise near black and white: a
sound result must never be refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from denoiser.engine.samples import finite
from denoiser.image import Pixels

SIDE = 32
_ROWS_AT_ONCE = 4  # of blocks
_SMALLEST = 8  # rows or columns of a block at the rim that is still judged

# In 8-bit steps. Rounding and the faint shading that a network leaves; 2 steps over 32 pixels are seen by nobody.
_MEAN_ANYWAY = 3.0
# Of the noise, for the mean of a block, divided by its side. White noise needs 6 (some 10,000 blocks, tails); noise
# of cameras hangs together over several pixels, most in chroma, and shading goes with it: sound results reach 9.
_MEAN_SPREADS = 20.0
# Clipping cuts noise off at black and white, the mean of which is what was given back, more or less.
_CLIPPED = 1.5
# The source regressed on the structure of the clean block: sound results lie between 0.86 and 1.2, those that are
# shifted by a pixel mostly under 0.6, by two or more under 0.3.
_LEAST_LIKENESS = 0.4
# Where structure stands out from noise: in sigmas of the noise, and in 8-bit steps.
_CONTRAST, _CONTRAST_ANYWAY = 0.5, 4.0
# Of the channel with the most structure in a block. A network tells a little of one channel in another: red writing
# on white, whose red is white all over, gets a seventh to a fifth of the others' contrast there, and is sound.
_OWN_CONTRAST = 0.25

Blocks = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Fault:
    """The worst block of a result that is not to be believed."""

    what: str  # for people, without the place
    top: int
    left: int

    def __str__(self) -> str:
        return f"{self.what} around row {self.top + SIDE // 2}, column {self.left + SIDE // 2}"


def check(source: Pixels, clean: Pixels, sigma: float | None, white: float) -> Fault | None:
    """The first fault of a picture (H, W, C) or a part of one; None when it may be believed.

    *sigma* is the noise in the values of the picture, where it is known; what was removed is measured as well.
    """
    for top in range(0, source.shape[0], SIDE * _ROWS_AT_ONCE):
        rows = slice(top, top + SIDE * _ROWS_AT_ONCE)
        fault = _check_strip(source[rows], clean[rows], sigma or 0.0, white)
        if fault is not None:
            return Fault(fault.what, fault.top + top, fault.left)
    return None


def _check_strip(source: Pixels, clean: Pixels, sigma: float, white: float) -> Fault | None:
    if np.issubdtype(clean.dtype, np.floating):
        spoilt = np.isfinite(source) & ~np.isfinite(clean)
        if spoilt.any():
            row, column = (int(places[0]) for places in np.nonzero(spoilt)[:2])
            return Fault("there are values that are no numbers", row // SIDE * SIDE, column // SIDE * SIDE)
    ours, theirs = finite(source), finite(clean)
    counts = _counts(*source.shape[:2])
    removed = ours - theirs
    moved, spread = _mean_and_spread(removed, counts)
    level, contrast = _mean_and_spread(theirs, counts)
    noise = np.maximum(spread, sigma)
    judged = (counts >= _SMALLEST * _SMALLEST)[:, :, np.newaxis]
    step = white / 255
    limit = _MEAN_ANYWAY * step + _MEAN_SPREADS * noise / np.sqrt(counts)[:, :, np.newaxis]
    limit += _CLIPPED * (_cut_off(level, noise) + _cut_off(white - level, noise))
    if (found := _worst(np.where(judged, np.abs(moved) / limit, 0))) is not None:
        return Fault("brightness or colour moved", *found)
    together = _sums(theirs * removed) / counts[:, :, np.newaxis] - level * moved
    # What was removed is no measure of the noise here: a shifted tile leaves much more behind.
    telling = (
        judged
        & (contrast > _CONTRAST * (sigma or float(np.median(spread))))
        & (contrast > _CONTRAST_ANYWAY * step)
        & (contrast > _OWN_CONTRAST * contrast.max(axis=2, keepdims=True))
    )
    likeness = 1 + together / np.maximum(np.square(contrast), np.float32(1e-12))
    if (found := _worst(np.where(telling, _LEAST_LIKENESS / np.maximum(likeness, 1e-3), 0))) is not None:
        return Fault("the result shows what the source does not", *found)
    return None


def _counts(height: int, width: int) -> Blocks:
    """How many pixels each block has: those at the right and lower rim have fewer."""
    rows, columns = (np.minimum(SIDE, length - np.arange(0, length, SIDE)) for length in (height, width))
    return np.outer(rows, columns).astype(np.float32)


def _sums(values: Blocks) -> Blocks:
    """(H, W, C) to (rows, columns, C) of blocks."""
    # Rows first, each with the next: four times as fast as along them, where three channels hinder it.
    down = np.stack([values[top : top + SIDE].sum(axis=0) for top in range(0, values.shape[0], SIDE)])
    return np.add.reduceat(down, np.arange(0, values.shape[1], SIDE), axis=1)


def _mean_and_spread(values: Blocks, counts: Blocks) -> tuple[Blocks, Blocks]:
    of_each = counts[:, :, np.newaxis]
    mean: Blocks = _sums(values) / of_each
    variance: Blocks = _sums(np.square(values)) / of_each - np.square(mean)
    return mean, np.sqrt(np.maximum(variance, np.float32(0)))


def _cut_off(distance: Blocks, noise: Blocks) -> Blocks:
    """By how much clipping moves the mean of normal noise that has *distance* to go until black or white."""
    far = np.clip(distance / np.maximum(noise, np.float32(1e-12)), -3, 10)
    density = np.exp(-0.5 * np.square(far)) / math.sqrt(2 * math.pi)
    # The tail of the normal distribution, to 0.0004: as a logistic function.
    tail = 1 / (1 + np.exp(1.5976 * far + 0.07056 * far**3))
    return noise * np.maximum(density - far * tail, 0)


def _worst(badness: Blocks) -> tuple[int, int] | None:
    """The corner of the block that is furthest beyond its limit, which is 1; None where all are within."""
    _, columns, channels = badness.shape
    worst = int(badness.argmax())
    if not badness.reshape(-1)[worst] > 1:
        return None
    row, column = divmod(worst // channels, columns)
    return row * SIDE, column * SIDE
