"""The blocks of an image that the estimate uses: evenly spread, limited in number."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from denoiser.image import Image, Pixels

BLOCK = 64  # pixels on each side
_STEP = 8  # pixels: blocks begin at multiples, so that all have the same offset from JPEG's grid
MOST_BLOCKS = 112  # under half a megapixel: read in under a tenth of a second
_FAR = 16.0  # times white: values beyond in a float image are ignored


@dataclass(frozen=True, slots=True, eq=False)
class Blocks:
    """Square parts in rows and columns, spread evenly over an image; in small images they overlap."""

    values: NDArray[np.float32]  # (rows x columns, BLOCK, BLOCK, 3), 0 black, 1 white
    seen: NDArray[np.bool_]  # (rows x columns, BLOCK, BLOCK): False under full transparency, or where no number is
    rows: int
    columns: int
    grey: bool  # all channels are the same


def blocks_of(image: Image) -> Blocks:
    """Evenly spread blocks of *image*, all of it where it is small. Never changes *image*."""
    rows, columns = _grid(image.height, image.width)
    tops, lefts = _origins(image.height, rows), _origins(image.width, columns)
    places = [(top, left) for top in tops for left in lefts]
    raw = np.stack([_cut(image.pixels, top, left) for top, left in places])
    seen: NDArray[np.bool_] = np.ones(raw.shape[:3], dtype=np.bool_)
    if image.bits == 32:
        seen &= np.isfinite(raw).all(axis=3)
    if image.alpha is not None:
        seen &= np.stack([_cut(image.alpha, top, left) for top, left in places]) > 0
    grey = image.channels == 1 or bool((raw == raw[..., :1]).all())
    values = raw.astype(np.float32)
    if image.bits == 32:
        np.nan_to_num(values, copy=False, nan=0.0, posinf=_FAR, neginf=-_FAR)
    values /= np.float32(image.white)
    np.clip(values, -_FAR, _FAR, out=values)
    if image.channels == 1:
        values = np.repeat(values, 3, axis=3)
    return Blocks(values, seen, rows, columns, grey)


def _grid(height: int, width: int) -> tuple[int, int]:
    rows, columns = math.ceil(height / BLOCK), math.ceil(width / BLOCK)
    if rows * columns > MOST_BLOCKS:
        # Fewer, and about as far apart down as across.
        rows = min(rows, MOST_BLOCKS, max(1, round(math.sqrt(MOST_BLOCKS * height / width))))
        columns = min(columns, MOST_BLOCKS // rows)
        rows = min(rows, MOST_BLOCKS // columns)
    return rows, columns


def _origins(length: int, count: int) -> list[int]:
    last = max(0, length - BLOCK)
    # A single block is in the middle.
    origins = [last // 2] if count == 1 else [last * i // (count - 1) for i in range(count)]
    return [origin // _STEP * _STEP for origin in origins]


def _cut(array: Pixels, top: int, left: int) -> Pixels:
    part = array[top : top + BLOCK, left : left + BLOCK]
    below, beside = BLOCK - part.shape[0], BLOCK - part.shape[1]
    if below or beside:
        widths = ((0, below), (0, beside), (0, 0))[: part.ndim]
        part = np.pad(part, widths, mode="symmetric")
    return part
