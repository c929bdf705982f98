"""Tiles that look over their edges are the whole picture, and only what is needed is decoded."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser.codec import model, mosaic
from denoiser.codec.container import TileGrid
from denoiser.codec.mosaic import Latents, Mosaic, in_latents, padded, window_of
from denoiser.codec.transform import Transform
from denoiser.events import CancelToken, ignore
from denoiser.image import Image
from denoiser.tiling import Region


@pytest.fixture
def transform(tiny_codec) -> Transform:
    return Transform(model.load(model.find(str(tiny_codec))), "cpu", "fp32")


@pytest.fixture
def latents() -> Latents:
    strength = np.exp(-np.arange(64) / 12)[:, None, None]
    return (np.random.default_rng(0).laplace(size=(64, 20, 24)) * strength).astype(np.float32)


def test_tiles_are_the_whole(transform: Transform, latents: Latents) -> None:
    grid, asked = TileGrid(370, 300, 128, 64), []

    def known(number: int) -> Latents:
        asked.append(number)
        box = grid.box(number)
        rows, columns = box.top // 16, box.left // 16
        return latents[:, rows : rows + 4, columns : columns + 8]

    whole = transform.synthesise(latents, 40)[:300, :370]
    joined = np.zeros_like(whole)
    for box, tile in Mosaic(grid, known, transform, 40).tiles(Region(0, 0, 300, 370), ignore, CancelToken()):
        joined[box.top : box.top + box.height, box.left : box.left + box.width] = tile
    assert np.abs(joined - whole).max() < 1e-5
    assert sorted(asked) == list(range(len(grid))), "each is decoded once"


def test_a_part_needs_its_tiles_and_their_neighbours(transform: Transform, latents: Latents) -> None:
    grid, asked = TileGrid(370, 300, 64, 64), []

    def known(number: int) -> Latents:
        asked.append(number)
        return np.zeros((64, 4, 4), np.float32)

    part = list(Mosaic(grid, known, transform, 40).tiles(Region(70, 10, 5, 5), ignore, CancelToken()))
    assert [box for box, _ in part] == [Region(70, 10, 5, 5)]
    assert sorted(asked) == [row * 6 + column for row in (0, 1, 2) for column in (0, 1)]


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


def test_regions_are_padded_and_counted_in_latents() -> None:
    assert padded(Region(64, 128, 1, 65)) == Region(64, 128, 64, 128)
    assert in_latents(Region(64, 128, 64, 128)) == Region(4, 8, 4, 8)


@pytest.mark.parametrize("bits", [1, 8, 10, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_there_and_back_changes_nothing(bits: int, channels: int) -> None:
    dtype = np.uint8 if bits <= 8 else np.uint16
    pixels = np.random.default_rng(1).integers(0, 1 << bits, (20, 30, channels)).astype(dtype)
    taken = mosaic.taken(Image(pixels, bits=bits), Region(0, 0, 20, 30))
    assert taken.shape == (20, 30, 3) and taken.dtype == np.float32 and 0 <= taken.min() <= taken.max() <= 1
    assert np.array_equal(mosaic.given(taken, channels, bits), pixels)


def test_beyond_the_picture_its_edge_is_repeated() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    taken = mosaic.taken(Image(pixels), Region(10, 20, 64, 64))
    assert taken.shape == (64, 64, 3)
    assert np.array_equal(taken[:10, :10], pixels[10:, 20:].astype(np.float32) * np.float32(1 / 255))
    assert (taken[10:] == taken[9]).all() and (taken[:, 10:] == taken[:, 9:10]).all()


def test_float_is_cut_off_and_what_is_no_number_is_black() -> None:
    pixels = np.array([[[-1.0, 0.25, 2.0], [np.nan, np.inf, -np.inf]]], np.float32)
    taken = mosaic.taken(Image(pixels), Region(0, 0, 1, 2))
    assert np.array_equal(taken, np.array([[[0, 0.25, 1], [0, 1, 0]]], np.float32))
    given = mosaic.given(np.array([[[-0.5, 0.5, 1.5]]], np.float32), 3, 32)
    assert given.dtype == np.float32 and np.array_equal(given, np.array([[[0, 0.5, 1]]], np.float32))


def test_pixels_are_reduced_to_means_of_squares() -> None:
    values = np.arange(5 * 6 * 2, dtype=np.float32).reshape(5, 6, 2)
    small = mosaic.reduced(values, 4)
    assert small.shape == (2, 2, 2)
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        square = values[4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
        np.testing.assert_allclose(small[row, column], square.mean(axis=(0, 1)), rtol=1e-6)
    assert np.array_equal(mosaic.reduced(values, 1), values)
    assert mosaic.reduced(values.astype(np.uint8)[:, :, 0], 2).shape == (3, 3)
