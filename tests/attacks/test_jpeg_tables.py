"""The chunk with the tables of a JPEG: each MUST of section 9 of docs/format.md is broken."""

from __future__ import annotations

import pytest
from reference_latent_file import TILES, attacks, file, refused

from denoiser.codec import container


def jpeg(payload: bytes) -> bytes:
    return file([(b"jpgt", payload), *TILES])


@attacks(40)
@pytest.mark.parametrize("number", [0, 2, 4, 127, 128, 130])
def test_a_jpeg_of_other_components(number: int) -> None:
    refused(jpeg(bytes([95, number]) + b"\x11" * (number % 128)), "components of the JPEG")


@attacks(40)
@pytest.mark.parametrize(
    "payload", [b"\x5f", b"\x5f\1", b"\x5f\3\x22\x11", b"\x5f\1\x01", b"\x5f\1\x10", b"\x5f\1\x51"]
)
def test_a_jpeg_with_missing_or_wrong_factors(payload: bytes) -> None:
    refused(jpeg(payload), "components of the JPEG")
    assert container.read_bytes(jpeg(b"\x5f\x81\x44"), "a.dlf").jpeg.progressive  # type: ignore[union-attr]


@attacks(41)
@pytest.mark.parametrize("kind", [0, 1, 100, 101, 254, 255])
@pytest.mark.parametrize("size", [0, 1, 63, 65, 127, 64 * 3 + 64, 64 * 6 + 64])
def test_a_jpeg_whose_tables_are_not_whole(kind: int, size: int) -> None:
    data = jpeg(bytes([kind, 3, 0x22, 0x11, 0x11]) + b"\1" * size)
    if (kind in (1, 100) and size == 0) or (kind == 255 and size == 64 * 4):
        assert container.read_bytes(data, "a.dlf").jpeg
    else:
        refused(data, "tables of the JPEG are incomplete")


@attacks(42)
@pytest.mark.parametrize(("kind", "size"), [(0, 1), (255, 2)])
def test_a_jpeg_whose_table_contains_zero(kind: int, size: int) -> None:
    start, one = bytes([kind, 1, 0x11]), (1).to_bytes(size, "big")
    assert container.read_bytes(jpeg(start + one * 64), "a.dlf").jpeg
    refused(jpeg(start + one * 63 + bytes(size)), "contains 0")
