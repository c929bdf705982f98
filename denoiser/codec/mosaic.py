"""Joins the latents of tiles and decodes them to pixels, tile by tile with overlap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from denoiser.codec.container import Box, TileGrid
from denoiser.codec.values import Values
from denoiser.codec.windows import common, cut, in_latents, padded, window_of
from denoiser.events import CancelToken, Listener, TileDone

if TYPE_CHECKING:
    from denoiser.codec.transform import Transform

Latents = NDArray[np.float32]


class Mosaic:
    """The tiles of one picture at one quality step; *known* gives the latents of a tile when they are needed.

    Holds the latents of three rows of tiles. A tile has the same pixels whatever else is asked for.
    """

    def __init__(self, grid: TileGrid, known: Callable[[int], Latents], transform: Transform, step: int) -> None:
        self._grid, self._known, self._transform, self._step = grid, known, transform, step
        self._kept: dict[int, Latents] = {}

    def tiles(self, part: Box, listener: Listener, cancel: CancelToken) -> Iterator[tuple[Box, Values]]:
        """For each tile that *part* touches, what they have in common, and the values there."""
        grid = self._grid
        wanted = [number for number in range(len(grid)) if common(grid.box(number), part)]
        for done, number in enumerate(wanted, 1):
            box = common(grid.box(number), part)
            assert box is not None
            tile = self.tile(number, cancel)
            yield box, np.ascontiguousarray(tile[cut(box, grid.box(number))])
            listener(TileDone(done, len(wanted), part.height * part.width / 1e6))
            self._forget_before(number // grid.columns - 1)

    def tile(self, number: int, cancel: CancelToken) -> Values:
        """The values (height, width, 3) of one tile."""
        window = window_of(self._grid, number, self._transform.synthesis_halo)
        latents = self._joined(window.outer, cancel)
        cancel.raise_if_cancelled()
        tile: Values = self._transform.synthesise(latents, self._step)[cut(window.inner)]
        return tile

    def _joined(self, outer: Box, cancel: CancelToken) -> Latents:
        """The latents of a box on the grid of 64 pixels."""
        window = in_latents(outer)
        joined: Latents | None = None
        for number in self._grid.touching(outer):
            cancel.raise_if_cancelled()
            if number not in self._kept:
                self._kept[number] = self._known(number)
            known, place = self._kept[number], in_latents(padded(self._grid.box(number)))
            shared = common(place, window)
            assert shared is not None
            if joined is None:
                joined = np.zeros((known.shape[0], window.height, window.width), np.float32)
            joined[(slice(None), *cut(shared, window))] = known[(slice(None), *cut(shared, place))]
        assert joined is not None
        return joined

    def _forget_before(self, row: int) -> None:
        """The rows of tiles before *row* are not needed again."""
        self._kept = {n: known for n, known in self._kept.items() if n // self._grid.columns >= row}
