"""Windows lie on the grid, hold their tile, and reach as far as there is picture."""

from __future__ import annotations

import pytest

from denoiser.codec.container import Box, TileGrid
from denoiser.codec.windows import common, cut, in_latents, padded, window_of

SIZES = [(1, 1), (64, 64), (65, 200), (300, 700), (128, 129)]


@pytest.mark.parametrize("halo", [0, 64, 128])
@pytest.mark.parametrize(("height", "width"), SIZES)
def test_a_window_holds_its_tile_and_stays_within_the_padded_picture(height: int, width: int, halo: int) -> None:
    grid = TileGrid(width, height, 128 if width > 64 else 64, 64)
    for number in range(len(grid)):
        box, window = grid.box(number), window_of(grid, number, halo)
        outer, inner = window.outer, window.inner
        assert (outer.top + inner.top, outer.left + inner.left) == (box.top, box.left)
        assert (inner.height, inner.width) == (box.height, box.width)
        assert not any(side % 64 for side in (outer.top, outer.left, outer.height, outer.width))
        assert (
            outer.top + outer.height <= -(-height // 64) * 64 and outer.left + outer.width <= -(-width // 64) * 64
        )
        above, left = min(halo, box.top), min(halo, box.left)
        assert (inner.top, inner.left) == (above, left), "as much around it as there is, up to the halo"


def test_boxes_are_padded_counted_shared_and_cut() -> None:
    assert padded(Box(64, 128, 1, 65)) == Box(64, 128, 64, 128)
    assert in_latents(Box(64, 128, 64, 128)) == Box(4, 8, 4, 8)
    assert common(Box(0, 0, 10, 10), Box(5, 7, 10, 10)) == Box(5, 7, 5, 3)
    assert common(Box(0, 0, 10, 10), Box(10, 0, 5, 5)) is None
    assert cut(Box(5, 7, 5, 3)) == (slice(5, 10), slice(7, 10))
    assert cut(Box(5, 7, 5, 3), Box(4, 4, 9, 9)) == (slice(1, 6), slice(3, 6))
