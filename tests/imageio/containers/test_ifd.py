"""Directories: both byte orders, classic and big, and corrupt ones."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from denoiser.errors import UnreadableImage
from denoiser.imageio.containers import ifd
from denoiser.imageio.containers.span import ByteSpan


def _stream(entries: bytes, count: int, following: int = 0) -> bytes:
    return b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entries + struct.pack("<I", following)


@pytest.mark.parametrize(("order", "name"), [("<", "little"), (">", "big")])
def test_a_directory_is_read_in_both_orders(build_exif: Callable[..., bytes], order: str, name: str) -> None:
    first = ifd.read_first(ByteSpan(build_exif(order)))
    assert (first.layout.order, first.layout.big, first.layout.first) == (name, False, 8)
    assert sorted(first.entries) == [271, 274, 282, 283, 296, 0x8769, 0x8825]
    assert first.integer(274) == 6 and first.integer(999, 7) == 7
    assert first.rational(282) == 240.0
    assert first.value(271) == b"Camera Ltd.\0"
    assert first.dots_per_inch() == (240.0, 240.0)


def test_a_big_tiff_is_read() -> None:
    entry = struct.pack("<HHQQ", 256, 16, 1, 2**40)
    stream = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 1) + entry + bytes(8)
    assert ifd.chain(ByteSpan(stream))[0].integer(256) == 2**40


@pytest.mark.parametrize(
    ("stream", "reason"),
    [
        (b"", "truncated"),
        (b"XX*\0\x08\0\0\0", "does not begin with II or MM"),
        (b"II\x07\0\x08\0\0\0", "version is 7"),
        (b"II+\0\x09\0\0\0" + bytes(8), "offsets that are not 8"),
        (b"II*\0\x64\0\0\0", "truncated"),
        (_stream(b"", 2), "a directory extends beyond"),
        (_stream(b"", 65_535), "claims 65535 entries"),
        (_stream(bytes(12), 1, following=8), "circular directories"),
    ],
)
def test_a_broken_stream_is_named(stream: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        ifd.chain(ByteSpan(stream))


def test_a_value_outside_of_the_stream_is_lost_and_the_others_are_not() -> None:
    entries = struct.pack("<HHII", 270, 2, 2**32 - 1, 8) + struct.pack("<HHIHH", 274, 3, 1, 6, 0)
    first = ifd.read_first(ByteSpan(_stream(entries, 2)))
    assert first.lost == (270,) and first.integer(274) == 6


def test_overlapping_directories_are_stopped_early() -> None:
    # Each begins two bytes after the one before, and claims 4,096 entries: a megabyte would hold half a million.
    size = 1_000_000
    stream = bytearray(b"II*\0\x08\0\0\0" + struct.pack("<H", 4096) * (size // 2))
    with pytest.raises(UnreadableImage):
        ifd.chain(ByteSpan(bytes(stream)))
