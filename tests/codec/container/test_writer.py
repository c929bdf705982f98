"""A file costs little beside its symbols, and is the same each time."""

from __future__ import annotations

import dataclasses

import pytest

from denoiser.codec.container import LatentFile, TileGrid, TileStream, sizes, write
from denoiser.image import Metadata


def test_one_tile_costs_68_bytes_beside_its_stream(plain: LatentFile) -> None:
    assert len(write(plain)) - len(plain.tiles[0].stream) == 68


def test_each_further_tile_costs_16_bytes(plain: LatentFile) -> None:
    grid = TileGrid.planned(6000, 4000)
    assert len(grid) == 24
    many = dataclasses.replace(plain, width=6000, height=4000, grid=grid, tiles=(TileStream(b"", 0),) * 24)
    assert len(write(many)) == 68 + 23 * 16


def test_an_exact_picture_costs_65_bytes_beside_its_coder(exactly: LatentFile) -> None:
    bare = dataclasses.replace(exactly, metadata=Metadata())
    assert exactly.exact is not None
    assert len(write(bare)) - len(exactly.exact.data) == 65


@pytest.mark.parametrize("name", ["plain", "full", "exactly"])
def test_sizes_add_up_to_the_file(name: str, request: pytest.FixtureRequest) -> None:
    latent = request.getfixturevalue(name)
    assert sum(sizes(latent).values()) == len(write(latent))


def test_the_bytes_are_the_same_each_time_and_pinned(plain: LatentFile) -> None:
    assert write(plain) == write(dataclasses.replace(plain))
    fields = [
        *("89444c460d0a1a0a", "01", "01", "03", "08", "00000064", "00000050", "26", "00", "02", "02"),
        *("0123456789abcdef", "3f366f62"),
        *("54494c45", "00000019", "deadbeef", b"the stream of symbols".hex(), "b9cd18bc"),
        *("444f4e45", "00000004", "e315ec09", "b9c6fb5b"),
    ]
    assert write(plain).hex() == "".join(fields)
