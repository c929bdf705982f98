"""Image file directories, the structure that TIFF and EXIF share: header, chained tables of entries, values beside.

    II*\\0 | offset -> count | tag type count value-or-offset | … | next directory

Classic files have 12-byte entries and 32-bit offsets; BigTIFF (43, not 42) has 20-byte entries and 64-bit ones.
"""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.imageio.containers.span import MAX_BLOCK_BYTES, Span, broken

# Bytes of one value by type: BYTE ASCII SHORT LONG RATIONAL, the signed and float kinds, IFD, and BigTIFF's three.
SIZE_OF_TYPE = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
INTEGER_TYPES = {1, 3, 4, 13, 16, 18}
MAX_ENTRIES = 4096  # of one directory; cameras stay below 100, and a classic count could claim 65,535
MAX_DIRECTORIES = 1 << 16  # of one chain
MAX_ENTRIES_OF_CHAIN = 1 << 20  # directories may overlap, so the file's size alone is no bound


@dataclass(frozen=True, slots=True)
class Layout:
    """Which of the dialects a stream speaks, and where its first directory lies."""

    order: str  # "<" or ">"
    big: bool
    first: int

    @property
    def word(self) -> int:
        """Bytes of an offset."""
        return 8 if self.big else 4


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry: its value has *size* bytes and lies at *at*, which is inside the entry when it is small."""

    tag: int
    kind: int
    count: int
    at: int
    size: int
    slot: int  # where the entry itself begins


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory; entries whose value lies outside of the stream or whose type is unknown are in *lost*."""

    at: int
    entries: dict[int, Entry]
    next: int
    next_slot: int  # where the offset of the next one stands
    lost: tuple[int, ...]


def read_layout(span: Span, start: int = 0) -> Layout:
    """The dialect of the stream at *start*, or UnreadableImage when there is none."""
    mark = span.take(start, 4)
    order = {b"II": "<", b"MM": ">"}.get(mark[:2])
    if order is None:
        raise broken("not a TIFF structure: it does not begin with II or MM")
    version = int.from_bytes(mark[2:], "little" if order == "<" else "big")
    if version == 43:
        if span.number(start + 4, 2, order) != 8:
            raise broken("a BigTIFF header with offsets that are not 8 bytes long")
        return Layout(order, True, span.number(start + 8, 8, order))
    # 42 is TIFF; Olympus, Panasonic and Leica mark their RAW files with numbers of their own.
    if version not in (42, 0x55, 0x4F52, 0x5352):
        raise broken(f"not a TIFF structure: its version is {version}")
    return Layout(order, False, span.number(start + 4, 4, order))


def read_directory(span: Span, layout: Layout, at: int) -> Directory:
    """The directory at *at*; UnreadableImage when its table is not whole. The first entry of a tag counts."""
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
    # EXIF blocks exist that end with the last entry: nothing follows then.
    following = span.number(next_slot, layout.word, layout.order) if span.has(next_slot, layout.word) else 0
    return Directory(at, entries, following, next_slot, tuple(lost))


def _read_entry(span: Span, layout: Layout, slot: int) -> Entry | int:
    """The entry, or its bare tag when its value cannot be had."""
    order, word = layout.order, layout.word
    tag, kind = span.number(slot, 2, order), span.number(slot + 2, 2, order)
    count = span.number(slot + 4, word, order)
    if kind not in SIZE_OF_TYPE:
        return tag
    size = count * SIZE_OF_TYPE[kind]
    at = slot + 4 + word
    if size > word:
        at = span.number(at, word, order)
    return Entry(tag, kind, count, at, size, slot) if span.has(at, size) else tag


def chain(span: Span, layout: Layout) -> list[Directory]:
    """All directories from the first one on; a loop is an error."""
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


def integers(span: Span, layout: Layout, entry: Entry | None, limit: int = 1) -> list[int]:
    """The first *limit* values of an entry, or none when there is no such entry or it holds no whole numbers."""
    if entry is None or entry.kind not in INTEGER_TYPES:
        return []
    width = SIZE_OF_TYPE[entry.kind]
    raw = span.take(entry.at, min(entry.count, limit) * width)
    order = "little" if layout.order == "<" else "big"
    return [int.from_bytes(raw[at : at + width], order) for at in range(0, len(raw), width)]  # type: ignore[arg-type]


def integer(span: Span, layout: Layout, entry: Entry | None, default: int = 0) -> int:
    """The first value of an entry, or *default*."""
    values = integers(span, layout, entry)
    return values[0] if values else default


def value_bytes(span: Span, entry: Entry | None) -> bytes | None:
    """The raw bytes of a value, or None when there is none or it is larger than any block of metadata."""
    if entry is None or entry.size > MAX_BLOCK_BYTES or not entry.size:
        return None
    return span.take(entry.at, entry.size)


def rational(span: Span, layout: Layout, entry: Entry | None) -> float | None:
    """The first rational of an entry as a number, or None."""
    if entry is None or entry.kind not in (5, 10) or entry.count < 1:
        return None
    above = span.number(entry.at, 4, layout.order)
    below = span.number(entry.at + 4, 4, layout.order)
    if entry.kind == 10 and above >= 1 << 31:
        above -= 1 << 32
    return above / below if below else None


def dots_per_inch(span: Span, layout: Layout, directory: Directory) -> tuple[float, float] | None:
    """The resolution that tags 282, 283 and 296 give; None where they are absent or have no unit."""
    across = rational(span, layout, directory.entries.get(282))
    down = rational(span, layout, directory.entries.get(283)) or across
    factor = {2: 1.0, 3: 2.54}.get(integer(span, layout, directory.entries.get(296), 2))
    if across is None or down is None or factor is None or across <= 0 or down <= 0:
        return None
    return across * factor, down * factor
