"""Simple kinds of noise: white, correlated, signal-dependent without a camera, impulses, and missing parts.

White Gaussian noise is the same in every pixel and channel, as most papers measure it. Missing parts show one
value, as in masked autoencoders and old prints.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def add_white(
    clean: Tensor, sigma: Tensor | float, generator: torch.Generator, *, grey: Tensor | bool = False
) -> Tensor:
    """*clean* (B, C, H, W) in 0..1 with Gaussian noise of *sigma* in 8-bit units; neither clipped nor rounded.

    *sigma* is one number or (B,). Where *grey*, one truth or (B,), all channels get the same noise.
    """
    same_for_all = grey is True
    shape = (clean.shape[0], 1, *clean.shape[2:]) if same_for_all else clean.shape
    noise = torch.randn(shape, generator=generator, device=clean.device, dtype=clean.dtype)
    if isinstance(grey, Tensor):
        noise = torch.where(grey.reshape(-1, 1, 1, 1), noise[:, :1], noise)
    scale = torch.as_tensor(sigma, device=clean.device, dtype=clean.dtype).reshape(-1, 1, 1, 1) / 255
    return clean + noise * scale


def as_8_bit(image: Tensor) -> Tensor:
    """What an 8-bit file would keep of *image*: clipped to 0..1 and rounded to its steps."""
    return image.clamp(0, 1).mul(255).round().div(255)


_KERNEL = 7
_MIN_BLUR, _MAX_BLUR = (
    0.4,
    1.2,
)  # sigma of the kernels in pixels: from nearly white to the blotches of a resized photo


def add_shaped(clean: Tensor, sigma: Tensor, generator: torch.Generator) -> Tensor:
    """*clean* (B, 3, H, W) in 0..1 with correlated noise whose mean strength is *sigma* (B,) in 8-bit units."""
    batch, channels, height, width = clean.shape
    noise = torch.randn(
        batch, channels, height + _KERNEL - 1, width + _KERNEL - 1, generator=generator, device=clean.device
    )
    noise = _mix_channels(_blur(noise, generator), generator)
    # The strength varies with the light by up to a factor of three, either way.
    slope = torch.rand(batch, 1, 1, 1, generator=generator, device=clean.device) * 2 - 1
    gain = torch.exp(slope * (clean.mean(dim=1, keepdim=True) - 0.5) * 1.1)
    return clean + noise * gain * sigma.reshape(-1, 1, 1, 1) / 255


def _blur(noise: Tensor, generator: torch.Generator) -> Tensor:
    batch, channels, height, width = noise.shape
    blur = torch.rand(batch, 2, generator=generator, device=noise.device) * (_MAX_BLUR - _MIN_BLUR) + _MIN_BLUR
    at = torch.arange(_KERNEL, device=noise.device) - _KERNEL // 2
    bell = torch.exp(-0.5 * (at / blur.unsqueeze(-1)).square())  # (B, 2, K)
    kernel = bell[:, 0, :, None] * bell[:, 1, None, :]
    kernel = kernel / kernel.square().sum(dim=(1, 2), keepdim=True).sqrt()  # keeps the variance at 1
    grouped = kernel.unsqueeze(1).repeat_interleave(channels, dim=0)
    out = functional.conv2d(noise.reshape(1, batch * channels, height, width), grouped, groups=batch * channels)
    return out.reshape(batch, channels, *out.shape[2:])


def _mix_channels(noise: Tensor, generator: torch.Generator) -> Tensor:
    batch, channels = noise.shape[:2]
    mixing = torch.eye(channels, device=noise.device) + 0.6 * torch.randn(
        batch, channels, channels, generator=generator, device=noise.device
    )
    mixing = mixing / mixing.square().sum(dim=2, keepdim=True).sqrt()  # each channel keeps variance 1
    return torch.einsum("bij,bjhw->bihw", mixing, noise)


def add_poisson(clean: Tensor, peak: Tensor | float, generator: torch.Generator) -> Tensor:
    """*clean* (B, C, H, W) in 0..1 as counts of photons would show it, *peak* of them at white; not clipped.

    *peak* is one number or (B,); the variance is clean / peak.
    """
    peak = torch.as_tensor(peak, device=clean.device, dtype=clean.dtype).reshape(-1, 1, 1, 1)
    return torch.poisson(clean.clamp_min(0) * peak, generator=generator) / peak


def add_speckle(clean: Tensor, sigma: Tensor | float, generator: torch.Generator) -> Tensor:
    """*clean* (B, C, H, W) in 0..1 times 1 plus Gaussian noise of *sigma*, one number or (B,); not clipped.

    *sigma* is in 8-bit units at white, as for the other kinds.
    """
    sigma = torch.as_tensor(sigma, device=clean.device, dtype=clean.dtype).reshape(-1, 1, 1, 1) / 255
    noise = torch.randn(clean.shape, generator=generator, device=clean.device, dtype=clean.dtype)
    return clean * (1 + sigma * noise)


def add_salt_and_pepper(clean: Tensor, share: Tensor | float, generator: torch.Generator) -> Tensor:
    """*clean* (B, C, H, W) in 0..1 with a *share* of its pixels, one number or (B,), black or white, half each."""
    batch, _, height, width = clean.shape
    draw = torch.rand(batch, 1, height, width, generator=generator, device=clean.device)
    share = _for_each(share, clean)
    return torch.where(draw < share, (draw < share / 2).to(clean.dtype), clean)


def add_random_values(clean: Tensor, share: Tensor | float, generator: torch.Generator) -> Tensor:
    """*clean* (B, C, H, W) in 0..1 with a *share* of its values, one number or (B,), replaced by values in 0..1."""
    # Of the values that are struck the draw is uniform below the share: divided by it, it is the new value.
    draw = torch.rand(clean.shape, generator=generator, device=clean.device, dtype=clean.dtype)
    share = _for_each(share, clean)
    return torch.where(draw < share, draw / share.clamp_min(1e-12), clean)


def _for_each(share: Tensor | float, clean: Tensor) -> Tensor:
    return torch.as_tensor(share, device=clean.device, dtype=clean.dtype).reshape(-1, 1, 1, 1)


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
