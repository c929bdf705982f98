"""ISO base media boxes, of which AVIF, HEIC and JPEG XL consist, and the items of AVIF and HEIC.

A box has a size, a name, and content, which may be boxes. Items are images and metadata of the file:

meta: pitm main item | iinf kinds | iloc locations | iref references | iprp properties of items
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from denoiser.imageio.containers.span import MAX_BLOCK_BYTES, MAX_PARTS, ByteSpan, broken


@dataclass(frozen=True, slots=True)
class IsoBox:
    """A box that begins at *start*; its content has *size* bytes from *at*."""

    name: bytes
    start: int
    at: int
    size: int

    def inside(self, span: ByteSpan, skipped: int = 0) -> ByteSpan:
        """Return the content, without its first *skipped* bytes."""
        return span.inner(self.at + skipped, self.size - skipped)


def walk(span: ByteSpan) -> Iterator[IsoBox]:
    """Yield the boxes of a range; raise UnreadableImage if one is truncated."""
    at = span.start
    for _ in range(MAX_PARTS):
        if at >= span.end:
            return
        size, name, head = span.number(at, 4), span.take(at + 4, 4), 8
        if size == 1:
            size, head = span.number(at + 8, 8), 16
        elif size == 0:  # the last box: up to the end
            size = span.end - at
        if size < head or not span.has(at, size):
            raise broken(f"truncated: the box {name.decode('latin-1')!r} extends beyond the end of the file")
        yield IsoBox(name, at, at + head, size - head)
        at += size
    raise broken("more boxes than any image needs")


def first(span: ByteSpan, *path: bytes) -> IsoBox | None:
    """Return the box at this path of names, each the first of its name, or None."""
    found: IsoBox | None = None
    for name in path:
        inside = span if found is None else found.inside(span)
        found = next((box for box in walk(inside) if box.name == name), None)
        if found is None:
            return None
    return found


def box(name: bytes, content: bytes) -> bytes:
    """Return a box with this content."""
    return (len(content) + 8).to_bytes(4, "big") + name + content


class Cursor:
    """Reads numbers of a range one after the other."""

    __slots__ = ("at", "span")

    def __init__(self, span: ByteSpan) -> None:
        self.span = span
        self.at = span.start

    def number(self, size: int) -> int:
        """Return the next number of *size* bytes; 0 for no bytes."""
        value = self.span.number(self.at, size)
        self.at += size
        return value

    def name(self) -> bytes:
        """Return the next four bytes."""
        value = self.span.take(self.at, 4)
        self.at += 4
        return value


MAX_ITEMS = 1 << 16  # tiles of a grid, mostly; a grid has at most 256 by 256
IN_FILE, IN_META = 0, 1  # whether an extent counts from the start of the file, or of the idat box


@dataclass(frozen=True, slots=True)
class ItemPlace:
    """The extents of an item as (position, size); a size of 0 means up to the end."""

    method: int
    extents: tuple[tuple[int, int], ...]


@dataclass(slots=True)
class Items:
    """The items of a file. Properties are boxes of the ipco box, in order of association."""

    meta: IsoBox
    primary: int = 0
    kinds: dict[int, bytes] = field(default_factory=dict)
    content: dict[int, bytes] = field(default_factory=dict)  # media type of items of the kind "mime"
    hidden: set[int] = field(default_factory=set)
    places: dict[int, ItemPlace] = field(default_factory=dict)
    references: list[tuple[bytes, int, tuple[int, ...]]] = field(default_factory=list)
    properties: dict[int, tuple[IsoBox, ...]] = field(default_factory=dict)
    idat: IsoBox | None = None

    def referred(self, kind: bytes, source: int) -> tuple[int, ...]:
        """Return the items that *source* refers to with this kind of reference."""
        return next((to for name, item, to in self.references if name == kind and item == source), ())

    def property(self, item: int, name: bytes) -> IsoBox | None:
        """Return the first property of this name."""
        return next((box for box in self.properties.get(item, ()) if box.name == name), None)


def read_items(span: ByteSpan) -> Items | None:
    """Return the items of a file, or None if it has no meta box; raise UnreadableImage for corrupt tables."""
    meta = first(span, b"meta")
    if meta is None:
        return None
    items = Items(meta)
    readers = {b"pitm": _primary, b"iinf": _infos, b"iloc": _places, b"iref": _references, b"iprp": _properties}
    for inner in walk(meta.inside(span, 4)):
        if inner.name in readers:
            readers[inner.name](span, inner, items)
        elif inner.name == b"idat":
            items.idat = inner
    return items


def item_data(span: ByteSpan, items: Items, item: int) -> bytes | None:
    """Return the bytes of an item, or None if it is missing, or longer than any block of metadata."""
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


def located(span: ByteSpan, items: Items, place: ItemPlace) -> list[tuple[int, int]]:
    """Return the extents of an item as (position in the file, size); raise UnreadableImage if one is outside."""
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


def _opened(span: ByteSpan, box: IsoBox) -> tuple[Cursor, int, int]:
    """Return a cursor after the version and flags of a box, and both."""
    cursor = Cursor(box.inside(span))
    return cursor, cursor.number(1), cursor.number(3)


def _counted(cursor: Cursor, size: int) -> range:
    count = cursor.number(size)
    if count > MAX_ITEMS:
        raise broken(f"a table claims {count:,} items")
    return range(count)


def _primary(span: ByteSpan, box: IsoBox, items: Items) -> None:
    cursor, version, _ = _opened(span, box)
    items.primary = cursor.number(4 if version else 2)


def _infos(span: ByteSpan, box: IsoBox, items: Items) -> None:
    cursor, version, _ = _opened(span, box)
    cursor.number(4 if version else 2)
    for info in walk(span.inner(cursor.at, box.at + box.size - cursor.at)):
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


def _places(span: ByteSpan, box: IsoBox, items: Items) -> None:
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
                break  # such extents have no bytes in the table, so their number is unlimited
        items.places[item] = ItemPlace(method, tuple(extents))


def _references(span: ByteSpan, box: IsoBox, items: Items) -> None:
    cursor, version, _ = _opened(span, box)
    width = 4 if version else 2
    for entry in walk(span.inner(cursor.at, box.at + box.size - cursor.at)):
        inner = Cursor(entry.inside(span))
        source = inner.number(width)
        to = tuple(inner.number(width) for _ in _counted(inner, 2))
        items.references.append((entry.name, source, to))


def _properties(span: ByteSpan, box: IsoBox, items: Items) -> None:
    shared = first(box.inside(span), b"ipco")
    known = list(walk(shared.inside(span))) if shared else []
    for table in walk(box.inside(span)):
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
