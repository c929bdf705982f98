"""Bayer mosaic and demosaicing, which correlate camera noise between neighbours and colours.

Pixels of one colour sit on a grid of step two: red at one corner of each 2x2 cell, blue at the opposite one,
green at the other two. Patterns are numbered 0..3 by the corner of red: (row, column) = divmod(pattern, 2).
Each demosaicing takes a mosaic (B, 1, H, W) with the masks (B, 3, H, W) of where each colour was measured, and
gives colours (B, 3, H, W); sides are at least 4 pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

PATTERNS = 4
SMALLEST_SIDE = 4  # pixels: mirrored borders need that many


def masks(pattern: Tensor, height: int, width: int) -> Tensor:
    """Where each colour was measured: (B, 3, H, W) of 0 and 1 for patterns (B,)."""
    row, column = (pattern // 2).reshape(-1, 1, 1), (pattern % 2).reshape(-1, 1, 1)
    at_row = torch.arange(height, device=pattern.device).reshape(1, -1, 1) % 2 == row
    at_column = torch.arange(width, device=pattern.device).reshape(1, 1, -1) % 2 == column
    red, blue = at_row & at_column, ~at_row & ~at_column
    return torch.stack([red, ~(red | blue), blue], dim=1).float()


def demosaic_bilinear(mosaic: Tensor, mask: Tensor) -> Tensor:
    """Each colour the mean of its nearest measured neighbours."""
    padded, where = _mirrored(mosaic, 1), _mirrored(mask, 1)
    red, blue = _filled_on_a_coarse_grid(padded * where[:, 0::2]).chunk(2, dim=1)
    (above, here, below), (left, _, right) = _rows(padded * where[:, 1:2]), _columns(padded * where[:, 1:2])
    green = _inner_columns(here, 1) + (_inner_columns(above + below, 1) + _inner_rows(left + right, 1)) / 4
    return torch.cat([red, green, blue], dim=1)


def demosaic_malvar(mosaic: Tensor, mask: Tensor) -> Tensor:
    """Bilinear with the other colours' curvature added.

    Malvar, He and Cutler, "High-quality linear interpolation for demosaicing of Bayer-patterned images", 2004.
    """
    padded = _mirrored(mosaic, 2)
    up_2, up, middle, down, down_2 = (_inner_columns(row, 2) for row in _rows(padded, 2))
    left_2, left, _, right, right_2 = (_inner_rows(column, 2) for column in _columns(padded, 2))
    rows = [padded[:, :, k : k + mosaic.shape[2]] for k in (1, 3)]
    corners = sum(_columns(row, 2)[k] for row in rows for k in (1, 3))
    far_down, far_across, near_down, near_across = up_2 + down_2, left_2 + right_2, up + down, left + right
    far = far_down + far_across
    green_other = middle / 2 + (near_down + near_across) / 4 - far / 8
    diagonal = middle * 0.75 + corners / 4 - far * (1.5 / 8)
    shared = middle * 0.625 - corners / 8
    beside = shared + near_across / 2 - far_across / 8 + far_down / 16
    above = shared + near_down / 2 - far_down / 8 + far_across / 16
    red, green, blue = mask.chunk(3, dim=1)
    at_green_red = torch.where(_rows_with(red), beside, above)
    at_green_blue = torch.where(_rows_with(blue), beside, above)
    return torch.cat(
        [
            red * mosaic + green * at_green_red + blue * diagonal,
            green * mosaic + (1 - green) * green_other,
            blue * mosaic + green * at_green_blue + red * diagonal,
        ],
        dim=1,
    )


def demosaic_edge_directed(mosaic: Tensor, mask: Tensor) -> Tensor:
    """Green along the edge rather than across it, then red and blue by their differences from green.

    After Hamilton and Adams, US patent 5,629,734 (1997, expired).
    """
    padded = _mirrored(mosaic, 2)
    across, across_slope = _along([_inner_rows(column, 2) for column in _columns(padded, 2)])
    down, down_slope = _along([_inner_columns(row, 2) for row in _rows(padded, 2)])
    choice = torch.where(across_slope < down_slope, across, down)
    choice = torch.where(across_slope == down_slope, (across + down) / 2, choice)
    green = torch.where(mask[:, 1:2] > 0, mosaic, choice)
    difference, where = _mirrored(mosaic - green, 1), _mirrored(mask, 1)
    red, blue = (green + _filled_on_a_coarse_grid(difference * where[:, 0::2])).chunk(2, dim=1)
    return torch.cat([red, green, blue], dim=1)


DEMOSAICS = (demosaic_bilinear, demosaic_malvar, demosaic_edge_directed)


# Sums of shifted views rather than convolutions: with one channel in and out those are ten times slower on a CPU.
# A mirrored border keeps the pattern, since mirrored pixels are an even number of pixels away.


def _mirrored(planes: Tensor, by: int) -> Tensor:
    return functional.pad(planes, (by, by, by, by), mode="reflect")


def _rows(padded: Tensor, by: int = 1) -> list[Tensor]:
    height = padded.shape[2] - 2 * by
    return [padded[:, :, k : k + height] for k in range(2 * by + 1)]


def _columns(padded: Tensor, by: int = 1) -> list[Tensor]:
    width = padded.shape[3] - 2 * by
    return [padded[:, :, :, k : k + width] for k in range(2 * by + 1)]


def _inner_rows(planes: Tensor, by: int) -> Tensor:
    return planes[:, :, by : planes.shape[2] - by]


def _inner_columns(planes: Tensor, by: int) -> Tensor:
    return planes[:, :, :, by : planes.shape[3] - by]


def _filled_on_a_coarse_grid(padded: Tensor) -> Tensor:
    """Planes, known on every second row and column and zero elsewhere, with the gaps filled linearly."""
    above, here, below = _rows(padded)
    left, middle, right = _columns(here + (above + below) / 2)
    return middle + (left + right) / 2


def _along(line: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Green between its two neighbours on a *line* of five pixels, and the slope there."""
    two_back, back, here, on, two_on = line
    curvature = 2 * here - two_back - two_on
    return (back + on) / 2 + curvature / 4, (back - on).abs() + curvature.abs()


def _rows_with(mask: Tensor) -> Tensor:
    return mask[..., :2].amax(dim=3, keepdim=True) > 0  # the pattern repeats after two columns
