"""White Gaussian noise: the same in every pixel and channel, as most papers measure it."""

from __future__ import annotations

import torch
from torch import Tensor


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
