"""Tiles cover every pixel once, are about a megapixel, and their number is known from six numbers."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser.codec.container.grid import TileGrid
from denoiser.errors import DamagedLatent
from denoiser.tiling import Region

SIZES = [
    (1, 1),
    (1, 9),
    (64, 64),
    (65, 63),
    (1024, 1024),
    (1025, 1025),
    (3000, 70),
    (70, 3000),
    (2500, 1300),
    (997, 4001),
]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_every_pixel_lies_in_one_tile(width: int, height: int) -> None:
    grid = TileGrid.planned(width, height)
    often = np.zeros((height, width), int)
    for box in grid.boxes():
        often[box.top : box.top + box.height, box.left : box.left + box.width] += 1
    assert (often == 1).all()
    assert len(list(grid.boxes())) == len(grid) == grid.rows * grid.columns


@pytest.mark.parametrize(
    ("width", "height"), [*SIZES, (6000, 4000), (10_000, 10_000), (1 << 20, 1), (30_000, 1000)]
)
def test_tiles_are_about_a_megapixel_and_alike(width: int, height: int) -> None:
    grid = TileGrid.planned(width, height)
    assert grid.tile_width * grid.tile_height <= 1.1 * (1 << 20)
    if len(grid) > 1:
        assert min(box.height * box.width for box in grid.boxes()) > 0.25 * grid.tile_width * grid.tile_height or (
            min(width, height) < 64
        )
    if width * height > 8 << 20:
        assert len(grid) < 2 * width * height / (1 << 20) + max(width, height) / 16_000


@pytest.mark.parametrize(
    ("sides", "words"),
    [
        ((0, 64), "multiple of 64"),
        ((64, 0), "multiple of 64"),
        ((100, 64), "multiple of 64"),
        ((16_384, 64), "multiple of 64"),
        ((2048, 1088), "too large"),
        ((2048, 1024), "for an image of"),
        ((1024, 2048), "for an image of"),
    ],
)
def test_a_grid_that_makes_no_sense_is_refused(sides: tuple[int, int], words: str) -> None:
    with pytest.raises(DamagedLatent, match=words):
        TileGrid(1900 if sides == (2048, 1024) else 5000, 1900, *sides)


@pytest.mark.parametrize(
    "grid", [TileGrid(300, 200, 128, 64), TileGrid(64, 64, 64, 64), TileGrid(1000, 70, 256, 64)]
)
def test_what_touches_a_box_is_found_without_a_search(grid: TileGrid) -> None:
    dice = np.random.default_rng(0)
    for _ in range(200):
        top, left = int(dice.integers(grid.height)), int(dice.integers(grid.width))
        box = Region(
            top, left, int(dice.integers(1, grid.height - top + 1)), int(dice.integers(1, grid.width - left + 1))
        )
        inside = {
            number
            for number, one in enumerate(grid.boxes())
            if one.top < box.top + box.height and box.top < one.top + one.height
            if one.left < box.left + box.width and box.left < one.left + one.width
        }
        assert set(grid.touching(box)) == inside
    beyond = Region(grid.height - 1, grid.width - 1, 64, 64)  # into what fills the last tile up
    assert list(grid.touching(beyond)) == [len(grid) - 1]


def test_there_is_no_tile_beyond_the_last() -> None:
    grid = TileGrid.planned(2000, 1100)
    for number in (-1, len(grid)):
        with pytest.raises(IndexError):
            grid.box(number)
