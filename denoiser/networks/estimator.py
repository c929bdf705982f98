"""The network that estimates the noise of an image or of a part of it: three layers, for the training.

`denoiser.estimation.estimator` computes it without torch; `window_statistics` has its features.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from denoiser.networks.condition import AXES
from denoiser.networks.window_statistics import FEATURES, FLOOR

ARCHITECTURE = "noise-reader-2"
_HIDDEN = 96


@dataclass(frozen=True, slots=True)
class EstimatorOutput:
    """The output for some choices of windows, (B,) each. Levels and doubts are natural logarithms."""

    luma: Tensor
    chroma: Tensor
    luma_doubt: Tensor
    chroma_doubt: Tensor
    kind: Tensor  # a logit: above 0 is correlated
    noisy: Tensor  # a logit: above 0 there is visible noise; levels hold if there is


class NoiseEstimator(nn.Module):
    """Three layers that map the summary of some windows to an estimate."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("spread", torch.ones(FEATURES))
        self.layers = nn.Sequential(
            nn.Linear(FEATURES, _HIDDEN), nn.SiLU(), nn.Linear(_HIDDEN, _HIDDEN), nn.SiLU(), nn.Linear(_HIDDEN, 6)
        )

    def kernels_of_the_body(self, _name: str) -> bool:
        """No parameter is trained with Muon, which overfits here."""
        return False

    def forward(self, features: Tensor) -> EstimatorOutput:
        x = (features - self.get_buffer("mean")) / self.get_buffer("spread")
        # Values that no training image showed are limited.
        luma, chroma, luma_doubt, chroma_doubt, kind, noisy = self.layers(x.clamp(-5, 5)).unbind(dim=-1)
        return EstimatorOutput(luma, chroma, luma_doubt.clamp(-4, 2), chroma_doubt.clamp(-4, 2), kind, noisy)


def along_axes(image: Tensor) -> Tensor:
    """RGB (B, 3, H, W) to luma and two chromas of the same shape and scale."""
    axes = torch.tensor(AXES, dtype=image.dtype, device=image.device)
    return torch.einsum("ij,bjhw->bihw", axes, image)


def level_of(sigma: Tensor) -> Tensor:
    """The level, as the network outputs it, for *sigma* in 8-bit units."""
    return (sigma.square() + FLOOR).log() / 2


def sigma_of(level: Tensor) -> Tensor:
    """The sigma in 8-bit units of a level; never negative."""
    return (torch.exp(2 * level) - FLOOR).clamp_min(0).sqrt()
