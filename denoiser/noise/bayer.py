"""A colour filter array and its undoing: what makes camera noise correlated between neighbours and colours.

Pixels of one colour sit on a grid of step two: red at one corner of each 2x2 cell, blue at the opposite one,
green at the other two. Patterns are numbered 0..3 by the corner of red: (row, column) = divmod(pattern, 2).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

PATTERNS = 4

_BILINEAR_RB = ((1, 2, 1), (2, 4, 2), (1, 2, 1))
_BILINEAR_G = ((0, 1, 0), (1, 4, 1), (0, 1, 0))

# Malvar, He and Cutler, "High-quality linear interpolation for demosaicing of Bayer-patterned color images" (2004).
_G_AT_OTHER = ((0, 0, -1, 0, 0), (0, 0, 2, 0, 0), (-1, 2, 4, 2, -1), (0, 0, 2, 0, 0), (0, 0, -1, 0, 0))
_SIDE_BY_SIDE = ((0, 0, 0.5, 0, 0), (0, -1, 0, -1, 0), (-1, 4, 5, 4, -1), (0, -1, 0, -1, 0), (0, 0, 0.5, 0, 0))
_DIAGONAL = ((0, 0, -1.5, 0, 0), (0, 2, 0, 2, 0), (-1.5, 0, 6, 0, -1.5), (0, 2, 0, 2, 0), (0, 0, -1.5, 0, 0))


def masks(pattern: Tensor, height: int, width: int) -> Tensor:
    """Where each colour was measured: (B, 3, H, W) of 0 and 1 for patterns (B,)."""
    row, column = (pattern // 2).reshape(-1, 1, 1), (pattern % 2).reshape(-1, 1, 1)
    at_row = torch.arange(height, device=pattern.device).reshape(1, -1, 1) % 2 == row
    at_column = torch.arange(width, device=pattern.device).reshape(1, 1, -1) % 2 == column
    red, blue = at_row & at_column, ~at_row & ~at_column
    return torch.stack([red, ~(red | blue), blue], dim=1).float()


def demosaic_bilinear(mosaic: Tensor, mask: Tensor) -> Tensor:
    """Colours (B, 3, H, W) from a mosaic (B, 1, H, W), each the mean of its nearest measured neighbours."""
    kernels = torch.stack([_kernel(k, mosaic) for k in (_BILINEAR_RB, _BILINEAR_G, _BILINEAR_RB)]).unsqueeze(1)
    sums = functional.conv2d(mosaic * mask, kernels, padding=1, groups=3)
    weights = functional.conv2d(mask, kernels, padding=1, groups=3)  # fewer neighbours at the border
    return sums / weights


def demosaic_malvar(mosaic: Tensor, mask: Tensor) -> Tensor:
    """Colours (B, 3, H, W) from a mosaic (B, 1, H, W), bilinear with the other colours' curvature added."""
    kernels = torch.stack([_kernel(k, mosaic) / 8 for k in (_G_AT_OTHER, _SIDE_BY_SIDE, _DIAGONAL)])
    along_column = kernels[1].T
    kernels = torch.cat([kernels, along_column.unsqueeze(0)]).unsqueeze(1)
    padded = functional.pad(mosaic, (2, 2, 2, 2), mode="reflect")
    green_other, beside, diagonal, above = functional.conv2d(padded, kernels).unbind(dim=1)
    own, red, green, blue = mosaic[:, 0], *mask.unbind(dim=1)
    red_row, blue_row = _rows_with(red), _rows_with(blue)
    at_green_red = torch.where(red_row, beside, above)
    at_green_blue = torch.where(blue_row, beside, above)
    return torch.stack(
        [
            red * own + green * at_green_red + blue * diagonal,
            green * own + (1 - green) * green_other,
            blue * own + green * at_green_blue + red * diagonal,
        ],
        dim=1,
    )


def _rows_with(mask: Tensor) -> Tensor:
    return mask.any(dim=2, keepdim=True).expand_as(mask)


def _kernel(rows: tuple[tuple[float, ...], ...], like: Tensor) -> Tensor:
    return torch.tensor(rows, dtype=like.dtype, device=like.device)
