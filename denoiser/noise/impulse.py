"""Impulse noise: random pixels or values are replaced."""

from __future__ import annotations

import torch
from torch import Tensor


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
