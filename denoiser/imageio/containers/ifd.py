"""Image file directories, the structure of TIFF and EXIF: a header, chained tables of entries, and their values.

    II*\\0 | offset -> count | tag type count value-or-offset | … | next directory

Classic files have 12-byte entries and 32-bit offsets; BigTIFF (43, not 42) has 20-byte entries and 64-bit offsets.
"""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.imageio.containers.span import MAX_BLOCK_BYTES, ByteOrder, ByteSpan, broken

# Bytes of a value by type: BYTE ASCII SHORT LONG RATIONAL, the signed and float types, IFD, and three of BigTIFF.
SIZE_OF_TYPE = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4,
                16: 8, 17: 8, 18: 8}  # fmt: skip
INTEGER_TYPES = {1, 3, 4, 13, 16, 18}
MAX_ENTRIES = 4096  # of a directory; cameras write fewer than 100, and a classic directory can claim 65,535
MAX_DIRECTORIES = 1 << 16  # of a chain
MAX_ENTRIES_OF_CHAIN = 1 << 20  # directories may overlap, so the file size is no limit


@dataclass(frozen=True, slots=True)
class Layout:
    """Byte order, size of offsets, and position of the first directory."""

    order: ByteOrder
    big: bool
    first: int

    @property
    def word(self) -> int:
        """Bytes of an offset."""
        return 8 if self.big else 4


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry; its value has *size* bytes at *at*, which is inside the entry if the value is small."""

    tag: int
    kind: int
    count: int
    at: int
    size: int


@dataclass(frozen=True, slots=True)
class Directory:
    """A directory; *lost* are tags of an unknown type, or with a value outside of the file."""

    span: ByteSpan
    layout: Layout
    entries: dict[int, Entry]
    next: int
    next_slot: int  # position of the offset of the next directory
    lost: tuple[int, ...]

    def integers(self, tag: int, limit: int = 1) -> list[int]:
        """Return the first *limit* values of a tag; none if it is missing or has no integers."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in INTEGER_TYPES:
            return []
        width = SIZE_OF_TYPE[entry.kind]
        raw = self.span.take(entry.at, min(entry.count, limit) * width)
        return [int.from_bytes(raw[at : at + width], self.layout.order) for at in range(0, len(raw), width)]

    def integer(self, tag: int, default: int = 0) -> int:
        """Return the first value of a tag, or *default*."""
        return next(iter(self.integers(tag)), default)

    def value(self, tag: int) -> bytes | None:
        """Return the raw value of a tag; None if it is missing, empty, or larger than any block of metadata."""
        entry = self.entries.get(tag)
        if entry is None or entry.size > MAX_BLOCK_BYTES or not entry.size:
            return None
        return self.span.take(entry.at, entry.size)

    def rational(self, tag: int) -> float | None:
        """Return the first rational number of a tag, or None."""
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in (5, 10) or entry.count < 1:
            return None
        above, below = (self.span.number(at, 4, self.layout.order) for at in (entry.at, entry.at + 4))
        if entry.kind == 10 and above >= 1 << 31:
            above -= 1 << 32
        return above / below if below else None

    def dots_per_inch(self) -> tuple[float, float] | None:
        """Return the resolution of tags 282, 283 and 296; None if it is missing or has no unit."""
        across = self.rational(282)
        down = self.rational(283) or across
        factor = {2: 1.0, 3: 2.54}.get(self.integer(296, 2))
        if across is None or down is None or factor is None or across <= 0 or down <= 0:
            return None
        return across * factor, down * factor


def read_layout(span: ByteSpan) -> Layout:
    """Return the layout of a TIFF structure; raise UnreadableImage if it is none."""
    mark = span.take(0, 4)
    orders: dict[bytes, ByteOrder] = {b"II": "little", b"MM": "big"}
    order = orders.get(mark[:2])
    if order is None:
        raise broken("not a TIFF structure: it does not begin with II or MM")
    version = int.from_bytes(mark[2:], order)
    if version == 43:
        if span.number(4, 2, order) != 8:
            raise broken("a BigTIFF header with offsets that are not 8 bytes long")
        return Layout(order, True, span.number(8, 8, order))
    # 42 is TIFF; Olympus, Panasonic and Leica mark their RAW files with numbers of their own.
    if version not in (42, 0x55, 0x4F52, 0x5352):
        raise broken(f"not a TIFF structure: its version is {version}")
    return Layout(order, False, span.number(4, 4, order))


def read_directory(span: ByteSpan, layout: Layout, at: int) -> Directory:
    """Return the directory at *at*; raise UnreadableImage if it is truncated. The first entry of a tag counts."""
    head, width = (8, 20) if layout.big else (2, 12)
    count = span.number(at, head, layout.order)
    if count > MAX_ENTRIES:
        raise broken(f"a directory claims {count} entries")
    next_slot = at + head + count * width
    if not span.has(next_slot, 0):
        raise broken("truncated: a directory extends beyond the end of the file")
    entries: dict[int, Entry] = {}
    lost = []
    for slot in range(at + head, next_slot, width):
        entry = _read_entry(span, layout, slot)
        if isinstance(entry, int):
            lost.append(entry)
        else:
            entries.setdefault(entry.tag, entry)
    # Some EXIF blocks end with the last entry, without the offset of the next directory.
    following = span.number(next_slot, layout.word, layout.order) if span.has(next_slot, layout.word) else 0
    return Directory(span, layout, entries, following, next_slot, tuple(lost))


def read_first(span: ByteSpan) -> Directory:
    """Return the first directory of a TIFF structure; raise UnreadableImage if it is corrupt."""
    layout = read_layout(span)
    return read_directory(span, layout, layout.first)


def _read_entry(span: ByteSpan, layout: Layout, slot: int) -> Entry | int:
    """Return the entry, or only its tag if its value cannot be read."""
    order, word = layout.order, layout.word
    tag, kind = span.number(slot, 2, order), span.number(slot + 2, 2, order)
    count = span.number(slot + 4, word, order)
    if kind not in SIZE_OF_TYPE:
        return tag
    size = count * SIZE_OF_TYPE[kind]
    at = slot + 4 + word
    if size > word:
        at = span.number(at, word, order)
    return Entry(tag, kind, count, at, size) if span.has(at, size) else tag


def chain(span: ByteSpan) -> list[Directory]:
    """Return all directories from the first one on; raise UnreadableImage for a loop."""
    layout = read_layout(span)
    found: list[Directory] = []
    seen: set[int] = set()
    entries = 0
    at = layout.first
    while at:
        if at in seen:
            raise broken("circular directories")
        seen.add(at)
        found.append(read_directory(span, layout, at))
        entries += len(found[-1].entries) + len(found[-1].lost)
        if len(found) > MAX_DIRECTORIES or entries > MAX_ENTRIES_OF_CHAIN:
            raise broken("more directories than any image needs")
        at = found[-1].next
    return found
