"""Neutral grain with the autocorrelation of the removed noise and its strength at each brightness.

Two random fields with periods of 640 and 567 pixels are added; the sum has a period of 362,880. The seed is
computed from the source, so that an image always has the same grain.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from denoiser.engine.trust import SIDE, NoiseBlocks, Plane

LEVELS = 256  # brightness levels with an amount of grain each
_PERIODS = (640, 567)  # coprime, and fast to transform
_REACH = 14  # maximum distance of correlated pixels; coarser structure is shading
_BINS = 12
_FEWEST = 3  # minimum blocks per bin


@dataclass(frozen=True, slots=True, eq=False)
class Grain:
    """A periodic field of standard deviation 1, and its strength at each brightness. Immutable, thread-safe."""

    fields: tuple[Plane, ...]
    amounts: Plane  # (256,) from black to white, in pixel values

    def strip(self, top: int, left: int, height: int, width: int) -> Plane:
        """The field in a rectangle at *top*, *left*."""
        total = np.zeros((height, width), np.float32)
        for field in self.fields:
            side = len(field)
            for below, rows in _runs(top, height, side):
                for beside, columns in _runs(left, width, side):
                    total[below, beside] += field[rows, columns]
        return total


def _runs(start: int, count: int, side: int) -> Iterator[tuple[slice, slice]]:
    """Cut *count* positions from *start* into runs within one period: their slice, and that of the field."""
    done = 0
    while done < count:
        first = (start + done) % side
        length = min(side - first, count - done)
        yield slice(done, done + length), slice(first, first + length)
        done += length


@dataclass(frozen=True, slots=True, eq=False)
class GrainModel:
    """Statistics of the removed noise from which grain is generated."""

    correlation: NDArray[np.float64]  # (2 n + 1, 2 n + 1): autocorrelation, 1 in the centre
    amounts: Plane  # (256,) from black to white, in pixel values
    seed: int

    def grain(self) -> Grain:
        """Generate grain, always the same for a model."""
        share = np.float32(len(_PERIODS) ** -0.5)
        dice = np.random.default_rng(self.seed)
        fields = tuple(_field(side, self.correlation, dice) * share for side in _PERIODS)
        return Grain(fields, self.amounts)


def model_of(blocks: NoiseBlocks, white: float) -> GrainModel | None:
    """Measure *blocks*; None if there are too few."""
    return GrainModel(_correlation(blocks.removed), _amounts(blocks, white), blocks.seed) if blocks.tells else None


def grain_of(blocks: NoiseBlocks, white: float) -> Grain:
    """Measure *blocks*; no grain if there are too few."""
    model = model_of(blocks, white)
    return model.grain() if model is not None else Grain((), np.zeros(LEVELS, np.float32))


def _correlation(removed: Plane) -> NDArray[np.float64]:
    """The autocorrelation at distances of -14 to 14, with a fade-out window; 1 in the centre."""
    blocks = removed - removed.mean(axis=(1, 2), keepdims=True)
    spread = blocks.std(axis=(1, 2), keepdims=True)
    blocks = (blocks / np.maximum(spread, np.float32(1e-12)))[spread[:, 0, 0] > 0]
    power = np.zeros((2 * SIDE, SIDE + 1))
    for some in np.array_split(blocks, -(-len(blocks) // 64)):
        power += np.square(np.abs(np.fft.rfft2(some, s=(2 * SIDE, 2 * SIDE)))).sum(axis=0)
    products = np.roll(np.fft.irfft2(power), (_REACH, _REACH), axis=(0, 1))[: 2 * _REACH + 1, : 2 * _REACH + 1]
    distance = np.abs(np.arange(-_REACH, _REACH + 1))
    pairs = np.outer(SIDE - distance, SIDE - distance) * len(blocks)
    fading = 0.5 + 0.5 * np.cos(np.pi * distance / (_REACH + 1))
    correlation: NDArray[np.float64] = products / pairs * np.outer(fading, fading)
    correlation /= correlation[_REACH, _REACH]
    return correlation


def _field(side: int, correlation: NDArray[np.float64], dice: np.random.Generator) -> Plane:
    """(side, side) of standard deviation 1 with that correlation, periodic at the edges."""
    around, reach = np.zeros((side, side)), len(correlation) // 2
    around[: len(correlation), : len(correlation)] = correlation
    power = np.maximum(np.fft.rfft2(np.roll(around, (-reach, -reach), axis=(0, 1))).real, 0)
    field = np.fft.irfft2(np.fft.rfft2(dice.standard_normal((side, side))) * np.sqrt(power), s=(side, side))
    field -= field.mean()
    field /= field.std()
    return field.astype(np.float32)


def _amounts(blocks: NoiseBlocks, white: float) -> Plane:
    """The standard deviation of the removed noise from black to white, interpolated between medians of bins."""
    brightness = np.clip(blocks.clean.mean(axis=(1, 2)) / white, 0, 1)
    # Medians, because structure was removed in some blocks, too.
    spread = blocks.removed.std(axis=(1, 2))
    order = np.argsort(brightness, kind="stable")
    bins = [part for part in np.array_split(order, min(_BINS, max(1, len(order) // _FEWEST))) if len(part)]
    places = [float(np.median(brightness[part])) for part in bins]
    heights = [float(np.median(spread[part])) for part in bins]
    return np.interp(np.linspace(0, 1, LEVELS), places, heights).astype(np.float32)
