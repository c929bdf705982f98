"""Rectangles, and the tiles of an image: integers only, no pixels.

├────────── tile ──────────┤          all tiles of an image have the same shape
        ├────────── tile ──────────┤
├── core ─────────┼─── core ───────┤  the part that is kept; the cores cover the image without overlap
              ╰─╯ halo                computed and discarded, to avoid seams
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import product

SMALLEST_TILE = 64  # smaller images are padded to it: kernels, and therefore the last bit, change below


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in whole pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        return self.top + self.height

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return self.height * self.width

    @property
    def slices(self) -> tuple[slice, slice]:
        """Rows and columns, to index an array."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def within(self, other: Region) -> Region:
        """The same rectangle relative to the corner of *other*."""
        return Region(self.top - other.top, self.left - other.left, self.height, self.width)

    def contains(self, other: Region) -> bool:
        """Whether all of *other* lies inside."""
        down = self.top <= other.top and other.bottom <= self.bottom
        return down and self.left <= other.left and other.right <= self.right

    def overlap(self, other: Region) -> Region | None:
        """The intersection with *other*, or None."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        height, width = min(self.bottom, other.bottom) - top, min(self.right, other.right) - left
        return Region(top, left, height, width) if height > 0 and width > 0 else None

    def shrunk(self, level: int) -> Region:
        """The rectangle in a copy that was halved *level* times, rounded outwards."""
        step = 1 << level
        top, left = self.top // step, self.left // step
        return Region(top, left, -(-self.bottom // step) - top, -(-self.right // step) - left)

    def grown(self, level: int, height: int, width: int) -> Region:
        """The inverse of `shrunk`, limited to an image of that size."""
        step = 1 << level
        top, left = self.top * step, self.left * step
        return Region(top, left, min(self.bottom * step, height) - top, min(self.right * step, width) - left)


@dataclass(frozen=True, slots=True)
class Span:
    """One axis of a tile: the computed part (start, stop) and the kept part (core_start, core_stop)."""

    start: int
    stop: int
    core_start: int
    core_stop: int


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile, in pixels of the padded image."""

    rows: Span
    columns: Span

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width including the halo."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def core(self, height: int, width: int) -> Region:
        """The kept part inside an image of that size; padding may have made it larger."""
        top, left = self.rows.core_start, self.columns.core_start
        return Region(top, left, min(self.rows.core_stop, height) - top, min(self.columns.core_stop, width) - left)


@dataclass(frozen=True, slots=True)
class TilePlan:
    """The padded size and the tiles in reading order."""

    padded_height: int
    padded_width: int
    tiles: tuple[Tile, ...]

    @property
    def work(self) -> int:
        """Number of computed pixels, including halos."""
        height, width = self.tiles[0].shape
        return len(self.tiles) * height * width


def plan_tiles(height: int, width: int, *, multiple: int, halo: int, tile: int, step: int = 0) -> TilePlan:
    """Cut *height* x *width* into tiles of at most the pixels of a square of *tile*, halo included.

    Chooses the grid with the fewest computed pixels, then with the fewest tiles. Origins and sizes are multiples of
    *multiple*, so that a tile is computed on the grid of the whole image. The sides of tiles that are smaller than
    the image are also multiples of *step*: a coarse step gives images of different sizes the same tiles.
    """
    halo = rounded_up(halo, multiple)
    step = rounded_up(max(step, 1), multiple)
    least = rounded_up(max(2 * halo + multiple, SMALLEST_TILE), step)
    if tile % multiple or tile < least:
        raise ValueError(f"a tile of {tile} does not fit a halo of {halo} on a grid of {multiple}")
    padded_height = rounded_up(max(height, SMALLEST_TILE), multiple)
    padded_width = rounded_up(max(width, SMALLEST_TILE), multiple)
    tall, wide = _best_cut(
        _sides(padded_height, halo, least, step), _sides(padded_width, halo, least, step), tile * tile
    )
    rows, columns = _spans(padded_height, tall, halo), _spans(padded_width, wide, halo)
    return TilePlan(padded_height, padded_width, tuple(Tile(r, c) for r, c in product(rows, columns)))


def rounded_up(value: int, multiple: int) -> int:
    """*value* rounded up to a multiple of *multiple*."""
    return -(-value // multiple) * multiple


def _sides(length: int, halo: int, least: int, step: int) -> list[tuple[int, int]]:
    """The possible numbers of pieces of *length* with the side of each, in order of decreasing side."""
    ways = [(1, length)]
    for pieces in range(2, length):
        side = max(rounded_up(-(-(length - 2 * halo) // pieces) + 2 * halo, step), least)
        if side < ways[-1][1]:
            # After rounding up, fewer pieces may be enough.
            ways.append((-(-(length - 2 * halo) // (side - 2 * halo)), side))
        if side == least:
            break
    return ways


def _best_cut(rows: list[tuple[int, int]], columns: list[tuple[int, int]], most: int) -> tuple[int, int]:
    """Height and width of the tile with the fewest computed pixels."""
    fitting = []
    for down, tall in rows:
        # The widest tile for this height: fewer columns always compute less.
        place = bisect_left(columns, -(most // tall), key=lambda way: -way[1])
        if place < len(columns):
            across, wide = columns[place]
            fitting.append((down * across * tall * wide, down * across, tall, wide))
    _, _, tall, wide = min(fitting)
    return tall, wide


def _spans(length: int, side: int, halo: int) -> list[Span]:
    if length <= side:
        return [Span(0, length, 0, length)]
    stride = side - 2 * halo
    count = -(-(length - 2 * halo) // stride)
    spans: list[Span] = []
    for number in range(count):
        start = min(number * stride, length - side)  # the last one is moved back, so that all have the same shape
        core_start = spans[-1].core_stop if spans else 0
        core_stop = length if number == count - 1 else start + side - halo
        spans.append(Span(start, start + side, core_start, core_stop))
    return spans
