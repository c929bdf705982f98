"""EXIF blocks from a TIFF: relocated, except for the maker's note."""

from __future__ import annotations

import struct
from collections.abc import Callable

import PIL.Image
import pytest
from PIL import ExifTags

from denoiser.imageio.containers import exif, ifd, tiff_exif
from denoiser.imageio.containers.span import ByteSpan

Build = Callable[..., bytes]
Place = Callable[[bytes], tuple[int, int] | None]
Follow = Callable[[bytes], bytes]


def _rebuilt(block: bytes, order: str, big: bool = False) -> tuple[bytes, list[str]]:
    name = "little" if order == "<" else "big"
    new, notes = tiff_exif.rebuilt(ifd.read_first(ByteSpan(block)), order=name, big=big)
    assert new is not None
    return new, notes


def _facts(block: bytes) -> tuple[dict[int, object], dict[int, object], dict[int, object], dict[int, object]]:
    """All directories of a block, as another program reads them; without the pointers, which may differ."""
    seen = PIL.Image.Exif()
    seen.load(block)
    inner = dict(seen.get_ifd(ExifTags.IFD.Exif))
    inner.pop(0xA005)
    return (
        {tag: value for tag, value in seen.items() if tag not in (0x8769, 0x8825)},
        inner,
        dict(seen.get_ifd(ExifTags.IFD.GPSInfo)),
        dict(seen.get_ifd(ExifTags.IFD.Interop)),
    )


@pytest.mark.parametrize("source", ["<", ">"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True], ids=["classic", "big"])
def test_every_value_and_the_place_of_the_note_survive(
    build_exif: Build, follow_note: Follow, source: str, order: str, big: bool
) -> None:
    block = build_exif(source)
    new, notes = _rebuilt(block, order, big)
    assert notes == [] and new[:2] == {"<": b"II", ">": b"MM"}[order]
    assert new[200:248] == block[200:248]
    if source == order:
        assert follow_note(new) == b"shutters"
    back, _ = _rebuilt(new, source)
    assert _facts(back) == _facts(block)


def _far(build_exif: Build, shift: int, name: bytes = b"MAKER\0\0\0") -> bytes:
    """A block whose maker's note lies *shift* bytes further back, at the end."""
    block = build_exif()
    entry = block.index(struct.pack("<HHII", 0x927C, 7, 48, 200))
    moved = block[: entry + 8] + struct.pack("<I", len(block) + shift) + block[entry + 12 :]
    return moved + bytes(shift) + block[200:248].replace(b"MAKER\0\0\0", name)


@pytest.mark.parametrize("shift", [0, 1000, 65_000])
def test_a_near_note_keeps_its_position(build_exif: Build, shift: int, maker_note: Place) -> None:
    block = _far(build_exif, shift)
    new, notes = _rebuilt(block, "<")
    assert notes == [] and maker_note(new) == (320 + shift, 48) and len(new) == len(block)
    assert len(new) <= exif.MAX_IN_JPEG  # the rest lies in the gap before it


def test_a_far_note_is_moved_and_noted(build_exif: Build, maker_note: Place) -> None:
    new, notes = _rebuilt(_far(build_exif, 100_000), "<")
    assert notes == [tiff_exif.MOVED] and len(new) < 1000
    place = maker_note(new)
    assert place is not None and new[place[0] :].startswith(b"MAKER")
    _, notes = _rebuilt(_far(build_exif, 100_000, b"FUJIFILM"), "<")
    assert notes == []  # such notes count from their own first byte


def test_a_broken_part_is_left_out_and_noted(build_exif: Build) -> None:
    block = build_exif()
    at = block.index(struct.pack("<HHII", 0x8769, 4, 1, 126)) + 8
    new, notes = _rebuilt(block[:at] + struct.pack("<I", 10**6) + block[at + 4 :], "<")
    assert notes == ["a part of its EXIF is corrupt and was removed"]
    assert exif.summary(new) == {"make": "Camera Ltd."}


def test_values_that_overlap_do_not_fill_the_memory(build_exif: Build) -> None:
    count = 3000  # entries that all claim the same two megabytes
    entries = b"".join(struct.pack("<HHII", 40_000 + n, 7, 2_000_000, 0) for n in range(count))
    block = b"II*\0\x08\0\0\0" + struct.pack("<H", count) + entries + bytes(4 + 2_000_000)
    new, notes = _rebuilt(block, "<")
    assert len(new) < 40_000_000 and "oversized EXIF entries" in notes[0]


def test_a_page_without_description_has_no_block() -> None:
    stream = b"II*\0\x08\0\0\0" + struct.pack("<HHHII", 1, 256, 4, 1, 8) + bytes(4)
    assert tiff_exif.exif_block(ifd.read_first(ByteSpan(stream))) == (None, [])
