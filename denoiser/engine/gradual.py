"""Denoises one image tile by tile on demand; the complete result equals that of `Session.clean` bit for bit.

The tiles are those of the whole image. Each is computed when it is requested, in any order, and kept.
"""

from __future__ import annotations

from denoiser.engine.canvas import Work
from denoiser.engine.looks import keep_unseen
from denoiser.engine.memory import is_shortage
from denoiser.engine.tiled import TiledCleaner
from denoiser.events import CancelToken
from denoiser.image import Image, Pixels
from denoiser.tiling import Region, Tile


class Gradual:
    """An image in progress. One thread at a time denoises; any thread may read clean tiles."""

    def __init__(self, work: Work, cleaner: TiledCleaner) -> None:
        self.work = work
        self._cleaner = cleaner
        self._missing: dict[Tile, Region] = {}
        self._total = 1
        self._begin()

    @property
    def image(self) -> Image:
        """The source."""
        return self.work.image

    @property
    def clean(self) -> Pixels:
        """Pixels in the depth of the source, fully denoised; valid where `has` is true."""
        return self.image.pixels if self.work.canvas is None else self.work.canvas.result

    @property
    def is_complete(self) -> bool:
        """Whether all of it is clean."""
        return not self._missing

    @property
    def progress(self) -> float:
        """The share of the tiles that are clean, 0 to 1."""
        return 1 - len(self._missing) / self._total

    def has(self, region: Region) -> bool:
        """Whether all of *region* is clean."""
        return not self.missing_in(region)

    def missing_in(self, region: Region) -> list[Region]:
        """The tiles that *region* still needs."""
        return [missing for missing in list(self._missing.values()) if region.overlap(missing)]

    def clean_next(self, region: Region | None, cancel: CancelToken) -> Region | None:
        """Denoise the tile nearest to the centre of *region*, or of the image, and return its region.

        None if nothing is missing there. Stops within one layer of *cancel* with Cancelled; finished tiles are
        kept.
        """
        middle = region or Region(0, 0, self.image.height, self.image.width)
        wanted = [tile for tile, part in self._missing.items() if region is None or region.overlap(part)]
        if not wanted:
            return None
        tile = min(wanted, key=lambda tile: _distance(self._missing[tile], middle))
        part = self._missing[tile]
        if not self._clean(tile, cancel):
            return self.clean_next(region, cancel)  # in smaller tiles
        alpha = None if self.image.alpha is None else self.image.alpha[part.slices]
        keep_unseen(self.clean[part.slices], self.image.pixels[part.slices], alpha)
        del self._missing[tile]
        return part

    def _clean(self, tile: Tile, cancel: CancelToken) -> bool:
        """Whether it succeeded; if memory ran out, everything restarts with smaller tiles."""
        canvas = self.work.canvas
        assert canvas is not None  # otherwise no tile is missing
        try:
            self._cleaner.clean_tile(canvas, tile, cancel)
        except (RuntimeError, MemoryError) as error:
            if not is_shortage(error):
                raise
            canvas.notes.append(self._cleaner.step_down(error))
            self._begin()
            return False
        return True

    def _begin(self) -> None:
        canvas = self.work.canvas
        if canvas is None:
            return
        height, width = canvas.source.shape[:2]
        plan = self._cleaner.budget.plan(height, width, self._cleaner.spec)
        canvas.begin(plan)
        self._total = len(plan.tiles)
        self._missing = {tile: tile.core(height, width) for tile in plan.tiles}


def _distance(part: Region, other: Region) -> float:
    down = part.top + part.height / 2 - other.top - other.height / 2
    across = part.left + part.width / 2 - other.left - other.width / 2
    return down * down + across * across
