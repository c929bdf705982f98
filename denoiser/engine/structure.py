"""Where structure was removed and not noise alone: one figure for each block of 16 pixels.

What was removed is cut into blocks and each into its frequencies. Three things tell structure from noise, whatever
the level of the noise is and however coarse it is:

    narrow    a few frequencies hold more than the noise of this picture has there: gratings, weaves
    broad     the same in a broader band: text, hair, foliage
    echo      it follows the clean picture: edges that were softened, textures that were thinned

The figure is the logarithm of the odds by these three, as docs/controls.md says; 0 is as likely as not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from denoiser.engine.samples import SIDE, NoiseBlocks, Plane, removed_luma
from denoiser.image import Pixels

BLOCK = 16
SMALLEST = 3 * BLOCK  # a picture with a side under this has too few blocks to compare
_ROWS_AT_ONCE = 8  # rows of blocks, beside one above and one below
_COARSEST = 2.5  # frequencies below are shading: half periods in a block
_MEDIAN_OF_POWER = 0.455  # of the square of a normal number, whose mean is 1
_HARDLY = np.float32(0.02)  # of the strongest
_LEAST = 0.25  # 8-bit steps of removed luma under which there is nothing to judge: rounding
# By logistic regression on bundled photos with planted textures; the last one so that 5 % of flat noise pass 0.
_NARROW, _BROAD, _ECHO, _START = 1.7, 2.4, 4.0, -4.2


@dataclass(frozen=True, slots=True, eq=False)
class _Noise:
    """What the removed noise of this picture looks like: its power at each frequency of a block."""

    power: Plane  # (16, 16), 1 on average


def evidence(source: Pixels, clean: Pixels, blocks: NoiseBlocks, white: float) -> Plane:
    """(rows, columns) of blocks, the last ones mirrored beyond the edge; very low where nothing can be said."""
    height, width = source.shape[:2]
    down, across = -(-height // BLOCK), -(-width // BLOCK)
    figures = np.full((down, across), -np.inf, dtype=np.float32)
    if min(height, width) < SMALLEST or not blocks.tells or blocks.removed.std() < _LEAST * white / 255:
        return figures
    noise = _noise_of(blocks)
    for first in range(0, down, _ROWS_AT_ONCE):
        last = min(first + _ROWS_AT_ONCE, down)
        above, below = max(first - 1, 0), min(last + 1, down)
        rows = slice(above * BLOCK, min(below * BLOCK, height))
        removed, kept = removed_luma(source[rows], clean[rows])
        strip = _figures(_filled(removed), _filled(kept), noise)
        figures[first:last] = strip[first - above : last - above]
    return figures


def _figures(removed: Plane, kept: Plane, noise: _Noise) -> Plane:
    whiten = _FINE / np.sqrt(noise.power)
    ours, theirs = _frequencies(removed) * whiten, _frequencies(kept) * whiten
    together = _with_neighbours(np.einsum("rcij,rcij->rc", ours, theirs))
    energy = _with_neighbours(np.einsum("rcij,rcij->rc", theirs, theirs))
    power = _with_neighbours(np.square(ours, out=ours))
    total = power.sum(axis=(2, 3))
    nothing = total <= 0
    total[nothing] = 1
    echo = together / np.sqrt(energy * total + np.float32(1e-6))
    mean = total / np.float32(_FINE.sum())
    narrow = _loudest(power, _THREE) / mean
    broad = _loudest(power, _FIVE) / mean
    figures: Plane = _NARROW * np.log(np.maximum(narrow, 1)) + _BROAD * np.log(np.maximum(broad, 1))
    figures += _ECHO * echo + _START
    figures[nothing] = -np.inf
    return figures


def _noise_of(blocks: NoiseBlocks) -> _Noise:
    parts = blocks.removed.reshape(-1, SIDE // BLOCK, BLOCK, SIDE // BLOCK, BLOCK).swapaxes(2, 3)
    power: Plane = np.square(_COSINES @ parts.reshape(-1, BLOCK, BLOCK) @ _COSINES.T)
    level = np.einsum("nij,ij->n", power, _FINE) / np.float32(_FINE.sum())
    power = power[level > 0] / level[level > 0].reshape(-1, 1, 1)
    # The median leaves out the few blocks that held structure after all.
    typical = np.asarray(np.median(power, axis=0) / _MEDIAN_OF_POWER, np.float32)
    padded = np.pad(typical, 1, mode="edge")
    nine = [padded[i : i + BLOCK, j : j + BLOCK] for i in range(3) for j in range(3)]
    smooth: Plane = np.mean(nine, axis=0, dtype=np.float32)
    # A frequency that the noise hardly has must not turn a rounding error into structure.
    return _Noise(np.maximum(smooth, _HARDLY * smooth.max()))


def _frequencies(plane: Plane) -> Plane:
    """(H, W) to (rows, columns, 16, 16), a cosine transform of each block."""
    height, width = plane.shape
    cut = plane.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).swapaxes(1, 2)
    return np.asarray(_COSINES @ cut @ _COSINES.T, np.float32)


def _with_neighbours(values: Plane) -> Plane:
    """Each block together with those around it, itself counting most: 1 2 1 down and across."""
    beyond = ((1, 1), (1, 1)) + ((0, 0),) * (values.ndim - 2)
    padded = np.pad(values, beyond, mode="edge")
    padded = (padded[:-2] + padded[2:]) * np.float32(0.25) + padded[1:-1] * np.float32(0.5)
    mixed: Plane = (padded[:, :-2] + padded[:, 2:]) * np.float32(0.25) + padded[:, 1:-1] * np.float32(0.5)
    return mixed


def _loudest(power: Plane, band: _Band) -> Plane:
    """The largest mean over neighbouring frequencies."""
    loudest: Plane = (band.sums @ power @ band.sums * band.share).max(axis=(2, 3))
    return loudest


def _filled(plane: Plane) -> Plane:
    """Mirrored beyond the last row and column to whole blocks."""
    height, width = plane.shape
    return np.pad(plane, ((0, -height % BLOCK), (0, -width % BLOCK)), mode="symmetric")


def _cosines() -> Plane:
    place = np.arange(BLOCK)
    waves = np.cos(np.pi * (place + 0.5) * place[:, np.newaxis] / BLOCK) * (2 / BLOCK) ** 0.5
    waves[0] /= 2**0.5
    return np.asarray(waves, np.float32)


_COSINES = _cosines()
_FINE = (np.hypot(*np.meshgrid(np.arange(BLOCK), np.arange(BLOCK))) >= _COARSEST).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class _Band:
    """Neighbouring frequencies: the matrix that sums them, on both sides of a block, and what makes means of it."""

    sums: Plane
    share: Plane

    @classmethod
    def of(cls, count: int) -> _Band:
        place = np.arange(BLOCK)
        sums = np.asarray(np.abs(place - place[:, np.newaxis]) <= count // 2, np.float32)
        # At the rim a few frequencies alone would be loud by chance.
        return cls(sums, np.asarray(_FINE / np.maximum(sums @ _FINE @ sums, 0.3 * count**2), np.float32))


_THREE, _FIVE = _Band.of(3), _Band.of(5)
# What multiplies matrices takes its memory at its first work, and ends the process where there is none: so it works
# when this is imported, and not first when a picture has taken the memory. A plain product would not do: processors
# with AVX-512 have a way of their own for those.
_frequencies(np.zeros((BLOCK, BLOCK), np.float32))
