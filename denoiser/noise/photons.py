"""Signal-dependent noise without a camera: Poisson noise and speckle."""

from __future__ import annotations

import torch
from torch import Tensor


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
