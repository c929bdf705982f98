"""EXIF blocks: changed only where necessary, with all other bytes preserved."""

from __future__ import annotations

import struct
from collections.abc import Callable

import PIL.Image
import pytest
from PIL import ExifTags

from denoiser.imageio.containers import exif

Build = Callable[..., bytes]
ORDERS = pytest.mark.parametrize("order", ["<", ">"])


def _pillow(block: bytes) -> PIL.Image.Exif:
    """What another program makes of the block."""
    seen = PIL.Image.Exif()
    seen.load(exif.PREFIX + block)
    return seen


def _thumbnail(block: bytes) -> bytes | None:
    tags = _pillow(block).get_ifd(ExifTags.IFD.IFD1)
    return block[tags[513] : tags[513] + tags[514]] if 513 in tags else None


def _changed(old: bytes, new: bytes) -> int:
    assert len(old) == len(new)
    return sum(a != b for a, b in zip(old, new, strict=True))


@ORDERS
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_read_and_reset_by_one_byte(build_exif: Build, order: str, orientation: int) -> None:
    block = build_exif(order, orientation=orientation)
    assert exif.orientation(block) == orientation
    reset = exif.with_orientation_reset(block)
    assert exif.orientation(reset) == 1
    assert _changed(block, reset) == (orientation != 1)


@ORDERS
def test_the_thumbnails_orientation_is_reset_too(build_exif: Build, order: str) -> None:
    reset = exif.with_orientation_reset(build_exif(order, thumbnail=b"\xff\xd8" + bytes(98)))
    assert _pillow(reset).get_ifd(ExifTags.IFD.IFD1)[274] == 1


@pytest.mark.parametrize("orientation", [0, 9, 1000])
def test_an_orientation_that_is_none_counts_as_upright(build_exif: Build, orientation: int) -> None:
    assert exif.orientation(build_exif(orientation=orientation)) == 1


@ORDERS
def test_the_size_is_set_where_one_is_named(build_exif: Build, order: str) -> None:
    block = build_exif(order)
    turned = exif.with_size(block, 480, 640)
    tags = _pillow(turned).get_ifd(ExifTags.IFD.Exif)
    assert (tags[0xA002], tags[0xA003]) == (480, 640)
    assert _changed(block, turned) == 4


@ORDERS
def test_a_smaller_thumbnail_takes_the_place_of_the_old(build_exif: Build, order: str) -> None:
    block = build_exif(order, thumbnail=b"\xff\xd8" + b"old" * 100, after=b"a maker's preview")
    renewed = exif.with_thumbnail(block, b"\xff\xd8new\xff\xd9")
    assert _thumbnail(renewed) == b"\xff\xd8new\xff\xd9"
    assert b"old" not in renewed  # the noisy picture is not left behind
    assert renewed[:320] == block[:320] and renewed.endswith(b"a maker's preview") and len(renewed) == len(block)


@ORDERS
def test_a_larger_thumbnail_at_the_end_replaces_the_old(build_exif: Build, order: str) -> None:
    block = build_exif(order, thumbnail=b"\xff\xd8old")
    larger = b"\xff\xd8" + bytes(1000)
    renewed = exif.with_thumbnail(block, larger)
    assert _thumbnail(renewed) == larger
    assert renewed[:320] == block[:320] and len(renewed) == len(block) - 5 + 1002


@ORDERS
def test_a_larger_thumbnail_elsewhere_is_appended_and_moves_nothing(
    build_exif: Build, follow_note: Callable[[bytes], bytes], order: str
) -> None:
    block = build_exif(order, thumbnail=b"\xff\xd8old", after=b"what a maker's note may point to")
    larger = b"\xff\xd8" + bytes(1000)
    renewed = exif.with_thumbnail(block, larger)
    assert _thumbnail(renewed) == larger
    assert renewed[374 : len(block)] == block[374:]
    assert follow_note(renewed) == b"shutters"


@pytest.mark.parametrize("jpeg", [None, b"", b"\xff\xd8" + bytes(66_000)], ids=["none", "empty", "too large"])
def test_a_thumbnail_that_does_not_fit_is_removed(build_exif: Build, jpeg: bytes | None) -> None:
    block = build_exif(thumbnail=b"\xff\xd8old")
    without = exif.with_thumbnail(block, jpeg)
    assert _thumbnail(without) is None and not exif.has_thumbnail(without)
    assert without[:94] == block[:94] and without[98:320] == block[98:320]  # all but the link to it
    assert b"old" not in without


def test_a_thumbnail_is_not_invented(build_exif: Build) -> None:
    assert exif.with_thumbnail(build_exif(), b"\xff\xd8new\xff\xd9") == build_exif()


def test_the_summary_of_a_photo(build_exif: Build, maker_note) -> None:
    assert exif.summary(build_exif()) == {"make": "Camera Ltd.", "exposure": "1/250"}
    assert exif.resolution(build_exif(">")) == (240.0, 240.0)
    assert maker_note(build_exif()) == (200, 48)


@pytest.mark.parametrize("block", [b"", b"II", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff", bytes(100)])
def test_a_corrupt_block_is_unchanged(block: bytes, maker_note) -> None:
    assert not exif.is_block(block)
    assert exif.with_orientation_reset(block) == block
    assert exif.with_size(block, 1, 1) == block
    assert exif.with_thumbnail(block, b"\xff\xd8") == block
    assert (exif.orientation(block), exif.resolution(block), maker_note(block)) == (1, None, None)
    assert exif.summary(block) == {}


@pytest.mark.parametrize(("short", "long", "iso"), [(65535, 102400, 102400), (800, 102400, 800), (65535, 0, 0)])
def test_an_iso_beyond_sixteen_bits_is_in_another_tag(short: int, long: int, iso: int) -> None:
    text = b"Some Camera\0"
    inner_at = 8 + 2 + 2 * 12 + 4 + len(text)
    first = struct.pack("<HHII", 0x0110, 2, len(text), 38) + struct.pack("<HHII", 0x8769, 4, 1, inner_at)
    inner = struct.pack("<HHHIHH", 2, 0x8827, 3, 1, short, 0) + struct.pack("<HHII", 0x8832, 4, 1, long)
    block = b"II*\0\x08\0\0\0\x02\0" + first + bytes(4) + text + inner + bytes(4)
    assert exif.shot(block) == ("Some Camera", iso)


def test_an_empty_block_has_no_camera() -> None:
    assert exif.shot(None) == exif.shot(b"nonsense") == ("", 0)
