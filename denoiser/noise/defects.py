"""Sensor defects that lie on top of the noise: dead and hot pixels, and offsets of whole rows or columns."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

_HOT_SHARE = 0.75  # of the defects; the others are dead. Long exposures show far more hot pixels
_PAIR_SHARE = 0.3  # of the defects: the next pixel has the same one
_ONE_CHANNEL_SHARE = 0.5  # of the defects
_SPREAD_SHARE = 0.4  # of the images: a Bayer mosaic was interpolated after the defect
_STRENGTH_RANGE = (0.2, 1.0)  # of the way to black or white
_SAME_FOR_ALL_SHARE = 0.5  # of the striped images: all channels have the same stripes
# What bilinear interpolation of a Bayer mosaic makes of one pixel.
_SPREAD = ((0.25, 0.5, 0.25), (0.5, 1.0, 0.5), (0.25, 0.5, 0.25))


def add_defects(noisy: Tensor, share: Tensor | float, generator: torch.Generator) -> Tensor:
    """Return *noisy* (B, C, H, W) with a *share* of its pixels, one number or (B,), dead or hot.

    Values move towards 0 or 1; all others stay as they are.
    """
    batch, channels, height, width = noisy.shape
    size = (batch, 1, height, width)

    def draw(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator, device=noisy.device, dtype=noisy.dtype)

    share = torch.as_tensor(share, device=noisy.device, dtype=noisy.dtype).reshape(-1, 1, 1, 1)
    low, high = _STRENGTH_RANGE
    strength = low + (high - low) * draw(*size)
    signed = torch.where(draw(*size) < _HOT_SHARE, strength, -strength) * (draw(*size) < share)
    own = (draw(*size) * channels).floor() == torch.arange(channels, device=noisy.device).reshape(1, -1, 1, 1)
    signed = signed * (own | (draw(*size) >= _ONE_CHANNEL_SHARE))
    paired = signed * (draw(*size) < _PAIR_SHARE)
    across = functional.pad(paired, (1, 0))[..., :-1]
    down = functional.pad(paired, (0, 0, 1, 0))[..., :-1, :]
    signed = signed + torch.where(draw(batch, 1, 1, 1) < 0.5, across, down)
    kernel = _spread_kernel(noisy.device).to(noisy.dtype).expand(channels, 1, 3, 3)
    spread = functional.conv2d(signed, kernel, padding=1, groups=channels)
    signed = torch.where(draw(batch, 1, 1, 1) < _SPREAD_SHARE, spread, signed).clamp(-1, 1)
    return torch.lerp(noisy, (signed > 0).to(noisy.dtype), signed.abs())


@cache
def _spread_kernel(device: torch.device) -> Tensor:
    return torch.tensor(_SPREAD, device=device)  # kept there: copying makes the host wait


def add_stripes(noisy: Tensor, sigma: Tensor | float, generator: torch.Generator) -> Tensor:
    """Return *noisy* (B, C, H, W) with an offset for each row, or for each column, not clipped.

    *sigma*, one number or (B,), is the standard deviation of the offsets in 8-bit units.
    """
    batch, channels, height, width = noisy.shape
    device, dtype = noisy.device, noisy.dtype
    rows = torch.randn(batch, channels, height, 1, generator=generator, device=device, dtype=dtype)
    columns = torch.randn(batch, channels, 1, width, generator=generator, device=device, dtype=dtype)
    turned, same = torch.rand(2, batch, 1, 1, 1, generator=generator, device=device)
    offsets = torch.where(turned < 0.5, rows, columns)
    offsets = torch.where(same < _SAME_FOR_ALL_SHARE, offsets[:, :1], offsets)
    sigma = torch.as_tensor(sigma, device=device, dtype=dtype).reshape(-1, 1, 1, 1)
    return noisy + offsets * sigma / 255
