"""Bounded reading."""

from __future__ import annotations

import mmap
import tempfile
import zlib

import pytest

from denoiser.errors import UnreadableImage
from denoiser.imageio.containers.span import ByteSpan, inflate


@pytest.mark.parametrize(("at", "size"), [(-1, 2), (0, 11), (10, 1), (4, -1), (2**70, 1), (0, 2**70)])
def test_nothing_outside_is_read(at: int, size: int) -> None:
    span = ByteSpan(bytes(10))
    assert not span.has(at, size)
    with pytest.raises(UnreadableImage, match="truncated"):
        span.take(at, size)
    with pytest.raises(UnreadableImage, match="truncated"):
        span.inner(at, size)


def test_an_inner_span_is_a_wall() -> None:
    inner = ByteSpan(bytes(range(10))).inner(2, 4)
    assert inner.take(2, 4) == b"\2\3\4\5" and len(inner) == 4
    assert not inner.has(1, 1) and not inner.has(5, 2)
    assert (inner.number(2, 2), inner.number(2, 2, "little")) == (0x0203, 0x0302)


def test_every_kind_of_memory_gives_bytes_and_a_map_can_be_closed() -> None:
    with tempfile.TemporaryFile() as file:
        file.write(b"0123456789")
        file.flush()
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            for data in (b"0123456789", bytearray(b"0123456789"), memoryview(b"0123456789"), mapped):
                assert ByteSpan(data).take(2, 3) == b"234"


def test_inflating_stops_at_the_limit() -> None:
    bomb = zlib.compress(bytes(10_000_000))
    assert inflate(bomb, 1000) is None
    assert inflate(bomb, 10_000_000) == bytes(10_000_000)
    assert inflate(bomb[:-1], 20_000_000) is None
    assert inflate(b"no stream") is None
