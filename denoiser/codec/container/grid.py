"""The grid of independently coded tiles of an image, computed from six numbers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from denoiser.codec.container.layout import MAX_TILE_PIXELS, MAX_TILES, TILE_UNIT
from denoiser.errors import DamagedLatent
from denoiser.tiling import Region

_USUAL_PIXELS = 1 << 20  # per tile: large enough for the context model, small enough for memory
_LONGEST = 255 * TILE_UNIT  # a side of a tile has one byte in the header


@dataclass(frozen=True, slots=True)
class TileGrid:
    """Tiles of one size from the upper left, cropped at the right and lower edge; validated at construction."""

    width: int
    height: int
    tile_width: int
    tile_height: int

    def __post_init__(self) -> None:
        for side in (self.tile_width, self.tile_height):
            if side % TILE_UNIT or not 0 < side <= _LONGEST:
                raise DamagedLatent(f"invalid tile side {side}: not a multiple of {TILE_UNIT} up to {_LONGEST}")
        if self.tile_width * self.tile_height > MAX_TILE_PIXELS:
            raise DamagedLatent(f"tiles of {self.tile_width}x{self.tile_height} pixels are too large")
        if self.tile_width - self.width >= TILE_UNIT or self.tile_height - self.height >= TILE_UNIT:
            raise DamagedLatent(
                f"tiles of {self.tile_width}x{self.tile_height} pixels for an image of {self.width}x{self.height}"
            )

        if len(self) > MAX_TILES:
            raise DamagedLatent(f"{len(self)} tiles, more than {MAX_TILES}")

    @classmethod
    def planned(cls, width: int, height: int) -> TileGrid:
        """The grid for an image of this size: tiles of about a megapixel and similar size."""
        tile_height = _side(height, 1024) if height <= 1024 else None
        tile_width = _side(width, 1024) if width <= 1024 else None
        if tile_height is None and tile_width is None:
            return cls(width, height, _side(width, 1024), _side(height, 1024))
        if tile_height is not None:
            return cls(width, height, _side(width, _fitting(tile_height)), tile_height)
        assert tile_width is not None
        return cls(width, height, tile_width, _side(height, _fitting(tile_width)))

    @property
    def columns(self) -> int:
        return math.ceil(self.width / self.tile_width)

    @property
    def rows(self) -> int:
        return math.ceil(self.height / self.tile_height)

    def __len__(self) -> int:
        return self.columns * self.rows

    def box(self, number: int) -> Region:
        """The pixel box of a tile; tiles are numbered row by row."""
        if not 0 <= number < len(self):
            raise IndexError(number)
        row, column = divmod(number, self.columns)
        top, left = row * self.tile_height, column * self.tile_width
        return Region(top, left, min(self.tile_height, self.height - top), min(self.tile_width, self.width - left))

    def touching(self, box: Region) -> Iterator[int]:
        """The tiles that overlap *box*; the last row and column extend beyond the image."""
        last_row = min((box.bottom - 1) // self.tile_height, self.rows - 1)
        last_column = min((box.right - 1) // self.tile_width, self.columns - 1)
        for row in range(box.top // self.tile_height, last_row + 1):
            for column in range(box.left // self.tile_width, last_column + 1):
                yield row * self.columns + column

    def boxes(self) -> Iterator[Region]:
        """The pixel boxes of all tiles in order."""
        return map(self.box, range(len(self)))


def _side(length: int, longest: int) -> int:
    """The tile side that divides *length* most evenly in steps of 64 pixels, at most *longest*."""
    parts = math.ceil(length / longest)
    return math.ceil(length / parts / TILE_UNIT) * TILE_UNIT


def _fitting(other: int) -> int:
    """The longest side allowed if the other side is *other*."""
    return min(_LONGEST, max(1024, _USUAL_PIXELS // other // TILE_UNIT * TILE_UNIT))
