"""Correlated noise: Gaussian noise through small kernels, correlated channels, signal-dependent strength."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

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
