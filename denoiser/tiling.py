"""Where a picture is cut: pure integers, no pixels.

├────────── tile ──────────┤          every tile of a picture has one shape
        ├────────── tile ──────────┤
├── core ─────────┼─── core ───────┤  what is kept of each; cores cover the picture once
              ╰─╯ halo                computed and thrown away, so that no seam shows
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from itertools import product

SMALLEST_TILE = 64  # smaller pictures are padded up to it: kernels, and so the last bit, change below


@dataclass(frozen=True, slots=True)
class Span:
    """One axis of a tile: what is computed (start, stop) and what of it is kept (core_start, core_stop)."""

    start: int
    stop: int
    core_start: int
    core_stop: int


@dataclass(frozen=True, slots=True)
class Tile:
    """A tile by its two spans, in pixels of the padded picture."""

    rows: Span
    columns: Span

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width with the halo: what is computed."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


@dataclass(frozen=True, slots=True)
class TilePlan:
    """The padded size and the tiles in reading order."""

    padded_height: int
    padded_width: int
    tiles: tuple[Tile, ...]

    @property
    def work(self) -> int:
        """Pixels that are computed, those of the halos counted each time."""
        height, width = self.tiles[0].shape
        return len(self.tiles) * height * width


def plan_tiles(height: int, width: int, *, multiple: int, halo: int, tile: int, step: int = 0) -> TilePlan:
    """Cuts *height* x *width* into tiles of no more pixels than a square of *tile* has, halo included.

    Of all cuts the one that computes fewest pixels, then that of fewest tiles. All origins and sizes are multiples
    of *multiple*, so that a tile is computed on the grid of the whole picture. The sides of tiles that do not
    reach across the picture are multiples of *step* too: a coarse one makes the tiles of unlike pictures alike.
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
    """The next multiple of *multiple* that is not below *value*."""
    return -(-value // multiple) * multiple


def _sides(length: int, halo: int, least: int, step: int) -> list[tuple[int, int]]:
    """(pieces, side of each) for the ways to cut *length*, from one piece to the smallest; sides only fall."""
    ways = [(1, length)]
    for pieces in range(2, length):
        side = max(rounded_up(-(-(length - 2 * halo) // pieces) + 2 * halo, step), least)
        if side < ways[-1][1]:
            # Rounding up may make a piece less enough.
            ways.append((-(-(length - 2 * halo) // (side - 2 * halo)), side))
        if side == least:
            break
    return ways


def _best_cut(rows: list[tuple[int, int]], columns: list[tuple[int, int]], most: int) -> tuple[int, int]:
    """Height and width of the tile that computes least."""
    fitting = []
    for down, tall in rows:
        # The widest that fits beside this height: fewer columns always compute less.
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
        start = min(number * stride, length - side)  # the last one is moved back, so that all have one shape
        core_start = spans[-1].core_stop if spans else 0
        core_stop = length if number == count - 1 else start + side - halo
        spans.append(Span(start, start + side, core_start, core_stop))
    return spans
