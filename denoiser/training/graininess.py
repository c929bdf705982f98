"""Grain as developed photos have it: a falling spectrum, colours in larger blotches, strength that follows light.

Spectra are drawn around those of photos that cameras developed themselves: luma falls slowly from coarse to fine
and ends before the finest detail, chroma is left in the coarse quarter alone, since cameras smooth it most.
"""

from __future__ import annotations

import torch
from torch import Tensor

from denoiser.networks.estimator import along_axes

LUMA_RANGE = (0.5, 30.0)  # sigma in 8-bit units


def add_grain(clean: Tensor, generator: torch.Generator) -> Tensor:
    """*clean* (B, 3, H, W) in 0..1 with grain of a random strength and shape; neither clipped nor rounded."""
    batch, _, height, width = clean.shape
    device = clean.device

    def draw(low: float, high: float, *, evenly_in_log: bool = False) -> Tensor:
        luck = torch.rand(batch, 1, 1, 1, generator=generator, device=device)
        return low * (high / low) ** luck if evenly_in_log else low + (high - low) * luck

    radius = torch.hypot(
        torch.fft.fftfreq(height, device=device).unsqueeze(1), torch.fft.rfftfreq(width, device=device)
    )
    knee, fall, end = draw(0.02, 0.4, evenly_in_log=True), draw(0, 1.5), draw(0.15, 0.7)
    luma = _field((radius, knee, fall, end), 1, clean, generator)
    knee, fall, end = draw(0.02, 0.3, evenly_in_log=True), draw(0, 2.0), draw(0.05, 0.6, evenly_in_log=True)
    chroma = _field((radius, knee, fall, end), 2, clean, generator)
    both = torch.cat([luma, chroma * draw(0.15, 1.3, evenly_in_log=True)], dim=1)
    # The strength varies with the light by up to a factor of four, either way.
    brightness = clean.mean(dim=1, keepdim=True)
    gain = torch.exp(draw(-1.4, 1.4) * (brightness - 0.5))
    sigma = draw(*LUMA_RANGE, evenly_in_log=True) / 255
    return clean + _to_rgb(both) * gain * sigma


def _field(
    shape: tuple[Tensor, Tensor, Tensor, Tensor], planes: int, like: Tensor, generator: torch.Generator
) -> Tensor:
    """Noise (B, planes, H, W) of unit variance: flat up to the knee, falling after, nothing past the end."""
    radius, knee, fall, end = shape
    batch, _, height, width = like.shape
    white = torch.randn(batch, planes, height, width, generator=generator, device=like.device)
    response = (1 + (radius / knee).square()).pow(-fall / 2) / (1 + (radius / end).pow(8)).sqrt()
    response[..., 0, 0] = 0
    field: Tensor = torch.fft.irfft2(torch.fft.rfft2(white) * response, s=(height, width))
    return field / field.square().mean(dim=(1, 2, 3), keepdim=True).sqrt().clamp_min(1e-6)


def _to_rgb(planes: Tensor) -> Tensor:
    # The axes are orthonormal: the way back is the transpose, whose columns are the images of the unit vectors.
    unit = torch.eye(3, dtype=planes.dtype, device=planes.device).reshape(3, 3, 1, 1)
    axes = along_axes(unit).reshape(3, 3)  # row i: where RGB's i-th colour goes
    return torch.einsum("ij,bjhw->bihw", axes, planes)
