"""Where a picture is cut: pure integers, no pixels.

├────────── tile ──────────┤          every tile of a picture has one shape
        ├────────── tile ──────────┤
├── core ─────────┼─── core ───────┤  what is kept of each; cores cover the picture once
              ╰─╯ halo                computed and thrown away, so that no seam shows
"""

from __future__ import annotations

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


@dataclass(frozen=True, slots=True)
class TilePlan:
    """The padded size and the tiles in reading order."""

    padded_height: int
    padded_width: int
    tiles: tuple[Tile, ...]


def plan_tiles(height: int, width: int, *, multiple: int, halo: int, tile: int) -> TilePlan:
    """Cuts *height* x *width* into tiles of at most *tile* pixels a side, halo included.

    All origins and sizes are multiples of *multiple*, so that a tile is computed on the grid of the whole picture.
    """
    if tile % multiple or tile < 2 * rounded_up(halo, multiple) + multiple:
        raise ValueError(f"a tile of {tile} does not fit a halo of {halo} on a grid of {multiple}")
    padded_height = rounded_up(max(height, SMALLEST_TILE), multiple)
    padded_width = rounded_up(max(width, SMALLEST_TILE), multiple)
    halo = rounded_up(halo, multiple)
    rows, columns = _spans(padded_height, tile, halo), _spans(padded_width, tile, halo)
    return TilePlan(padded_height, padded_width, tuple(Tile(r, c) for r, c in product(rows, columns)))


def rounded_up(value: int, multiple: int) -> int:
    """The next multiple of *multiple* that is not below *value*."""
    return -(-value // multiple) * multiple


def _spans(length: int, tile: int, halo: int) -> list[Span]:
    if length <= tile:
        return [Span(0, length, 0, length)]
    step = tile - 2 * halo
    count = -(-(length - 2 * halo) // step)
    spans: list[Span] = []
    for number in range(count):
        start = min(number * step, length - tile)  # the last one is moved back, so that all have one shape
        core_start = spans[-1].core_stop if spans else 0
        core_stop = length if number == count - 1 else start + tile - halo
        spans.append(Span(start, start + tile, core_start, core_stop))
    return spans
