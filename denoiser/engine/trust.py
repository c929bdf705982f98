"""Whether a result lost something: where what was removed looks like noise, and where it does not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from denoiser.engine.samples import sample
from denoiser.engine.structure import BLOCK, evidence
from denoiser.image import Image, Pixels

# Evidence of structure is a logarithm of odds; at this much a block is trusted by half. 2 % of flat noise has more.
_HALF = 0.5
_WIDTH = 0.4  # how soon trust goes from one end to the other
_MOST_ROWS = 8 * BLOCK  # of pixels that are looked at in one piece
_LARGE = 500_000  # pixels above which the number is computed from a part of the image


@dataclass(frozen=True, slots=True, eq=False)
class Trust:
    """For each block of 16 pixels, and for all: 1 where noise alone was removed, 0 where structure was."""

    map: NDArray[np.float32]

    @property
    def number(self) -> float:
        """The mean over the picture, to a hundredth."""
        return round(float(self.map.mean()), 2)


def trust(source: Image, clean: Pixels) -> Trust:
    """Looks at all of the picture; *clean* is with everything removed, in the depth of *source*.

    Structure in luma is detected; lost colour differences alone are not. Texture that is as faint, as coarse and as
    irregular as the noise looks like noise, here as to everybody. Small pictures are trusted: nothing can be said.
    """
    found = evidence(source.pixels, clean, sample(source.pixels, clean), source.white)
    return Trust(_trusted(found))


def trust_number(source: Image, clean: Pixels) -> float:
    """About `trust(...).number`, from bands across it: under a tenth of a second for any picture."""
    height, width = source.pixels.shape[:2]
    if height * width <= _LARGE or height <= _MOST_ROWS:
        return trust(source, clean).number
    blocks = sample(source.pixels, clean)
    bands = max(1, _LARGE // (width * _MOST_ROWS))
    means = []
    for top in np.unique(np.linspace(0, height - _MOST_ROWS, bands).astype(int) // BLOCK * BLOCK):
        rows = slice(int(top), int(top) + _MOST_ROWS)
        means.append(_trusted(evidence(source.pixels[rows], clean[rows], blocks, source.white)).mean())
    return round(float(np.mean(means)), 2)


def _trusted(found: NDArray[np.float32]) -> NDArray[np.float32]:
    odds = np.clip((found - _HALF) / _WIDTH, -30, 30)
    return np.asarray(1 / (1 + np.exp(odds)), np.float32)
