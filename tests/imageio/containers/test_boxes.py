"""Boxes in sequence and nested, and items."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable

import PIL.Image
import pytest

from denoiser.errors import UnreadableImage
from denoiser.imageio.containers import boxes
from denoiser.imageio.containers.boxes import box
from denoiser.imageio.containers.span import ByteSpan


def test_sizes_of_all_three_kinds() -> None:
    data = boxes.box(b"aaaa", b"12") + struct.pack(">I4sQ", 1, b"bbbb", 19) + b"345" + b"\0\0\0\0cccc67"
    found = list(boxes.walk(ByteSpan(data)))
    assert [(box.name, data[box.at : box.at + box.size]) for box in found] == [
        (b"aaaa", b"12"),
        (b"bbbb", b"345"),
        (b"cccc", b"67"),
    ]


def test_the_first_of_a_path() -> None:
    span = ByteSpan(boxes.box(b"moov", boxes.box(b"trak", b"") + boxes.box(b"trak", boxes.box(b"mdia", b""))))
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
def test_a_truncated_box_is_an_error(data: bytes) -> None:
    with pytest.raises(UnreadableImage, match="truncated"):
        list(boxes.walk(ByteSpan(data)))


def test_a_cursor_stays_inside() -> None:
    cursor = boxes.Cursor(ByteSpan(b"\1\2\3\4\5after", 1, 5))
    assert (cursor.number(0), cursor.number(2), cursor.number(2)) == (0, 0x0203, 0x0405)
    with pytest.raises(UnreadableImage):
        cursor.name()


Encode = Callable[..., bytes]


def _file(*inside: bytes) -> bytes:
    return box(b"ftyp", b"avif") + box(b"meta", bytes(4) + b"".join(inside))


def test_an_encoders_items_are_read(encode: Encode) -> None:
    encoded = encode("avif", "RGBA", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0", xmp=b"<x/>")
    span = ByteSpan(encoded)
    found = boxes.read_items(span)
    assert found is not None and found.kinds[found.primary] == b"av01"
    by_kind = {kind: item for item, kind in found.kinds.items()}
    assert boxes.item_data(span, found, by_kind[b"mime"]) == b"<x/>"
    assert found.content[by_kind[b"mime"]] == b"application/rdf+xml"
    assert found.primary in found.referred(b"cdsc", by_kind[b"Exif"])
    size = found.property(found.primary, b"ispe")
    assert size is not None and struct.unpack_from(">II", encoded, size.at + 4) == (64, 48)
    PIL.Image.open(io.BytesIO(encoded)).load()


def test_an_item_may_lie_inside_of_the_meta_box() -> None:
    places = box(b"iloc", struct.pack(">BxxxHHHHHHII", 1, 0x4400, 1, 7, 1, 0, 1, 2, 3))
    span = ByteSpan(_file(places, box(b"idat", b"..abc..")))
    found = boxes.read_items(span)
    assert found is not None and boxes.item_data(span, found, 7) == b"abc"
    assert boxes.item_data(span, found, 8) is None


def test_a_place_outside_is_an_error() -> None:
    places = box(b"iloc", struct.pack(">BxxxHHHHHHII", 1, 0x4400, 1, 7, 1, 0, 1, 5, 3))
    for data in (box(b"idat", b"..abc.."), b""):
        span = ByteSpan(_file(places, data))
        found = boxes.read_items(span)
        assert found is not None
        with pytest.raises(UnreadableImage, match="truncated"):
            boxes.item_data(span, found, 7)


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (box(b"iloc", struct.pack(">BxxxHI", 2, 0x4400, 2**32 - 1)), "claims 4,294,967,295 items"),
        (box(b"iloc", struct.pack(">BxxxHH", 3, 0x4400, 0)), "unknown version"),
        (box(b"iloc", struct.pack(">BxxxHH", 0, 0x4400, 9)), "truncated"),
        (box(b"pitm", b"\0\0\0\0"), "truncated"),
        (box(b"iinf", struct.pack(">xxxxH", 1) + b"\0\0\0\x40infe"), "extends beyond"),
        (box(b"iref", bytes(4) + box(b"cdsc", struct.pack(">HH", 1, 9))), "truncated"),
        (
            box(b"iprp", box(b"ipco", b"") + box(b"ipma", struct.pack(">xxxxI", 2**31))),
            "claims 2,147,483,648 items",
        ),
    ],
)
def test_a_table_that_claims_too_much_is_named(table: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        boxes.read_items(ByteSpan(_file(table)))


def test_empty_extents_are_not_repeated() -> None:
    row = struct.pack(">HHH", 1, 0, 65_535)  # 65,535 extents of no offset and no length: not one byte of table
    found = boxes.read_items(ByteSpan(_file(box(b"iloc", struct.pack(">BxxxHH", 0, 0, 1) + row))))
    assert found is not None and len(found.places[1].extents) <= 1


def test_overlapping_extents_do_not_fill_the_memory() -> None:
    extents = struct.pack(">II", 0, 0) * 40_000  # each the whole file
    row = struct.pack(">HHH", 1, 0, 40_000) + extents
    span = ByteSpan(_file(box(b"iloc", struct.pack(">BxxxHH", 0, 0x4400, 1) + row)))
    found = boxes.read_items(span)
    assert found is not None and boxes.item_data(span, found, 1) is None
