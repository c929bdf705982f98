"""Conditioning planes of a denoiser: the noise level in luma and chroma, and the kind of noise.

    plane 0   luma sigma / 75        0 when unknown
    plane 1   chroma sigma / 75      0 when unknown
    plane 2   1 when the level is known, else 0
    plane 3   -1 white, +1 correlated as cameras leave it, 0 unknown

Sigmas are in 8-bit units and such that white RGB noise of sigma s has s in luma and s in chroma.

`NetworkSpec` has the properties of a network that other packages need: sizes and costs, no layers. A `Denoiser` is
a network that the engine can run.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

PLANES = 4
# Grey and two colour axes at right angles, of length one: white noise of sigma s has sigma s along each.
AXES = ((3**-0.5, 3**-0.5, 3**-0.5), (2**-0.5, -(2**-0.5), 0.0), (6**-0.5, 6**-0.5, -2 * 6**-0.5))
MAX_SIGMA = 75.0  # the largest level in training; above it the network extrapolates


@dataclass(frozen=True, slots=True)
class Condition:
    """What is known of the noise of an image; None is unknown.

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
    """Properties for tiling: origins at multiples of ``size_multiple``, an overlap of ``halo`` pixels.

    ``formula_radius`` is the receptive radius by the sizes of the layers; ``halo`` is the effective radius, where
    the difference from the whole image is below half an 8-bit step (measured; a test checks it).
    """

    size_multiple: int
    halo: int
    formula_radius: int
    kmac_per_pixel: float
    parameters: int


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
