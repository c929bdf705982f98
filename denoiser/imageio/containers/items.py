"""The items of an AVIF or HEIC: what is in the file, where it lies, what belongs to what.

    meta: pitm which item is the picture | iinf kinds | iloc places | iref references | iprp properties of items

The tables are read in any order, and each is bounded by the box that it stands in.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from denoiser.imageio.containers import boxes
from denoiser.imageio.containers.boxes import Box, Cursor
from denoiser.imageio.containers.span import MAX_BLOCK_BYTES, Span, broken

MAX_ITEMS = 1 << 16  # tiles of a grid, mostly; a grid has at most 256 by 256
IN_FILE, IN_META = 0, 1  # how an extent is counted: from the file's first byte, or inside of the idat box


@dataclass(frozen=True, slots=True)
class Place:
    """Where an item lies: pieces of (position, size); a size of 0 means up to the end."""

    method: int
    extents: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Items:
    """All items of a file. Properties are boxes of the ipco box, in order of association."""

    meta: Box
    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    content: dict[int, bytes] = field(default_factory=dict)  # media type of items of the kind "mime"
    hidden: set[int] = field(default_factory=set)
    places: dict[int, Place] = field(default_factory=dict)
    references: list[tuple[bytes, int, tuple[int, ...]]] = field(default_factory=list)
    properties: dict[int, tuple[Box, ...]] = field(default_factory=dict)
    idat: Box | None = None

    def referred(self, kind: bytes, source: int) -> tuple[int, ...]:
        """The items that *source* refers to in this way."""
        return next((to for name, item, to in self.references if name == kind and item == source), ())

    def property(self, item: int, name: bytes) -> Box | None:
        """The first property of this name."""
        return next((box for box in self.properties.get(item, ()) if box.name == name), None)


def read_items(span: Span) -> Items | None:
    """The items of a file, or None when it has no meta box; UnreadableImage when the tables are not whole."""
    meta = boxes.first(span, b"meta")
    if meta is None:
        return None
    items = Items(meta)
    readers = {b"pitm": _primary, b"iinf": _infos, b"iloc": _places, b"iref": _references, b"iprp": _properties}
    for inner in boxes.walk(meta.inside(span, 4)):
        if inner.name in readers:
            readers[inner.name](span, inner, items)
        elif inner.name == b"idat":
            items.idat = inner
    return items


def item_data(span: Span, items: Items, item: int) -> bytes | None:
    """The bytes of an item, or None when it is nowhere or longer than any block of metadata."""
    place = items.places.get(item)
    if place is None:
        return None
    pieces, total = [], 0
    for at, size in located(span, items, place):
        total += size
        if total > MAX_BLOCK_BYTES:
            return None
        pieces.append(span.take(at, size))
    return b"".join(pieces)


def located(span: Span, items: Items, place: Place) -> list[tuple[int, int]]:
    """The pieces of an item as (position in the file, size), each inside of the file."""
    area = span
    if place.method == IN_META:
        if items.idat is None:
            raise broken("truncated: an item is in a missing box")
        area = items.idat.inside(span)
    elif place.method != IN_FILE:
        return []
    found = []
    for at, size in place.extents:
        begin = area.start + at if place.method == IN_META else at
        size = size or area.end - begin
        if not area.has(begin, size):
            raise broken("truncated: image data are beyond the end of the file")
        found.append((begin, size))
    return found


def _opened(span: Span, box: Box) -> tuple[Cursor, int, int]:
    """A cursor behind the version and the flags of a box, and these."""
    cursor = Cursor(box.inside(span))
    return cursor, cursor.number(1), cursor.number(3)


def _counted(cursor: Cursor, size: int) -> range:
    count = cursor.number(size)
    if count > MAX_ITEMS:
        raise broken(f"a table claims {count:,} items")
    return range(count)


def _primary(span: Span, box: Box, items: Items) -> None:
    cursor, version, _ = _opened(span, box)
    items.primary = cursor.number(4 if version else 2)


def _infos(span: Span, box: Box, items: Items) -> None:
    cursor, version, _ = _opened(span, box)
    cursor.number(4 if version else 2)
    for info in boxes.walk(span.inner(cursor.at, box.at + box.size - cursor.at)):
        entry, entry_version, flags = _opened(span, info)
        if info.name != b"infe" or entry_version < 2:
            continue
        if len(items.kinds) >= MAX_ITEMS:
            raise broken("more items than any image needs")
        item = entry.number(2 if entry_version == 2 else 4)
        entry.number(2)
        items.kinds[item] = entry.name()
        if flags & 1:
            items.hidden.add(item)
        if items.kinds[item] == b"mime":
            words = span.take(entry.at, info.at + info.size - entry.at).split(b"\0")
            items.content[item] = words[1] if len(words) > 1 else b""


def _places(span: Span, box: Box, items: Items) -> None:
    cursor, version, _ = _opened(span, box)
    sizes = cursor.number(2)
    offset_size, length_size, base_size, index_size = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    if version not in (0, 1, 2):
        raise broken("an item table of an unknown version")
    for _ in _counted(cursor, 4 if version == 2 else 2):
        item = cursor.number(4 if version == 2 else 2)
        method = cursor.number(2) & 15 if version else IN_FILE
        cursor.number(2)
        base = cursor.number(base_size)
        extents = []
        for _ in range(cursor.number(2)):
            cursor.number(index_size if version else 0)
            offset = cursor.number(offset_size)
            extents.append((base + offset, cursor.number(length_size)))
            if not offset_size + length_size:
                break  # such extents take no room in the table: thousands of them would be one byte of file
        items.places[item] = Place(method, tuple(extents))


def _references(span: Span, box: Box, items: Items) -> None:
    cursor, version, _ = _opened(span, box)
    width = 4 if version else 2
    for entry in boxes.walk(span.inner(cursor.at, box.at + box.size - cursor.at)):
        inner = Cursor(entry.inside(span))
        source = inner.number(width)
        to = tuple(inner.number(width) for _ in _counted(inner, 2))
        items.references.append((entry.name, source, to))


def _properties(span: Span, box: Box, items: Items) -> None:
    shared = boxes.first(box.inside(span), b"ipco")
    known = list(boxes.walk(shared.inside(span))) if shared else []
    for table in boxes.walk(box.inside(span)):
        if table.name != b"ipma":
            continue
        cursor, version, flags = _opened(span, table)
        for _ in _counted(cursor, 4):
            item = cursor.number(4 if version else 2)
            wide = flags & 1
            indices = [
                cursor.number(2 if wide else 1) & (0x7FFF if wide else 0x7F) for _ in range(cursor.number(1))
            ]
            items.properties[item] = tuple(known[index - 1] for index in indices if 0 < index <= len(known))
