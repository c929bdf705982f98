"""Trust in a result: where the removed part looks like noise, and where it looks like structure.

The removed luma is cut into blocks of 16 pixels, which are transformed to frequencies. Three features separate
structure from noise, independently of the level and the coarseness of the noise:

    narrow    a few frequencies are stronger than the noise of this image: gratings, weaves
    broad     the same in a broader band: text, hair, foliage
    echo      correlation with the denoised image: softened edges, weakened textures

docs/controls.md explains the log-odds of structure; 0 means equally likely. `NoiseBlocks` are flat blocks of the
image with noise alone.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from denoiser.image import Image, Pixels

Plane = NDArray[np.float32]

SIDE = 32  # of a block in pixels
_MOST = 1024  # blocks: a megapixel is enough to measure a spectrum
_FEWEST = 4


@dataclass(frozen=True, slots=True, eq=False)
class NoiseBlocks:
    """The flattest blocks of luma (n, 32, 32), in pixel values."""

    removed: Plane
    clean: Plane
    seed: int  # random seed, computed from the source

    @property
    def tells(self) -> bool:
        """Whether there are enough blocks to describe the noise."""
        return len(self.removed) >= _FEWEST and float(self.removed.std()) > 0


def luma(values: Plane) -> Plane:
    """Luma (H, W) of (H, W, C): the mean of the channels."""
    if values.shape[2] == 1:
        return values[:, :, 0]
    total: Plane = values[:, :, 0] + values[:, :, 1]
    total += values[:, :, 2]
    total *= np.float32(1 / 3)
    return total


_LARGEST = np.float32(1e6)  # white is 1


def finite(values: Pixels) -> Plane:
    """*values* as float32, with 0 for NaN and infinity; huge values of corrupt files are limited."""
    plane: Plane = values.astype(np.float32)
    if np.issubdtype(values.dtype, np.floating):
        np.nan_to_num(plane, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        np.clip(plane, -_LARGEST, _LARGEST, out=plane)
    return plane


def removed_luma(source: Pixels, clean: Pixels) -> tuple[Plane, Plane]:
    """Luma of the removed part and of the clean image, for a strip or block (H, W, C)."""
    kept = finite(clean)
    removed: Plane = finite(source) - kept
    return luma(removed), luma(kept)


def sample(source: Pixels, clean: Pixels) -> NoiseBlocks:
    """The flatter half of at most 1024 blocks on a grid; none for images under 32 pixels."""
    pairs = []
    seed = zlib.crc32(repr(source.shape).encode())
    for top, left in _places(*source.shape[:2]):
        block = source[top : top + SIDE, left : left + SIDE]
        seed = zlib.crc32(np.ascontiguousarray(block).tobytes(), seed)
        pairs.append(removed_luma(block, clean[top : top + SIDE, left : left + SIDE]))
    if not pairs:
        nothing = np.zeros((0, SIDE, SIDE), np.float32)
        return NoiseBlocks(nothing, nothing, seed)
    removed, kept = (np.stack(planes) for planes in zip(*pairs, strict=True))
    steps = np.abs(np.diff(kept, axis=1)).mean(axis=(1, 2)) + np.abs(np.diff(kept, axis=2)).mean(axis=(1, 2))
    # Clipped areas have no noise to remove.
    alive = removed.std(axis=(1, 2)) > 0
    order = np.argsort(np.where(alive, steps, np.inf), kind="stable")[: int(alive.sum() + 1) // 2]
    return NoiseBlocks(removed[order], kept[order], seed)


def _places(height: int, width: int) -> list[tuple[int, int]]:
    """Upper left corners of blocks, spread evenly."""
    down, across = height // SIDE, width // SIDE
    if not down or not across:
        return []
    thinning = max(1.0, (down * across / _MOST) ** 0.5)
    rows = np.unique(np.linspace(0, height - SIDE, max(1, int(down / thinning))).astype(int))
    columns = np.unique(np.linspace(0, width - SIDE, max(1, int(across / thinning))).astype(int))
    return [(int(top), int(left)) for top in rows for left in columns]


BLOCK = 16
SMALLEST = 3 * BLOCK  # an image with a side under this has too few blocks to compare
_ROWS_AT_ONCE = 8  # rows of blocks, beside one above and one below
_COARSEST = 2.5  # half periods per block; lower frequencies are shading
_MEDIAN_OF_POWER = 0.455  # of the square of a standard normal variable
_HARDLY = np.float32(0.02)  # of the strongest frequency
_LEAST = 0.25  # 8-bit steps of removed luma; less is rounding
# By logistic regression on bundled photos with added textures; the offset lets 5 % of flat noise exceed 0.
_NARROW, _BROAD, _ECHO, _START = 1.7, 2.4, 4.0, -4.2


def evidence(source: Pixels, clean: Pixels, blocks: NoiseBlocks, white: float) -> Plane:
    """Log-odds of structure for each block (rows, columns); very low where nothing can be measured."""
    height, width = source.shape[:2]
    down, across = -(-height // BLOCK), -(-width // BLOCK)
    figures = np.full((down, across), -np.inf, dtype=np.float32)
    if min(height, width) < SMALLEST or not blocks.tells or blocks.removed.std() < _LEAST * white / 255:
        return figures
    spectrum = _spectrum_of(blocks)
    for first in range(0, down, _ROWS_AT_ONCE):
        last = min(first + _ROWS_AT_ONCE, down)
        above, below = max(first - 1, 0), min(last + 1, down)
        rows = slice(above * BLOCK, min(below * BLOCK, height))
        removed, kept = removed_luma(source[rows], clean[rows])
        strip = _figures(_filled(removed), _filled(kept), spectrum)
        figures[first:last] = strip[first - above : last - above]
    return figures


def _figures(removed: Plane, kept: Plane, spectrum: Plane) -> Plane:
    whiten = _FINE / np.sqrt(spectrum)
    ours, theirs = _frequencies(removed) * whiten, _frequencies(kept) * whiten
    together = _with_neighbours(np.einsum("rcij,rcij->rc", ours, theirs))
    energy = _with_neighbours(np.einsum("rcij,rcij->rc", theirs, theirs))
    power = _with_neighbours(np.square(ours, out=ours))
    total = power.sum(axis=(2, 3))
    nothing = total <= 0
    total[nothing] = 1
    echo = together / np.sqrt(energy * total + np.float32(1e-6))
    mean = total / np.float32(_FINE.sum())
    narrow = _strongest(power, _THREE) / mean
    broad = _strongest(power, _FIVE) / mean
    figures: Plane = _NARROW * np.log(np.maximum(narrow, 1)) + _BROAD * np.log(np.maximum(broad, 1))
    figures += _ECHO * echo + _START
    figures[nothing] = -np.inf
    return figures


def _spectrum_of(blocks: NoiseBlocks) -> Plane:
    """The power (16, 16) of the removed noise at each frequency of a block, 1 on average."""
    parts = blocks.removed.reshape(-1, SIDE // BLOCK, BLOCK, SIDE // BLOCK, BLOCK).swapaxes(2, 3)
    power: Plane = np.square(_COSINES @ parts.reshape(-1, BLOCK, BLOCK) @ _COSINES.T)
    level = np.einsum("nij,ij->n", power, _FINE) / np.float32(_FINE.sum())
    power = power[level > 0] / level[level > 0].reshape(-1, 1, 1)
    # The median ignores the few blocks with structure.
    typical = np.asarray(np.median(power, axis=0) / _MEDIAN_OF_POWER, np.float32)
    padded = np.pad(typical, 1, mode="edge")
    nine = [padded[i : i + BLOCK, j : j + BLOCK] for i in range(3) for j in range(3)]
    smooth = np.mean(nine, axis=0, dtype=np.float32)
    # Rounding errors at frequencies without noise must not look like structure.
    spectrum: Plane = np.maximum(smooth, _HARDLY * smooth.max())
    return spectrum


def _frequencies(plane: Plane) -> Plane:
    """The cosine transform of each block: (H, W) to (rows, columns, 16, 16)."""
    height, width = plane.shape
    cut = plane.reshape(height // BLOCK, BLOCK, width // BLOCK, BLOCK).swapaxes(1, 2)
    return np.asarray(_COSINES @ cut @ _COSINES.T, np.float32)


def _with_neighbours(values: Plane) -> Plane:
    """The sum of each block and its neighbours, with weights 1 2 1 in both directions."""
    beyond = ((1, 1), (1, 1)) + ((0, 0),) * (values.ndim - 2)
    padded = np.pad(values, beyond, mode="edge")
    padded = (padded[:-2] + padded[2:]) * np.float32(0.25) + padded[1:-1] * np.float32(0.5)
    mixed: Plane = (padded[:, :-2] + padded[:, 2:]) * np.float32(0.25) + padded[:, 1:-1] * np.float32(0.5)
    return mixed


def _strongest(power: Plane, band: _Band) -> Plane:
    """The largest mean over neighbouring frequencies."""
    strongest: Plane = (band.sums @ power @ band.sums * band.share).max(axis=(2, 3))
    return strongest


def _filled(plane: Plane) -> Plane:
    """*plane*, mirrored at the lower and right edge to whole blocks."""
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
    """A band of neighbouring frequencies: the matrix that sums them, and the weights for a mean."""

    sums: Plane
    share: Plane

    @classmethod
    def of(cls, count: int) -> _Band:
        place = np.arange(BLOCK)
        sums = np.asarray(np.abs(place - place[:, np.newaxis]) <= count // 2, np.float32)
        # At the border a mean of few frequencies would be high by chance.
        return cls(sums, np.asarray(_FINE / np.maximum(sums @ _FINE @ sums, 0.3 * count**2), np.float32))


_THREE, _FIVE = _Band.of(3), _Band.of(5)
# The matrix library allocates memory at its first product and ends the process if there is none. Do this at import,
# before images use the memory, with the product used here: AVX-512 has separate code for plain products.
_frequencies(np.zeros((BLOCK, BLOCK), np.float32))


# Log-odds of structure at which trust is 0.5; 2 % of flat noise has more.
_HALF = 0.5
_WIDTH = 0.4  # slope of trust
_MOST_ROWS = 8 * BLOCK  # of pixels per band
_LARGE = 500_000  # pixels; for larger images the mean is computed from bands


@dataclass(frozen=True, slots=True, eq=False)
class Trust:
    """Trust of each block of 16 pixels and of the image: 1 if only noise was removed, 0 if structure was."""

    map: NDArray[np.float32]

    @property
    def number(self) -> float:
        """The mean over the image, to a hundredth."""
        return round(float(self.map.mean()), 2)


def trust(source: Image, clean: Pixels) -> Trust:
    """Compute trust for the whole image; *clean* is fully denoised, in the depth of *source*.

    Only structure in luma is detected. Texture as faint, coarse and irregular as the noise looks like noise. Small
    images have a trust of 1: nothing can be measured.
    """
    found = evidence(source.pixels, clean, sample(source.pixels, clean), source.white)
    return Trust(_trusted(found))


def trust_number(source: Image, clean: Pixels) -> float:
    """An approximation of `trust(...).number` from bands of the image: under a tenth of a second."""
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
