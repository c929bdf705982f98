"""What of a picture is looked at."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser.estimation.blocks import BLOCK, MOST_BLOCKS, blocks_of
from denoiser.image import from_numpy


@pytest.mark.parametrize(
    "size", [(1, 1), (1, 500), (64, 64), (65, 63), (640, 960), (1500, 2600), (9, 9000), (9000, 9)]
)
def test_blocks_cover_the_whole_image_and_are_limited_in_number(size) -> None:
    # Each pixel holds its own row and column, so that the blocks tell where they lie.
    height, width = size
    rows, columns = np.indices(size, dtype=np.float32)
    blocks = blocks_of(from_numpy(np.stack([rows, columns, rows], axis=2) / np.float32(9000)))
    assert 1 <= len(blocks.values) == blocks.rows * blocks.columns <= MOST_BLOCKS
    seen_rows, seen_columns = (np.rint(blocks.values[..., i] * 9000) for i in (0, 1))
    for seen, length in ((seen_rows, height), (seen_columns, width)):
        # Blocks begin at multiples of 8, so up to 7 pixels at the end are left out.
        assert (seen.min() == 0 and seen.max() >= length - 8) or length > BLOCK * MOST_BLOCKS
        # Nothing lies far from a block: the gaps are even.
        starts = np.unique(seen.min(axis=(1, 2)))
        assert not np.any(starts % 8)
        assert len(starts) == 1 or np.ptp(np.diff(starts)) <= 8


def test_all_of_a_small_image_is_used() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (150, 200, 3), np.uint8)
    blocks = blocks_of(from_numpy(pixels))
    assert (blocks.rows, blocks.columns) == (3, 4)
    assert np.array_equal(np.rint(blocks.values[-1] * 255), pixels[80 : 80 + BLOCK, 136 : 136 + BLOCK])
    assert np.array_equal(np.rint(blocks.values[0] * 255), pixels[:BLOCK, :BLOCK])


@pytest.mark.parametrize("size", [(8000, 10), (100_000, 1), (10, 8000), (20_000, 200)])
def test_long_strips_have_blocks(size) -> None:
    blocks = blocks_of(from_numpy(np.zeros(size, np.uint8)))
    assert 1 <= blocks.rows * blocks.columns == len(blocks.values) <= MOST_BLOCKS


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535), (np.float32, 1)])
def test_white_is_one_in_every_depth(dtype, white) -> None:
    assert blocks_of(from_numpy(np.full((70, 70, 3), white, dtype))).values.max() == 1


def test_grey_is_noticed_however_it_is_stored() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    assert blocks_of(from_numpy(grey)).grey
    stored_as_colour = np.repeat(grey[..., None], 3, axis=2)
    assert blocks_of(from_numpy(stored_as_colour)).grey
    stored_as_colour[5, 5, 1] ^= 1
    assert not blocks_of(from_numpy(stored_as_colour)).grey


def test_what_is_transparent_or_no_number_is_not_seen() -> None:
    pixels = np.full((64, 64, 4), 0.5, np.float32)
    pixels[:10, :, 3] = 0
    pixels[20, 20, 1] = np.nan
    pixels[30, 30, 2] = np.inf
    blocks = blocks_of(from_numpy(pixels))
    assert np.isfinite(blocks.values).all()
    unseen = np.argwhere(~blocks.seen[0])
    assert len(unseen) == 10 * 64 + 2 and [20, 20] in unseen.tolist() and [30, 30] in unseen.tolist()


def test_the_image_is_not_changed() -> None:
    image = from_numpy(np.full((64, 64, 3), np.nan, np.float32))
    blocks_of(image)
    assert np.isnan(image.pixels).all()
