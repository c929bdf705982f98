"""Simple kinds of noise: white, correlated, signal-dependent without a camera, impulses, and missing parts.

White Gaussian noise has the same level in every pixel and channel, as in most papers. Missing parts are 0, as in
masked autoencoders.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def add_white(
    clean: Tensor, sigma: Tensor | float, generator: torch.Generator, *, grey: Tensor | bool = False
) -> Tensor:
    """*clean* (B, C, H, W) in 0..1 with Gaussian noise of *sigma* in 8-bit units; neither clipped nor rounded.

    *sigma* is one number or (B,). *grey*, one value or (B,), gives all channels the same noise.
    """
    same_for_all = grey is True
    shape = (clean.shape[0], 1, *clean.shape[2:]) if same_for_all else clean.shape
    noise = torch.randn(shape, generator=generator, device=clean.device, dtype=clean.dtype)
    if isinstance(grey, Tensor):
        noise = torch.where(grey.reshape(-1, 1, 1, 1), noise[:, :1], noise)
    scale = torch.as_tensor(sigma, device=clean.device, dtype=clean.dtype).reshape(-1, 1, 1, 1) / 255
    return clean + noise * scale


def as_8_bit(image: Tensor) -> Tensor:
    """*image* as in an 8-bit file: clipped to 0..1 and rounded."""
    return image.clamp(0, 1).mul(255).round().div(255)


_KERNEL = 7
_MIN_BLUR, _MAX_BLUR = 0.4, 1.2  # sigma of the kernels in pixels: from nearly white to blotches of resized photos
_BLOCK = 8  # pixels


def add_shaped(clean: Tensor, sigma: Tensor, generator: torch.Generator) -> Tensor:
    """*clean* (B, 3, H, W) in 0..1 with correlated noise whose mean strength is *sigma* (B,) in 8-bit units."""
    batch, channels, height, width = clean.shape
    noise = torch.randn(
        batch, channels, height + _KERNEL - 1, width + _KERNEL - 1, generator=generator, device=clean.device
    )
    noise = _mix_channels(_blur(noise, generator), generator)
    # The strength varies with brightness by up to a factor of three, in both directions.
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
    """*clean* (B, C, H, W) in 0..1 with photon noise, *peak* photons at white; not clipped.

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
    # The draw of a replaced value is uniform below the share; divided by it, it is the new value.
    draw = torch.rand(clean.shape, generator=generator, device=clean.device, dtype=clean.dtype)
    share = _for_each(share, clean)
    return torch.where(draw < share, draw / share.clamp_min(1e-12), clean)


def _for_each(share: Tensor | float, clean: Tensor) -> Tensor:
    return torch.as_tensor(share, device=clean.device, dtype=clean.dtype).reshape(-1, 1, 1, 1)


def mask_pixels(clean: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """*clean* (B, C, H, W) with a *share* of its pixels set to 0."""
    batch, _, height, width = clean.shape
    return clean.masked_fill(_lost(batch, height, width, share, generator), 0)


def mask_blocks(clean: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """*clean* (B, C, H, W) with a *share* of its squares of 8 pixels set to 0."""
    batch, _, height, width = clean.shape
    lost = _lost(batch, -(-height // _BLOCK), -(-width // _BLOCK), share, generator)
    lost = lost.repeat_interleave(_BLOCK, 2).repeat_interleave(_BLOCK, 3)
    return clean.masked_fill(lost[..., :height, :width], 0)


def mask_stripes(clean: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """*clean* (B, C, H, W) with a *share* of its rows or of its columns set to 0."""
    batch, _, height, width = clean.shape
    across = _lost(batch, height, 1, share, generator)
    down = _lost(batch, 1, width, share, generator)
    turned = torch.rand(batch, 1, 1, 1, generator=generator, device=clean.device) < 0.5
    return clean.masked_fill(torch.where(turned, across, down), 0)


def _lost(batch: int, rows: int, columns: int, share: float, generator: torch.Generator) -> Tensor:
    return torch.rand(batch, 1, rows, columns, generator=generator, device=generator.device) < share
