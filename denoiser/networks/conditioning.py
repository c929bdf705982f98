"""Conditioning as tensors, and what the engine expects of a denoiser."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from denoiser.networks.condition import MAX_SIGMA, Condition, NetworkSpec


def planes_of(condition: Condition) -> Tensor:
    """The planes (1, 4, 1, 1) of a condition."""
    return torch.from_numpy(condition.planes()).reshape(1, -1, 1, 1)


def planes_of_batch(luma: Tensor, chroma: Tensor, kind: Tensor, level_known: Tensor, kind_known: Tensor) -> Tensor:
    """The planes (B, 4) of a training batch; all arguments are (B,), the last two boolean."""
    level = level_known.to(luma.dtype)
    return torch.stack(
        [luma / MAX_SIGMA * level, chroma / MAX_SIGMA * level, level, (2 * kind - 1) * kind_known.to(luma.dtype)],
        dim=1,
    )


def luma_and_chroma_sigma(noise: Tensor) -> tuple[Tensor, Tensor]:
    """The two sigmas (B,) in 8-bit units of noise (B, 3, H, W) that is scaled to 0..1."""
    grey = noise.mean(dim=1, keepdim=True)
    luma = grey.square().mean(dim=(1, 2, 3)).mul(3).sqrt()
    chroma = (noise - grey).square().sum(dim=1).mean(dim=(1, 2)).div(2).sqrt()
    return luma * 255, chroma * 255


def in_fp32(x: Tensor) -> torch.autocast:
    """Context that disables bf16, whose 8 bits of precision are too few for absolute pixel values."""
    return torch.autocast(x.device.type, enabled=False)


class Denoiser(nn.Module):
    """Maps noisy (B, 3, H, W) in 0..1 and planes (B, 4, 1, 1) to clean; for sizes that fit its spec."""

    size_multiple: int
    formula_radius: int
    kmac_per_pixel: float

    def spec(self, halo: int) -> NetworkSpec:
        """The properties of the network; *halo* is measured on the weights, not derived."""
        parameters = sum(value.numel() for value in self.parameters())
        return NetworkSpec(self.size_multiple, halo, self.formula_radius, self.kmac_per_pixel, parameters)
