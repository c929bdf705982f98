"""The conditioning of a denoiser, and the properties of networks that other packages need. Needs no torch.

    plane 0   luma sigma / 75        0 when unknown
    plane 1   chroma sigma / 75      0 when unknown
    plane 2   1 when the level is known, else 0
    plane 3   -1 white, +1 correlated as cameras leave it, 0 unknown

Sigmas are in 8-bit units and such that white RGB noise of sigma s has s in luma and s in chroma.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

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

    def planes(self) -> NDArray[np.float32]:
        """The four numbers (4,)."""
        known = self.luma is not None and self.chroma is not None
        luma, chroma = (self.luma, self.chroma) if known else (0.0, 0.0)
        kind = 0.0 if self.kind is None else 2 * self.kind - 1
        numbers = (luma or 0.0) / MAX_SIGMA, (chroma or 0.0) / MAX_SIGMA, float(known), kind
        return np.array(numbers, np.float32)


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
