"""Builds a self-contained EXIF block from the directories of a TIFF, in any byte order, classic or big.

Values are relocated, because their old positions are among the strips. Only the maker's note keeps its distance
from the first byte, because of the offsets in it; a gap before it is filled with zeros. A note that is too far from
the start is moved, which is noted.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from denoiser.errors import UnreadableImage
from denoiser.imageio.containers import ifd
from denoiser.imageio.containers.exif import EXIF_IFD, GPS_IFD, INTEROP_IFD, MAKER_NOTE, MAX_IN_JPEG
from denoiser.imageio.containers.ifd import Directory
from denoiser.imageio.containers.span import MAX_BLOCK_BYTES, ByteOrder

MOVED = "its MakerNote was moved; the camera maker's programs may not find all of its content"

# Tags of the first directory that describe the image but are not needed to decode it: names, people, times,
# resolution, GeoTIFF, ratings, and those that TIFF/EP has there instead of in the Exif directory.
_ABOUT = (
    {269, 270, 271, 272, 274, 282, 283, 285, 296, 305, 306, 315, 316, 18246, 18249, 33432, 33434, 33437}
    | {33550, 33922, 34264, 34735, 34736, 34737, 34850, 34855, 36867, 36868, 42112, 42113, 50341}
    | set(range(37377, 37397))
    | set(range(40091, 40096))
    | set(range(42032, 42038))
)
_POINTERS = {0: (EXIF_IFD, GPS_IFD), EXIF_IFD: (INTEROP_IFD,)}
_POINTER_TAGS = {EXIF_IFD, GPS_IFD, INTEROP_IFD}
_MAX_GAP = 1 << 20  # bytes before a note that is too large for JPEG anyway
# Notes whose offsets count from their own first byte, so that they may be moved.
_MOVABLE = (b"Nikon\0\x02", b"FUJIFILM", b"OLYMPUS\0", b"OM SYSTEM\0", b"Apple iOS\0", b"PENTAX \0")
_CLASSIC_KINDS = {16: 4, 17: 9, 18: 13}  # for the three types of BigTIFF
_SWAPPED_UNIT = {5: 4, 10: 4}  # rationals are pairs of longs


@dataclass(slots=True)
class _TagValue:
    """The value of a tag; *fixed_at* is the position that the maker's note must keep."""

    kind: int
    count: int
    raw: bytes
    fixed_at: int | None = None


@dataclass(slots=True)
class _Table:
    """A directory to be written: values by tag, and further directories by the tags that point to them."""

    values: dict[int, _TagValue] = field(default_factory=dict)
    below: dict[int, _Table] = field(default_factory=dict)


def exif_block(first: Directory) -> tuple[bytes | None, list[str]]:
    """Return the block that describes the image of this directory, or None; and notes on what was removed."""
    return rebuilt(first, order=first.layout.order, big=False, only=_ABOUT)


def rebuilt(
    first: Directory, *, order: ByteOrder, big: bool, only: set[int] | None = None
) -> tuple[bytes | None, list[str]]:
    """Return the directories as a block in this byte order, classic or big; of the first one, *only* these tags."""
    notes: list[str] = []
    budget = [MAX_BLOCK_BYTES]
    table = _read(first, 0, budget, notes)
    if only is not None:
        table.values = {tag: value for tag, value in table.values.items() if tag in only}
    if not table.below and not set(table.values) - {274, 282, 283, 296}:  # stored elsewhere
        return None, notes
    if budget[0] < 0:
        notes.append("oversized EXIF entries were removed")
    _convert(table, first.layout.order, order, big)
    return _laid_out(table, order, big, notes), notes


def _read(directory: Directory, pointer: int, budget: list[int], notes: list[str]) -> _Table:
    span, layout = directory.span, directory.layout
    table = _Table()
    for tag, entry in directory.entries.items():
        if tag in _POINTER_TAGS:
            continue
        budget[0] -= entry.size
        if budget[0] >= 0 and entry.size:
            fixed = entry.at if tag == MAKER_NOTE and entry.size > layout.word else None
            table.values[tag] = _TagValue(entry.kind, entry.count, span.take(entry.at, entry.size), fixed)
    for tag in _POINTERS.get(pointer, ()):
        at = directory.integer(tag)
        try:
            inner = ifd.read_directory(span, layout, at) if at else None
        except UnreadableImage:
            notes.append("a part of its EXIF is corrupt and was removed")
            inner = None
        if inner is not None and inner.entries:
            table.below[tag] = _read(inner, tag, budget, notes)
    return table


def _convert(table: _Table, source: ByteOrder, order: ByteOrder, big: bool) -> None:
    for inner in table.below.values():
        _convert(inner, source, order, big)
    for tag, value in list(table.values.items()):
        if source != order:
            value.raw = swapped(value.raw, value.kind)
        if value.kind in _CLASSIC_KINDS and not big:
            numbers = [value.raw[at : at + 8] for at in range(0, len(value.raw), 8)]
            high = slice(4, 8) if order == "little" else slice(0, 4)
            if any(any(number[high]) for number in numbers):
                del table.values[tag]  # too large for a classic file
                continue
            low = slice(0, 4) if order == "little" else slice(4, 8)
            value.kind, value.raw = _CLASSIC_KINDS[value.kind], b"".join(number[low] for number in numbers)


def swapped(raw: bytes, kind: int) -> bytes:
    """Return the value in the other byte order."""
    unit = _SWAPPED_UNIT.get(kind, ifd.SIZE_OF_TYPE[kind])
    if unit == 1:
        return raw
    return b"".join(raw[at : at + unit][::-1] for at in range(0, len(raw), unit))


class _Allocator:
    """Allocates positions one after the other, around the maker's note."""

    def __init__(self, start: int, note: tuple[int, int] | None) -> None:
        self.end = start
        self.note = note

    def place(self, size: int) -> int:
        at = self.end + self.end % 2
        if self.note and at < sum(self.note) and at + size > self.note[0]:
            at = sum(self.note) + sum(self.note) % 2
        self.end = at + size
        return at


def _laid_out(table: _Table, order: ByteOrder, big: bool, notes: list[str]) -> bytes:
    note = _note_place(table, big, notes)
    allocator = _Allocator(16 if big else 8, note)
    pieces: dict[int, bytes] = {}
    first = _place(table, order, big, allocator, pieces)
    block = bytearray(max(allocator.end, sum(note) if note else 0))
    block[: 16 if big else 8] = header(order, big, first)
    for at, piece in pieces.items():
        block[at : at + len(piece)] = piece
    return bytes(block)


def _note_place(table: _Table, big: bool, notes: list[str]) -> tuple[int, int] | None:
    """Return position and size of the note; None if there is none, or it is moved."""
    value = table.below[EXIF_IFD].values.get(MAKER_NOTE) if EXIF_IFD in table.below else None
    if value is None or value.fixed_at is None:
        return None
    head = 16 if big else 8
    size = len(value.raw)
    near = value.fixed_at + size <= MAX_IN_JPEG
    if head <= value.fixed_at and (near or (size > MAX_IN_JPEG and value.fixed_at <= _MAX_GAP)):
        return value.fixed_at, len(value.raw)
    value.fixed_at = None
    if not value.raw.startswith(_MOVABLE):
        notes.append(MOVED)
    return None


def _place(table: _Table, order: ByteOrder, big: bool, allocator: _Allocator, pieces: dict[int, bytes]) -> int:
    """Add a directory and those below it to *pieces*; return its position."""
    word = 8 if big else 4
    tags = sorted([*table.values, *table.below])
    at = allocator.place(16 + 20 * len(tags) if big else 6 + 12 * len(tags))
    rows = []
    for tag in tags:
        if tag in table.below:
            inner = _place(table.below[tag], order, big, allocator, pieces)
            rows.append((tag, 13 if big else 4, 1, inner.to_bytes(4, order)))
            continue
        value = table.values[tag]
        raw = value.raw
        if len(raw) > word:
            where = allocator.place(len(raw)) if value.fixed_at is None else value.fixed_at
            pieces[where] = raw
            raw = where.to_bytes(word, order)
        rows.append((tag, value.kind, value.count, raw))
    pieces[at] = directory_bytes(rows, order, big)
    return at


def header(order: ByteOrder, big: bool, first: int) -> bytes:
    """Return the first bytes of a TIFF whose first directory is at *first*."""
    mark = b"II" if order == "little" else b"MM"
    if big:
        return mark + (43).to_bytes(2, order) + (8).to_bytes(2, order) + bytes(2) + first.to_bytes(8, order)
    return mark + (42).to_bytes(2, order) + first.to_bytes(4, order)


def directory_bytes(rows: list[tuple[int, int, int, bytes]], order: ByteOrder, big: bool) -> bytes:
    """Return a directory, the last of its chain; rows have tag, type, count, and the value or its position."""
    word = 8 if big else 4
    table = b"".join(
        tag.to_bytes(2, order) + kind.to_bytes(2, order) + count.to_bytes(word, order) + raw.ljust(word, b"\0")
        for tag, kind, count, raw in rows
    )
    return len(rows).to_bytes(8 if big else 2, order) + table + bytes(word)
