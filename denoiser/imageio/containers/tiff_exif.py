"""A self-contained EXIF block out of the directories of a TIFF, in any byte order, classic or big.

Values are relocated, for their old places are among the strips. The maker's note alone keeps its distance from
the first byte, for the sake of the offsets inside of it: the block leaves a gap before it where that is needed.
Where the note lies too far back it has to move, and that is said.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from denoiser.errors import UnreadableImage
from denoiser.imageio.containers import ifd
from denoiser.imageio.containers.exif import EXIF_IFD, GPS_IFD, INTEROP_IFD, MAKER_NOTE, MAX_IN_JPEG
from denoiser.imageio.containers.ifd import Directory, Layout
from denoiser.imageio.containers.span import MAX_BLOCK_BYTES, Span

MOVED = "its MakerNote was moved; the camera maker's programs may not find all of its content"

# Tags of the first directory that speak about the image and do not build it: names, people, times, resolution,
# GeoTIFF, ratings, what TIFF/EP puts there in place of the Exif directory.
_ABOUT = (
    {269, 270, 271, 272, 274, 282, 283, 285, 296, 305, 306, 315, 316, 18246, 18249, 33432, 33434, 33437}
    | {33550, 33922, 34264, 34735, 34736, 34737, 34850, 34855, 36867, 36868, 42112, 42113, 50341}
    | set(range(37377, 37397))
    | set(range(40091, 40096))
    | set(range(42032, 42038))
)
_POINTERS = {0: (EXIF_IFD, GPS_IFD), EXIF_IFD: (INTEROP_IFD,)}
_POINTER_TAGS = {EXIF_IFD, GPS_IFD, INTEROP_IFD}
_MAX_GAP = 1 << 20  # bytes before a note that JPEG could not hold anyway
# Notes that count from their own first byte and may lie anywhere.
_MOVABLE = (b"Nikon\0\x02", b"FUJIFILM", b"OLYMPUS\0", b"OM SYSTEM\0", b"Apple iOS\0", b"PENTAX \0")
_CLASSIC_KINDS = {16: 4, 17: 9, 18: 13}  # what BigTIFF's three kinds become
_SWAPPED_UNIT = {5: 4, 10: 4}  # rationals are pairs of longs


@dataclass(slots=True)
class _Value:
    kind: int
    count: int
    raw: bytes
    fixed_at: int | None = None  # for the maker's note: where it must lie


@dataclass(slots=True)
class _Table:
    """A directory to be written: values by tag, and further directories by the tag that points to them."""

    values: dict[int, _Value] = field(default_factory=dict)
    below: dict[int, _Table] = field(default_factory=dict)


def exif_block(span: Span, layout: Layout, first: Directory) -> tuple[bytes | None, list[str]]:
    """The block that describes this directory's image, or None when nothing does; and what had to give way."""
    return rebuilt(span, layout, first, order=layout.order, big=False, only=_ABOUT)


def rebuilt(
    span: Span, layout: Layout, first: Directory, *, order: str, big: bool, only: set[int] | None = None
) -> tuple[bytes | None, list[str]]:
    """The same directories as a block in this byte order and dialect; of the first one, *only* these tags."""
    notes: list[str] = []
    budget = [MAX_BLOCK_BYTES]
    table = _read(span, layout, first, 0, budget, notes)
    if only is not None:
        table.values = {tag: value for tag, value in table.values.items() if tag in only}
    if not table.below and not set(table.values) - {274, 282, 283, 296}:  # stored elsewhere
        return None, notes
    if budget[0] < 0:
        notes.append("oversized EXIF entries were removed")
    _convert(table, layout.order, order, big)
    return _laid_out(table, order, big, notes), notes


def _read(
    span: Span, layout: Layout, directory: Directory, pointer: int, budget: list[int], notes: list[str]
) -> _Table:
    table = _Table()
    for tag, entry in directory.entries.items():
        if tag in _POINTER_TAGS:
            continue
        budget[0] -= entry.size
        if budget[0] >= 0 and entry.size:
            fixed = entry.at if tag == MAKER_NOTE and entry.size > layout.word else None
            table.values[tag] = _Value(entry.kind, entry.count, span.take(entry.at, entry.size), fixed)
    for tag in _POINTERS.get(pointer, ()):
        at = ifd.integer(span, layout, directory.entries.get(tag))
        try:
            inner = ifd.read_directory(span, layout, at) if at else None
        except UnreadableImage:
            notes.append("a part of its EXIF is corrupt and was removed")
            inner = None
        if inner is not None and inner.entries:
            table.below[tag] = _read(span, layout, inner, tag, budget, notes)
    return table


def _convert(table: _Table, source: str, order: str, big: bool) -> None:
    for inner in table.below.values():
        _convert(inner, source, order, big)
    for tag, value in list(table.values.items()):
        if source != order:
            value.raw = swapped(value.raw, value.kind)
        if value.kind in _CLASSIC_KINDS and not big:
            numbers = [value.raw[at : at + 8] for at in range(0, len(value.raw), 8)]
            high = slice(4, 8) if order == "<" else slice(0, 4)
            if any(any(number[high]) for number in numbers):
                del table.values[tag]  # no classic file can hold it
                continue
            low = slice(0, 4) if order == "<" else slice(4, 8)
            value.kind, value.raw = _CLASSIC_KINDS[value.kind], b"".join(number[low] for number in numbers)


def swapped(raw: bytes, kind: int) -> bytes:
    """The value in the other byte order."""
    unit = _SWAPPED_UNIT.get(kind, ifd.SIZE_OF_TYPE[kind])
    if unit == 1:
        return raw
    return b"".join(raw[at : at + unit][::-1] for at in range(0, len(raw), unit))


class _Room:
    """Hands out places one after the other, around the one that is taken by the maker's note."""

    def __init__(self, start: int, note: tuple[int, int] | None) -> None:
        self.end = start
        self.note = note

    def place(self, size: int) -> int:
        at = self.end + self.end % 2
        if self.note and at < sum(self.note) and at + size > self.note[0]:
            at = sum(self.note) + sum(self.note) % 2
        self.end = at + size
        return at


def _laid_out(table: _Table, order: str, big: bool, notes: list[str]) -> bytes:
    note = _note_place(table, big, notes)
    room = _Room(16 if big else 8, note)
    pieces: dict[int, bytes] = {}
    first = _place(table, order, big, room, pieces)
    block = bytearray(max(room.end, sum(note) if note else 0))
    block[: 16 if big else 8] = header(order, big, first)
    for at, piece in pieces.items():
        block[at : at + len(piece)] = piece
    return bytes(block)


def _note_place(table: _Table, big: bool, notes: list[str]) -> tuple[int, int] | None:
    """Where the note must lie, and its length; None when there is none, or it has to move."""
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


def _place(table: _Table, order: str, big: bool, room: _Room, pieces: dict[int, bytes]) -> int:
    """Lays a directory and all below it into *pieces*; returns where it begins."""
    word = 8 if big else 4
    tags = sorted([*table.values, *table.below])
    at = room.place(size_of_directory(len(tags), big))
    rows = []
    for tag in tags:
        if tag in table.below:
            inner = _place(table.below[tag], order, big, room, pieces)
            rows.append((tag, 13 if big else 4, 1, number(inner, 4, order)))
            continue
        value = table.values[tag]
        raw = value.raw
        if len(raw) > word:
            where = room.place(len(raw)) if value.fixed_at is None else value.fixed_at
            pieces[where] = raw
            raw = number(where, word, order)
        rows.append((tag, value.kind, value.count, raw))
    pieces[at] = directory_bytes(rows, order, big)
    return at


def header(order: str, big: bool, first: int) -> bytes:
    """The first bytes of a TIFF whose first directory lies at *first*."""
    mark = b"II" if order == "<" else b"MM"
    if big:
        return mark + number(43, 2, order) + number(8, 2, order) + bytes(2) + number(first, 8, order)
    return mark + number(42, 2, order) + number(first, 4, order)


def directory_bytes(rows: list[tuple[int, int, int, bytes]], order: str, big: bool) -> bytes:
    """A directory, the last of its chain; each row has its tag, kind, count, and the value or where it lies."""
    word = 8 if big else 4
    table = b"".join(
        number(tag, 2, order) + number(kind, 2, order) + number(count, word, order) + raw.ljust(word, b"\0")
        for tag, kind, count, raw in rows
    )
    return number(len(rows), 8 if big else 2, order) + table + bytes(word)


def size_of_directory(entries: int, big: bool) -> int:
    """Bytes that a directory of so many entries takes."""
    return 16 + 20 * entries if big else 6 + 12 * entries


def number(value: int, size: int, order: str) -> bytes:
    """A number as *size* bytes."""
    return value.to_bytes(size, "little" if order == "<" else "big")
