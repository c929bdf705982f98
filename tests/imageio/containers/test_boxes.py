"""Boxes, one after the other and inside of each other."""

from __future__ import annotations

import struct

import pytest

from denoiser.errors import UnreadableImage
from denoiser.imageio.containers import boxes
from denoiser.imageio.containers.span import Span


def test_sizes_of_all_three_kinds() -> None:
    data = boxes.box(b"aaaa", b"12") + struct.pack(">I4sQ", 1, b"bbbb", 19) + b"345" + b"\0\0\0\0cccc67"
    found = list(boxes.walk(Span(data)))
    assert [(box.name, data[box.at : box.at + box.size]) for box in found] == [
        (b"aaaa", b"12"),
        (b"bbbb", b"345"),
        (b"cccc", b"67"),
    ]


def test_the_first_of_a_path() -> None:
    span = Span(boxes.box(b"moov", boxes.box(b"trak", b"") + boxes.box(b"trak", boxes.box(b"mdia", b""))))
    assert boxes.first(span, b"moov", b"trak") is not None
    assert boxes.first(span, b"moov", b"trak", b"mdia") is None  # the first of each name, not every one
    assert boxes.first(span, b"meta") is None


@pytest.mark.parametrize(
    "data",
    [
        b"\0\0\0\x09aaaa",
        b"\0\0\0\x07aaaa",
        b"\0\0\0\1aaaa\0\0\0\0\0\0\0\x0f",
        b"\0\0\0\1aaaa\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\0\0\0",
    ],
)
def test_a_box_that_goes_beyond_is_an_error(data: bytes) -> None:
    with pytest.raises(UnreadableImage, match="truncated"):
        list(boxes.walk(Span(data)))


def test_a_cursor_stays_inside() -> None:
    cursor = boxes.Cursor(Span(b"\1\2\3\4\5after", 1, 5))
    assert (cursor.number(0), cursor.number(2), cursor.number(2)) == (0, 0x0203, 0x0405)
    with pytest.raises(UnreadableImage):
        cursor.name()
