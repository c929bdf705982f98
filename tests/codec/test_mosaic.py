"""Tiles that look over their edges are the whole picture, and only what is needed is decoded."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser.codec import model
from denoiser.codec.container import Box, TileGrid
from denoiser.codec.mosaic import Latents, Mosaic
from denoiser.codec.transform import Transform
from denoiser.events import CancelToken, ignore


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
    for box, tile in Mosaic(grid, known, transform, 40).tiles(Box(0, 0, 300, 370), ignore, CancelToken()):
        joined[box.top : box.top + box.height, box.left : box.left + box.width] = tile
    assert np.abs(joined - whole).max() < 1e-5
    assert sorted(asked) == list(range(len(grid))), "each is decoded once"


def test_a_part_needs_its_tiles_and_their_neighbours(transform: Transform, latents: Latents) -> None:
    grid, asked = TileGrid(370, 300, 64, 64), []

    def known(number: int) -> Latents:
        asked.append(number)
        return np.zeros((64, 4, 4), np.float32)

    part = list(Mosaic(grid, known, transform, 40).tiles(Box(70, 10, 5, 5), ignore, CancelToken()))
    assert [box for box, _ in part] == [Box(70, 10, 5, 5)]
    assert sorted(asked) == [row * 6 + column for row in (0, 1, 2) for column in (0, 1)]
