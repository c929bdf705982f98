"""Small payloads: there and back."""

from __future__ import annotations

import itertools

import pytest

from denoiser.codec.container import blocks, layout
from denoiser.codec.container.latent import Exact, SourceFacts, TileStream


@pytest.mark.parametrize("tile", [TileStream(b"", 0), TileStream(b"abc", 0xFFFFFFFF), TileStream(b"\0\0\1", 7)])
def test_tiles(tile: TileStream) -> None:
    assert blocks.tile_of_bytes(blocks.tile_to_bytes(tile)) == tile


def test_all_sources() -> None:
    formats, modes = layout.SOURCE_FORMATS.values(), layout.SOURCE_MODES.values()
    for format_, mode, lossless in itertools.product(formats, modes, (False, True)):
        facts = SourceFacts(format_, mode, lossless)
        assert blocks.source_of_bytes(blocks.source_to_bytes(facts)) == facts


@pytest.mark.parametrize("payload", [b"\0\1\0", b"\x0a\1\0", b"\1\x0a\0"])
def test_numbers_of_a_later_list_are_not_told(payload: bytes) -> None:
    assert blocks.source_of_bytes(payload) is None


@pytest.mark.parametrize("dots", [(300.0, 72.5), (1e-9, 1e9)])
def test_resolutions(dots: tuple[float, float]) -> None:
    assert blocks.resolution_of_bytes(blocks.resolution_to_bytes(dots)) == dots


@pytest.mark.parametrize("dots", [(0.0, 1.0), (float("nan"), 1.0), (1.0, float("inf")), (-1.0, 1.0)])
def test_a_resolution_that_says_nothing_is_left_out(dots: tuple[float, float]) -> None:
    assert blocks.resolution_to_bytes(dots) == b""


def test_exact_pictures() -> None:
    for one in (Exact("webp", b"RIFF..."), Exact("png", b"\x89PNG\r\n\x1a\n...")):
        assert blocks.exact_of_bytes(blocks.exact_to_bytes(one)) == one
