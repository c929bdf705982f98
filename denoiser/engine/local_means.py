"""Keeps the local mean colour of the source in the denoised image.

Noise changes the mean of a neighbourhood only little, and less the larger it is. Any larger change is an error: a
colour cast or a change of brightness. For each tile, with r = source − denoised, as means of 8 x 8 pixels:

    wide = shrink(mean of r over 72 x 72 pixels)
    near = shrink(blur of r over about 16 pixels − wide)
    denoised += wide + near, interpolated between the cells

*shrink* is soft thresholding by the standard deviation of the noise, along luma and two chroma axes; the bias from
clipping at black and white is subtracted before. The overlap of tiles covers the filters, so tiling does not change
the result.

Arrays are of numpy or of torch: see arrays.py.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from denoiser.engine.arrays import Array, constant_near, is_on_cpu, module_of
from denoiser.networks.condition import AXES, Condition

CELL = 8  # pixels; origins of tiles are multiples of it
REACH = 40  # receptive field in pixels, in each direction

_WIDE = (1,) * 9
_NEAR = (1, 4, 6, 4, 1)
# Standard deviation of white noise of sigma 1 after each filter; a test measures them.
_WIDE_GAIN, _NEAR_GAIN = 1 / 72, 0.0458
# Thresholds as multiples of that deviation. Correlated noise has more energy at low frequencies, and strong noise
# of cameras and phones comes with coarse blotches: chosen on validation pairs, see docs/controls.md.
_WHITE, _CORRELATED, _BLOTCHES = 2.0, 2.0, 0.7
_BLOTCHES_FROM = 6.0  # 8-bit sigma
_MOST = 14.0
_UNKNOWN = 1e4
_CLIPS_WITHIN = 3.5  # sigmas from black or white: beyond, clipping changes a mean by less than 0.0001 sigma
# The tail of the normal distribution, to 1e-7: Abramowitz and Stegun, 26.2.17.
_TAIL_SCALE, _TAIL = 0.2316419, (0.319381530, -0.356563782, 1.781477937, -1.821255978, 1.330274429)


def limits_of(noise: Condition) -> NDArray[np.float32]:
    """Luma and chroma thresholds before the gain of a filter, and the sigma of a channel (3,), in 0..1.

    Larger than all values if the level is unknown: then nothing is corrected.
    """
    if noise.luma is None or noise.chroma is None:
        return np.full(3, _UNKNOWN, np.float32)
    kind = noise.kind or 0.0
    factor = _WHITE + kind * (_CORRELATED - _WHITE + _BLOTCHES * max(0.0, noise.luma - _BLOTCHES_FROM))
    factor = min(factor, _MOST)
    channel = math.sqrt((noise.luma**2 + 2 * noise.chroma**2) / 3)
    return np.array([noise.luma * factor, noise.chroma * factor, channel], np.float32) / np.float32(255)


def keep_local_means(source: Array, denoised: Array, limits: Array) -> Array:
    """*denoised* (B, H, W, 3) in 0..1 with the local means of *source*, within the *limits* (B, 3).

    H and W are multiples of 8.
    """
    level = cell_means(source)
    removed = level - cell_means(denoised)
    luma, chroma, channel = (limits[:, index].reshape(-1, 1, 1, 1) for index in range(3))
    level = filtered(level, _NEAR)
    clipped = _clipping(level, channel) + _clipping(1 - level, channel)
    removed = _shrunk(removed, clipped)
    thresholds = module_of(limits).concatenate([luma, chroma, chroma], axis=3)
    wide = _beyond(filtered(removed, _WIDE), thresholds * _WIDE_GAIN)
    near = _beyond(_low(removed) - wide, thresholds * _NEAR_GAIN)
    return add_between_cells(denoised, wide + near)


def cell_means(values: Array, tall: int = CELL) -> Array:
    """(B, H, W, C) to the means of cells (B, H/tall, W/8, C)."""
    batch, height, width, channels = values.shape
    rows = values.reshape(batch, height // tall, tall, width * channels).mean(axis=2)
    return rows.reshape(batch, height // tall, width // CELL, -1) @ constant_near(values, _averages, channels)


def _averages(channels: int) -> NDArray[np.float32]:
    """The matrix (8 C, C) that averages eight neighbours."""
    return np.kron(np.full((CELL, 1), 1 / CELL), np.eye(channels)).astype(np.float32)


def add_between_cells(values: Array, cells: Array) -> Array:
    """*values* (B, H, W, C) plus *cells* (B, H/8, W/8, C), interpolated linearly between their centres."""
    batch, height, width, channels = values.shape
    module = module_of(values)
    join = module.concatenate
    padded = join([cells[:, :, :1], cells, cells[:, :, -1:]], axis=2)
    three = join([padded[:, :, :-2], cells, padded[:, :, 2:]], axis=3)
    rows = (three @ constant_near(cells, _interpolation, channels)).reshape(batch, height // CELL, -1)
    padded = join([rows[:, :1], rows, rows[:, -1:]], axis=1)
    above, below = padded[:, :-2] - rows, padded[:, 2:] - rows
    pixels = values.reshape(batch, height // CELL, CELL, width * channels)
    total = module.empty_like(pixels)
    # Two neighbours count for each row of a cell; a matrix product would be slower.
    for row in range(CELL):
        place = (row + 0.5) / CELL - 0.5
        between = (above if place < 0 else below) * abs(place)
        between += rows
        module.add(pixels[:, :, row], between, out=total[:, :, row])
    return total.reshape(values.shape)


def _interpolation(channels: int) -> NDArray[np.float32]:
    """The matrix (3 C, 8 C) from a cell and its two neighbours to its pixels."""
    places = (np.arange(CELL) + 0.5) / CELL - 0.5
    weights = np.stack([np.maximum(-places, 0), 1 - np.abs(places), np.maximum(places, 0)])
    return np.kron(weights, np.eye(channels)).astype(np.float32)


def _low(cells: Array) -> Array:
    """The low frequencies: blurred twice over, so that little of a neighbour's drift leaks in."""
    blurred = filtered(cells, _NEAR)
    return blurred + filtered(cells - blurred, _NEAR)


def filtered(cells: Array, weights: tuple[int, ...]) -> Array:
    """A separable filter of (B, h, w, C); nothing is assumed outside of the tile."""
    batch, height, width, channels = cells.shape
    down = constant_near(cells, _filter, height, weights) @ cells.reshape(batch, height, width * channels)
    return constant_near(cells, _filter, width, weights) @ down.reshape(cells.shape)


def _filter(length: int, weights: tuple[int, ...]) -> NDArray[np.float32]:
    """The matrix (length, length) that filters a line; its rows add up to 1, at the ends too."""
    reach = len(weights) // 2
    matrix = np.zeros((length, length + 2 * reach))
    for place in range(length):
        matrix[place, place : place + len(weights)] = weights
    matrix = matrix[:, reach : reach + length]
    scaled: NDArray[np.float64] = matrix / matrix.sum(axis=1, keepdims=True)
    return scaled.astype(np.float32)


def _beyond(drift: Array, thresholds: Array) -> Array:
    """*drift* of R, G and B, shrunk along luma and two chroma axes."""
    axes = constant_near(drift, _axes)
    return _shrunk(drift @ axes.T, thresholds) @ axes


def _axes() -> NDArray[np.float32]:
    return np.array(AXES, np.float32)


def _shrunk(values: Array, threshold: Array) -> Array:
    module = module_of(values)
    return module.sign(values) * (abs(values) - threshold).clip(0)


def _clipping(distance: Array, sigma: Array) -> Array:
    """How far clipping moved the mean of normal noise of *sigma*, now at a *distance* from the end of the range."""
    module = module_of(distance)
    moved = module.zeros_like(distance)
    near = distance < _CLIPS_WITHIN * sigma
    if is_on_cpu(near) and not near.any():
        return moved
    for _ in range(2):  # the mean before clipping is not known, but follows from what it was moved by
        far = ((distance - moved) / sigma.clip(1e-6)).clip(0, 10)
        density = module.exp(-0.5 * far * far) / math.sqrt(2 * math.pi)
        short = 1 / (1 + _TAIL_SCALE * far)
        tail = density * short * _polynomial(short, _TAIL)
        moved = (sigma * (density - far * tail)).clip(0) * near
    return moved


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    """By Horner's rule, lowest power first."""
    total = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = coefficient + x * total
    return total
