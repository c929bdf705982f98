"""Conditioning planes of a denoiser: the noise level in luma and chroma, and the kind of noise.

    plane 0   luma sigma / 75        0 when unknown
    plane 1   chroma sigma / 75      0 when unknown
    plane 2   1 when the level is known, else 0
    plane 3   -1 white, +1 correlated as cameras leave it, 0 unknown

Sigmas are in 8-bit units and such that white RGB noise of sigma s reads s in luma and s in chroma.

`NetworkSpec` has the properties of a network that other packages need: sizes and costs, no layers.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

PLANES = 4
MAX_SIGMA = 75.0  # the largest level in training; above it the network extrapolates


@dataclass(frozen=True, slots=True)
class Condition:
    """What is known of the noise of one picture; None is "unknown", and the network judges for itself.

    ``kind`` runs from 0 (white) to 1 (correlated).
    """

    luma: float | None = None
    chroma: float | None = None
    kind: float | None = None

    def planes(self) -> Tensor:
        """The four numbers as a tensor (4,)."""
        known = self.luma is not None and self.chroma is not None
        luma, chroma = (self.luma, self.chroma) if known else (0.0, 0.0)
        kind = 0.0 if self.kind is None else 2 * self.kind - 1
        return torch.tensor([(luma or 0.0) / MAX_SIGMA, (chroma or 0.0) / MAX_SIGMA, float(known), kind])


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


@dataclass(frozen=True, slots=True)
class NetworkSpec:
    """What a plan of tiles needs: origins on multiples of ``size_multiple``, ``halo`` pixels of surroundings.

    ``formula_radius`` is how far a pixel can reach by the layers' sizes; ``halo`` is the effective radius, where
    the difference from the whole picture falls under half an 8-bit step (measured; a test holds it).
    """

    size_multiple: int
    halo: int
    formula_radius: int
    kmac_per_pixel: float
    parameters: int
