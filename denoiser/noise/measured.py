"""Noise fitted to one source: level by brightness, spatial and channel correlation.

    white fields (B, 3, H, W) ─► 3x3 filters: grain and colour ─► times level(brightness) ─► added to the image

The filters are the square root of the spectrum that was measured; each channel's level follows its own brightness.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

KNOTS = 16  # brightnesses, evenly from 0 to 1, at which the level is known; linear between them


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredNoise:
    """The result of a fit. Samples are seeded, on the device of the image.

    ``level`` (3, KNOTS) is the sigma of each channel in 8-bit units at its own brightness. ``kernel`` (3, 3, S, S),
    S odd, leads from three white fields to the three channels, each of unit variance. ``spread`` is how far the
    strength differs from photo to photo, as the standard deviation of its logarithm.
    """

    level: Tensor
    kernel: Tensor
    spread: float = 0.0

    def __post_init__(self) -> None:
        side = self.kernel.shape[-1]
        if self.level.shape != (3, KNOTS) or self.kernel.shape != (3, 3, side, side) or side % 2 == 0:
            raise ValueError(f"not a noise model: level {self.level.shape}, kernel {self.kernel.shape}")

    def add(self, clean: Tensor, generator: torch.Generator) -> Tensor:
        """*clean* (B, 3, H, W) in 0..1 with this noise, not clipped nor rounded; each row has its own strength."""
        batch, _, height, width = clean.shape
        luck = torch.randn(batch, 1, 1, 1, generator=generator, device=clean.device)
        strength = torch.exp(self.spread * luck) / 255
        return clean + self.field(batch, height, width, generator) * self.sigma_at(clean) * strength

    def field(self, batch: int, height: int, width: int, generator: torch.Generator) -> Tensor:
        """Bare noise (batch, 3, height, width) of unit variance with the grain, on the generator's device.

        Stationary on a torus: the first and last columns are correlated like other neighbours.
        """
        side = self.kernel.shape[-1]
        size = (max(height, side), max(width, side))
        white = torch.randn(batch, 3, *size, generator=generator, device=generator.device)
        response = torch.fft.rfft2(self.kernel.to(generator.device), s=size)
        mixed = torch.einsum("ijhw,bjhw->bihw", response, torch.fft.rfft2(white))
        field: Tensor = torch.fft.irfft2(mixed, s=size)
        return field[..., :height, :width]

    def sigma_at(self, clean: Tensor) -> Tensor:
        """The level (B, 3, H, W) in 8-bit units at each value of *clean*."""
        place = clean.clamp(0, 1) * (KNOTS - 1)
        below = place.long().clamp_max(KNOTS - 2)
        level = self.level.to(clean.device)
        channel = torch.arange(3, device=clean.device).reshape(1, 3, 1, 1)
        low, high = level[channel, below], level[channel, below + 1]
        return low + (high - low) * (place - below)

    @property
    def channel_correlation(self) -> Tensor:
        """Correlation (3, 3) of the channels at the same pixel."""
        return torch.einsum("ikyx,jkyx->ij", self.kernel, self.kernel)

    @property
    def neighbour_correlation(self) -> float:
        """Correlation of neighbouring pixels, the mean over channels and directions; 0 for white noise."""
        beside = (self.kernel[..., 1:] * self.kernel[..., :-1]).sum()
        below = (self.kernel[..., 1:, :] * self.kernel[..., :-1, :]).sum()
        return float((beside + below) / 2 / self.kernel.square().sum())

    def luma_and_chroma(self, clean: Tensor) -> tuple[float, float]:
        """Sigma of luma and chroma, as given to a denoiser, of this noise on images like *clean* (B, 3, H, W)."""
        sigma = self.sigma_at(clean)
        together = torch.einsum("bihw,bjhw->ij", sigma, sigma) / sigma[:, 0].numel()
        covariance = together * self.channel_correlation.to(clean.device)
        luma = covariance.sum() / 3
        chroma = (covariance.trace() - luma) / 2
        return float(luma.sqrt()), float(chroma.clamp_min(0).sqrt())


def kernel_of_spectrum(spectrum: Tensor) -> Tensor:
    """The filters (3, 3, N-1, N-1) of a Hermitian *spectrum* (N, N, 3, 3), laid out as torch.fft.fft2 does.

    Each channel gets unit variance whatever the spectrum's scale; negative eigenvalues count as 0.
    """
    values, vectors = torch.linalg.eigh(spectrum)
    root = (vectors * values.clamp_min(0).sqrt().unsqueeze(-2)) @ vectors.mH
    spatial = torch.fft.ifft2(root.permute(2, 3, 0, 1)).real
    # An even side has one lag without a counterpart.
    kernel: Tensor = torch.fft.fftshift(spatial, dim=(-2, -1))[..., 1:, 1:]
    power = kernel.square().sum(dim=(1, 2, 3), keepdim=True).clamp_min(1e-20)
    return (kernel / power.sqrt()).contiguous()
