"""Small payloads: there and back."""

from __future__ import annotations

import itertools

import pytest

from denoiser.codec.container import blocks, layout
from denoiser.codec.container.latent import Exact, SourceFacts, TileStream
from denoiser.image import JpegTables
from denoiser.imageio import jpeg_tables


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


RAMP, FLAT, WIDE = tuple(range(1, 65)), (7,) * 64, (300,) * 64
FACTORS = ((2, 2), (1, 1), (1, 1))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize(
    ("tables", "size"),
    [
        *((jpeg_tables.standard(quality, 3), 5) for quality in (1, 49, 50, 90, 100)),
        ((RAMP, FLAT, FLAT), 5 + 128),
        ((RAMP, FLAT, RAMP), 5 + 192),
        ((WIDE, FLAT, FLAT), 5 + 256),
        ((RAMP,), 3 + 64),
        (jpeg_tables.standard(75, 1), 3),
    ],
)
def test_tables_of_a_jpeg(tables: tuple[tuple[int, ...], ...], size: int, progressive: bool) -> None:
    jpeg = JpegTables(tables, FACTORS[: len(tables)], progressive)
    payload = blocks.jpeg_to_bytes(jpeg)
    assert blocks.jpeg_of_bytes(payload) == jpeg
    assert len(payload) == size


def test_tables_of_cmyk_and_of_corrupt_jpegs_are_left_out() -> None:
    four = JpegTables((FLAT,) * 4, ((1, 1),) * 4)
    zero = JpegTables(((0, *FLAT[1:]),), ((1, 1),))
    assert blocks.jpeg_to_bytes(four) == blocks.jpeg_to_bytes(zero) == b""


def test_exact_pictures() -> None:
    for one in (Exact("webp", b"RIFF..."), Exact("png", b"\x89PNG\r\n\x1a\n...")):
        assert blocks.exact_of_bytes(blocks.exact_to_bytes(one)) == one
