"""Tiles with their overlap, which avoids seams. Integers only.

┌─────────────────┐  outer: the computed area, on the grid of 64 pixels, within the padded image
│   ┌─────────┐   │
│   │  tile   │   │  inner: the area that is kept
│   └─────────┘   │
└─────────────────┘
"""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.codec.container import Box, TileGrid
from denoiser.codec.container.layout import TILE_UNIT
from denoiser.tiling import rounded_up

LATENT_STEP = 16  # pixels from one latent to the next


@dataclass(frozen=True, slots=True)
class Window:
    """*outer* in pixels of the padded picture, *inner* in pixels from its upper left corner."""

    outer: Box
    inner: Box


def window_of(grid: TileGrid, number: int, halo: int) -> Window:
    """The window of a tile with *halo* pixels, a multiple of 64, on each side where there is picture."""
    box = grid.box(number)
    top, left = max(0, box.top - halo), max(0, box.left - halo)
    bottom = min(rounded_up(grid.height, TILE_UNIT), rounded_up(box.top + box.height, TILE_UNIT) + halo)
    right = min(rounded_up(grid.width, TILE_UNIT), rounded_up(box.left + box.width, TILE_UNIT) + halo)
    return Window(
        Box(top, left, bottom - top, right - left), Box(box.top - top, box.left - left, box.height, box.width)
    )


def padded(box: Box) -> Box:
    """The box up to whole units of 64 pixels."""
    return Box(box.top, box.left, rounded_up(box.height, TILE_UNIT), rounded_up(box.width, TILE_UNIT))


def in_latents(box: Box) -> Box:
    """A box on the grid of 64 pixels, counted in latents."""
    return Box(*(side // LATENT_STEP for side in (box.top, box.left, box.height, box.width)))


def common(a: Box, b: Box) -> Box | None:
    """What two boxes have in common; None where that is nothing."""
    top, left = max(a.top, b.top), max(a.left, b.left)
    height = min(a.top + a.height, b.top + b.height) - top
    width = min(a.left + a.width, b.left + b.width) - left
    return Box(top, left, height, width) if height > 0 and width > 0 else None


def cut(box: Box, of: Box | None = None) -> tuple[slice, slice]:
    """Rows and columns of *box*, counted from the corner of *of* if that is given."""
    top, left = (box.top - of.top, box.left - of.left) if of else (box.top, box.left)
    return slice(top, top + box.height), slice(left, left + box.width)
