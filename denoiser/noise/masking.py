"""Masking noise: parts of a picture are missing and show one value, as in masked autoencoders and old prints."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def mask_pixels(clean: Tensor, share: float, generator: torch.Generator, *, fill: float = 0.0) -> Tensor:
    """*clean* (B, C, H, W) with a *share* of its pixels set to *fill*."""
    batch, _, height, width = clean.shape
    return _filled(clean, _lost(batch, height, width, share, generator, clean.device), fill)


def mask_blocks(
    clean: Tensor, share: float, generator: torch.Generator, *, size: int = 8, fill: float = 0.0
) -> Tensor:
    """*clean* (B, C, H, W) with a *share* of its squares of *size* pixels set to *fill*."""
    batch, _, height, width = clean.shape
    rows, columns = -(-height // size), -(-width // size)
    lost = _lost(batch, rows, columns, share, generator, clean.device)
    lost = functional.interpolate(lost.float(), scale_factor=size, mode="nearest")[..., :height, :width] > 0
    return _filled(clean, lost, fill)


def mask_stripes(
    clean: Tensor, share: float, generator: torch.Generator, *, size: int = 1, fill: float = 0.0
) -> Tensor:
    """*clean* (B, C, H, W) with a *share* of its stripes, *size* pixels wide, set to *fill*; across or down."""
    batch, _, height, width = clean.shape
    across = _lost(batch, -(-height // size), 1, share, generator, clean.device).repeat_interleave(size, 2)
    down = _lost(batch, 1, -(-width // size), share, generator, clean.device).repeat_interleave(size, 3)
    turned = torch.rand(batch, 1, 1, 1, generator=generator, device=clean.device) < 0.5
    return _filled(clean, torch.where(turned, across[:, :, :height], down[..., :width]), fill)


def _lost(
    batch: int, rows: int, columns: int, share: float, generator: torch.Generator, device: torch.device
) -> Tensor:
    return torch.rand(batch, 1, rows, columns, generator=generator, device=device) < share


def _filled(clean: Tensor, lost: Tensor, fill: float) -> Tensor:
    return clean.masked_fill(lost, fill)
