"""Keeps the local mean colour of the source in the denoised image.

Noise changes the mean of a neighbourhood only little, and less the larger it is. Any larger change is an error: a
colour cast or a change of brightness. For each tile, with r = source − denoised, as means of 8 x 8 pixels:

    wide = shrink(mean of r over 72 x 72 pixels)
    near = shrink(blur of r over about 16 pixels − wide)
    denoised += wide + near, interpolated between the cells

*shrink* is soft thresholding by the standard deviation of the noise, along luma and two chroma axes; the bias from
clipping at black and white is subtracted before. The overlap of tiles covers the filters, so tiling does not change
the result.
"""

from __future__ import annotations

import math
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

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

_AXES = torch.tensor(AXES)


def limits_of(noise: Condition) -> Tensor:
    """Luma and chroma thresholds before the gain of a filter, and the sigma of a channel (3,), in 0..1.

    Larger than all values if the level is unknown: then nothing is corrected.
    """
    if noise.luma is None or noise.chroma is None:
        return torch.full((3,), _UNKNOWN)
    kind = noise.kind or 0.0
    factor = _WHITE + kind * (_CORRELATED - _WHITE + _BLOTCHES * max(0.0, noise.luma - _BLOTCHES_FROM))
    factor = min(factor, _MOST)
    channel = math.sqrt((noise.luma**2 + 2 * noise.chroma**2) / 3)
    return torch.tensor([noise.luma * factor, noise.chroma * factor, channel]) / 255


def keep_local_means(source: Tensor, denoised: Tensor, limits: Tensor) -> Tensor:
    """*denoised* (B, 3, H, W) in 0..1 with the local means of *source*, within the *limits* (B, 3).

    H and W are multiples of 8. Fastest for channels-last tensors.
    """
    level = cell_means(source)
    removed = level - cell_means(denoised)
    luma, chroma, channel = limits.reshape(-1, 3, 1, 1).unbind(1)
    thresholds = torch.stack([luma, chroma, chroma], dim=1)
    level = filtered(level, _NEAR)
    clipped = _clipping(level, channel.unsqueeze(1)) + _clipping(1 - level, channel.unsqueeze(1))
    removed = _shrunk(removed, clipped)
    wide = _beyond(filtered(removed, _WIDE), thresholds * _WIDE_GAIN)
    near = _beyond(_low(removed) - wide, thresholds * _NEAR_GAIN)
    return add_between_cells(denoised, wide + near)


def cell_means(values: Tensor, tall: int = CELL) -> Tensor:
    """(B, C, H, W) to the means of cells (B, C, H/tall, W/8)."""
    batch, channels, height, width = values.shape
    rows = values.permute(0, 2, 3, 1).reshape(batch, height // tall, tall, width * channels).mean(dim=2)
    return rows.reshape(batch, height // tall, width // CELL, CELL, channels).mean(dim=3).permute(0, 3, 1, 2)


def add_between_cells(values: Tensor, cells: Tensor) -> Tensor:
    """*values* (B, C, H, W) plus *cells* (B, C, H/8, W/8), interpolated linearly between their centres."""
    batch, channels, height, width = values.shape
    across = torch.einsum("xs,bcrs->brxc", _interpolation(width // CELL, cells.device), cells)
    rows = across.reshape(batch, height // CELL, width * channels)
    above, below = (torch.cat(pair, dim=1) for pair in ((rows[:, :1], rows[:, :-1]), (rows[:, 1:], rows[:, -1:])))
    pixels = values.permute(0, 2, 3, 1).reshape(batch, height // CELL, CELL, width * channels)
    total = torch.empty_like(pixels)
    # Two neighbours count for each row of a cell; a matrix product would be four times slower.
    for row in range(CELL):
        place = (row + 0.5) / CELL - 0.5
        between = torch.lerp(rows, above if place < 0 else below, abs(place))
        torch.add(pixels[:, :, row], between, out=total[:, :, row])
    return total.reshape(batch, height, width, channels).permute(0, 3, 1, 2)


@cache
def _interpolation(cells: int, device: torch.device) -> Tensor:
    """The matrix (8 n, n) from n cells to pixels; beyond the outer centres the value of the cell."""
    unit = torch.eye(cells).unsqueeze(0)
    lines = functional.interpolate(unit, scale_factor=CELL, mode="linear", align_corners=False)
    return lines[0].T.contiguous().to(device)


def _low(cells: Tensor) -> Tensor:
    """The low frequencies: blurred twice over, so that little of a neighbour's drift leaks in."""
    blurred = filtered(cells, _NEAR)
    return blurred + filtered(cells - blurred, _NEAR)


def filtered(cells: Tensor, weights: tuple[int, ...]) -> Tensor:
    """A separable filter; nothing is assumed outside of the tile."""
    height, width = cells.shape[2:]
    return _filter(height, weights, cells.device) @ cells @ _filter(width, weights, cells.device).T


@cache
def _filter(length: int, weights: tuple[int, ...], device: torch.device) -> Tensor:
    """The matrix (length, length) that filters a line; its rows add up to 1, at the ends too."""
    reach = len(weights) // 2
    matrix = torch.zeros(length, length + 2 * reach)
    for place in range(length):
        matrix[place, place : place + len(weights)] = torch.tensor(weights, dtype=torch.float32)
    matrix = matrix[:, reach : reach + length]
    return (matrix / matrix.sum(dim=1, keepdim=True)).to(device)


def _beyond(drift: Tensor, thresholds: Tensor) -> Tensor:
    """*drift* of R, G and B, shrunk along luma and two chroma axes."""
    axes = _AXES.to(drift.device)
    along = torch.einsum("ij,bjhw->bihw", axes, drift)
    return torch.einsum("ij,bihw->bjhw", axes, _shrunk(along, thresholds))


def _shrunk(values: Tensor, threshold: Tensor) -> Tensor:
    return values.sign() * (values.abs() - threshold).clamp_min(0)


def _clipping(distance: Tensor, sigma: Tensor) -> Tensor:
    """How far clipping moved the mean of normal noise of *sigma*, now at a *distance* from the end of the range."""
    moved = torch.zeros_like(distance)
    near = distance < _CLIPS_WITHIN * sigma
    if near.device.type == "cpu" and not bool(near.any()):
        return moved
    for _ in range(2):  # the mean before clipping is not known, but follows from what it was moved by
        far = ((distance - moved) / sigma.clamp_min(1e-6)).clamp(0, 10)
        density = torch.exp(-0.5 * far.square()) / math.sqrt(2 * math.pi)
        tail = 0.5 * torch.erfc(far / math.sqrt(2))
        moved = (sigma * (density - far * tail)).clamp_min(0) * near
    return moved
