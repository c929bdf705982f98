"""Tiles of an image: windows with overlap, conversion of pixels, and decoding of latents tile by tile.

The overlap avoids seams.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from denoiser.codec.container import TileGrid
from denoiser.codec.container.layout import TILE_UNIT
from denoiser.events import CancelToken, Listener, TileDone
from denoiser.image import Image, Pixels
from denoiser.tiling import Region, rounded_up

if TYPE_CHECKING:
    from denoiser.codec.transform import Transform


Latents = NDArray[np.float32]


class Mosaic:
    """The tiles of one image at one quality step; *known* returns the latents of a tile when they are needed.

    Keeps the latents of three rows of tiles. The pixels of a tile do not depend on the requested region.
    """

    def __init__(self, grid: TileGrid, known: Callable[[int], Latents], transform: Transform, step: int) -> None:
        self._grid, self._known, self._transform, self._step = grid, known, transform, step
        self._kept: dict[int, Latents] = {}

    def tiles(self, part: Region, listener: Listener, cancel: CancelToken) -> Iterator[tuple[Region, Values]]:
        """Yield for each tile that overlaps *part* the common box and its values."""
        grid = self._grid
        wanted = [number for number in range(len(grid)) if part.overlap(grid.box(number))]
        for done, number in enumerate(wanted, 1):
            box = part.overlap(grid.box(number))
            assert box is not None
            tile = self.tile(number, cancel)
            yield box, np.ascontiguousarray(tile[box.within(grid.box(number)).slices])
            listener(TileDone(done, len(wanted), part.height * part.width / 1e6))
            before = (number // grid.columns - 1) * grid.columns
            self._kept = {number: latents for number, latents in self._kept.items() if number >= before}

    def tile(self, number: int, cancel: CancelToken) -> Values:
        """The values (height, width, 3) of one tile."""
        window = window_of(self._grid, number, self._transform.synthesis_halo)
        latents = self._joined(window.outer, cancel)
        cancel.raise_if_cancelled()
        tile: Values = self._transform.synthesise(latents, self._step)[window.inner.slices]
        return tile

    def _joined(self, outer: Region, cancel: CancelToken) -> Latents:
        """The latents of a box aligned to 64 pixels."""
        window = in_latents(outer)
        joined: Latents | None = None
        for number in self._grid.touching(outer):
            cancel.raise_if_cancelled()
            if number not in self._kept:
                self._kept[number] = self._known(number)
            known, place = self._kept[number], in_latents(padded(self._grid.box(number)))
            shared = place.overlap(window)
            assert shared is not None
            if joined is None:
                joined = np.zeros((known.shape[0], window.height, window.width), np.float32)
            joined[:, *shared.within(window).slices] = known[:, *shared.within(place).slices]
        assert joined is not None
        return joined


LATENT_STEP = 16  # pixels from one latent to the next


@dataclass(frozen=True, slots=True)
class Window:
    """A tile with overlap: *outer* in the padded image, and the tile itself, *inner*, relative to *outer*."""

    outer: Region
    inner: Region


def window_of(grid: TileGrid, number: int, halo: int) -> Window:
    """The window of a tile with *halo* pixels (a multiple of 64) on each side, within the padded image."""
    box = grid.box(number)
    top, left = max(0, box.top - halo), max(0, box.left - halo)
    bottom = min(rounded_up(grid.height, TILE_UNIT), rounded_up(box.bottom, TILE_UNIT) + halo)
    right = min(rounded_up(grid.width, TILE_UNIT), rounded_up(box.right, TILE_UNIT) + halo)
    outer = Region(top, left, bottom - top, right - left)
    return Window(outer, box.within(outer))


def padded(box: Region) -> Region:
    """The box, enlarged to multiples of 64 pixels."""
    return Region(box.top, box.left, rounded_up(box.height, TILE_UNIT), rounded_up(box.width, TILE_UNIT))


def in_latents(box: Region) -> Region:
    """A box aligned to 64 pixels, in units of latents."""
    return Region(*(side // LATENT_STEP for side in (box.top, box.left, box.height, box.width)))


Values = NDArray[np.float32]


def taken(image: Image, box: Region) -> Values:
    """Values (height, width, 3) of *box*; beyond the image its edge is repeated.

    Grey is copied to three channels. Float values are clipped to 0..1; NaN becomes 0.
    """
    part = image.pixels[box.slices]
    values: Values = np.empty((*part.shape[:2], 3), np.float32)
    values[...] = np.nan_to_num(part) if part.dtype == np.float32 else part
    values *= np.float32(1 / image.white)
    np.clip(values, 0, 1, out=values)
    beyond = box.height - part.shape[0], box.width - part.shape[1]
    return np.pad(values, ((0, beyond[0]), (0, beyond[1]), (0, 0)), "edge") if any(beyond) else values


def given(values: Values, channels: int, bits: int) -> Pixels:
    """*values* as pixels with that many channels and bits, rounded; overwrites *values*."""
    if channels == 1:
        values = values.mean(axis=2, keepdims=True)
    np.clip(values, 0, 1, out=values)
    if bits == 32:
        return values
    values *= np.float32((1 << bits) - 1)
    return np.rint(values, out=values).astype(np.uint8 if bits <= 8 else np.uint16)


def reduced(values: Pixels, factor: int) -> Values:
    """The means of squares of *factor* pixels along a side; those at the right and lower edge may be smaller."""
    for axis in (0, 1):
        length = values.shape[axis]
        starts = np.arange(0, length, factor)
        counts = np.minimum(factor, length - starts).astype(np.float32)
        sums = np.add.reduceat(values, starts, axis=axis, dtype=np.float32)
        values = sums / counts.reshape(-1, *[1] * (values.ndim - 1 - axis))
    return values
