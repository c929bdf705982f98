"""What was removed, as numbers: luma of strips, and flat blocks from all over that show the noise alone."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from denoiser.image import Pixels

Plane = NDArray[np.float32]

SIDE = 32  # of a block in pixels
_MOST = 1024  # blocks, a megapixel: enough for a spectrum whatever the size of the picture
_FEWEST = 4


@dataclass(frozen=True, slots=True, eq=False)
class NoiseBlocks:
    """Blocks of luma (n, 32, 32) in the values of the picture, the flattest of those looked at."""

    removed: Plane
    clean: Plane
    seed: int  # from the content of the source

    @property
    def tells(self) -> bool:
        """Whether there is enough to say what the noise looks like."""
        return len(self.removed) >= _FEWEST and float(self.removed.std()) > 0


def luma(values: Plane) -> Plane:
    """(H, W) of (H, W, C): the mean of the channels, which is what grain has in all of them alike."""
    if values.shape[2] == 1:
        return values[:, :, 0]
    total: Plane = values[:, :, 0] + values[:, :, 1]
    total += values[:, :, 2]
    total *= np.float32(1 / 3)
    return total


def finite(values: Pixels) -> Plane:
    """As float32; what is no number, or infinite, as 0."""
    plane: Plane = values.astype(np.float32)
    if np.issubdtype(values.dtype, np.floating):
        np.nan_to_num(plane, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return plane


def removed_luma(source: Pixels, clean: Pixels) -> tuple[Plane, Plane]:
    """Luma of what was removed, and of the clean picture, of a strip or a block (H, W, C)."""
    kept = finite(clean)
    removed: Plane = finite(source) - kept
    return luma(removed), luma(kept)


def sample(source: Pixels, clean: Pixels) -> NoiseBlocks:
    """The flatter half of at most 1024 blocks on a grid; none of a picture under 32 pixels."""
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
    # Where the picture is clipped nothing was there to be removed.
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
