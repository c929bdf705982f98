"""Embeds EXIF, XMP, a colour profile and code points in an AVIF without metadata.

EXIF and XMP become items that describe the main image, profile and code points become properties of it. The
encoders could embed EXIF, too, but they rewrite it, which breaks the maker's note.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from denoiser.image import Cicp, Metadata
from denoiser.imageio.containers import boxes
from denoiser.imageio.containers.boxes import IN_FILE, IsoBox, ItemPlace, Items, box, read_items
from denoiser.imageio.containers.span import ByteSpan, broken

_MAX_NARROW_INDEX = 0x7F  # of a property in a table of one-byte associations


@dataclass(frozen=True, slots=True)
class _NewItem:
    """An item that is added."""

    id: int
    kind: bytes
    name: bytes
    content: bytes


class _Colours(NamedTuple):
    profile: bytes | None
    cicp: Cicp | None


def embed(encoded: bytes, metadata: Metadata, profile: bytes | None, cicp: Cicp | None = None) -> bytes:
    """Return the image with these blocks. It is a single still image without metadata items."""
    if not (metadata.exif or metadata.xmp or profile or cicp):
        return encoded
    span = ByteSpan(encoded)
    items = read_items(span)
    if items is None or not items.kinds or boxes.first(span, b"moov") is not None:
        raise broken("not a single still AVIF image")
    last = list(boxes.walk(span))[-1]
    if span.number(last.start, 4) == 0:
        raise broken("an AVIF with an open last box, which cannot be extended")
    added = _added(metadata, max(items.kinds) + 1)
    if max(items.kinds) + len(added) >= 1 << 16:
        raise broken("an AVIF with too many items")
    begin, end = items.meta.start, items.meta.at + items.meta.size
    # The length of the box does not depend on the positions in it: a first attempt gives its growth.
    colours = _Colours(profile, cicp)
    growth = len(_meta(span, items, added, colours, 0)) - (end - begin)
    meta = _meta(span, items, added, colours, growth)
    data = box(b"mdat", b"".join(item.content for item in added)) if added else b""
    return b"".join([encoded[:begin], meta, encoded[end:], data])


def _added(metadata: Metadata, first: int) -> list[_NewItem]:
    added = []
    if metadata.exif:
        added.append(_NewItem(first, b"Exif", b"Exif\0", bytes(4) + metadata.exif))
    if metadata.xmp:
        added.append(_NewItem(first + len(added), b"mime", b"XMP\0application/rdf+xml\0", metadata.xmp))
    return added


def _meta(span: ByteSpan, items: Items, added: list[_NewItem], colours: _Colours, growth: int) -> bytes:
    """Return the new meta box; positions after it are shifted by *growth*."""
    pieces = [span.take(items.meta.at, 4)]
    referred = not added
    for inner in boxes.walk(items.meta.inside(span, 4)):
        if inner.name == b"iinf":
            pieces.append(_infos(span, inner, added))
        elif inner.name == b"iloc":
            pieces.append(_locations(_places(items, added, growth, span.end + growth + 8)))
        elif inner.name == b"iref" and added:
            pieces.append(_references(span, inner, items, added))
            referred = True
        elif inner.name == b"iprp" and (colours.profile or colours.cicp):
            pieces.append(_with_colours(span, inner, items, colours))
        else:
            pieces.append(_unchanged(span, inner))
    if not referred:
        pieces.append(_references(span, None, items, added))
    return box(b"meta", b"".join(pieces))


def _places(items: Items, added: list[_NewItem], growth: int, at: int) -> dict[int, ItemPlace]:
    """Return the positions of all items in the new file; the added ones are from *at* on."""
    places = {}
    for item, place in items.places.items():
        pushed = [(start + growth if start > items.meta.start else start, size) for start, size in place.extents]
        places[item] = ItemPlace(IN_FILE, tuple(pushed)) if place.method == IN_FILE else place
    for new in added:
        places[new.id] = ItemPlace(IN_FILE, ((at, len(new.content)),))
        at += len(new.content)
    return places


def _infos(span: ByteSpan, old: IsoBox, added: list[_NewItem]) -> bytes:
    width = 4 if span.number(old.at, 1) else 2
    count = span.number(old.at + 4, width) + len(added)
    head = span.take(old.at, 4) + count.to_bytes(width, "big")
    entries = [
        box(b"infe", b"\2\0\0\0" + item.id.to_bytes(2, "big") + b"\0\0" + item.kind + item.name) for item in added
    ]
    return box(b"iinf", b"".join([head, span.take(old.at + 4 + width, old.size - 4 - width), *entries]))


def _locations(places: dict[int, ItemPlace]) -> bytes:
    rows = [b"\1\0\0\0\x44\0" + len(places).to_bytes(2, "big")]
    for item, place in sorted(places.items()):
        rows.append(item.to_bytes(2, "big") + place.method.to_bytes(2, "big") + b"\0\0")
        rows.append(len(place.extents).to_bytes(2, "big"))
        for at, size in place.extents:
            if max(at, size) >= 1 << 32:
                raise broken("an AVIF of more than 4 GB")
            rows.append(at.to_bytes(4, "big") + size.to_bytes(4, "big"))
    return box(b"iloc", b"".join(rows))


def _references(span: ByteSpan, old: IsoBox | None, items: Items, added: list[_NewItem]) -> bytes:
    head = span.take(old.at, old.size) if old else bytes(4)
    width = 4 if head[:1] > b"\0" else 2
    main = items.primary.to_bytes(width, "big")
    entries = [box(b"cdsc", item.id.to_bytes(width, "big") + b"\0\1" + main) for item in added]
    return box(b"iref", b"".join([head, *entries]))


def _with_colours(span: ByteSpan, properties: IsoBox, items: Items, colours: _Colours) -> bytes:
    """Return the properties with profile and code points, which replace those of the encoder.

    The matrix and range of the encoder stay: they define how samples become RGB.
    """
    pieces = []
    indices: list[int] = []
    for inner in boxes.walk(properties.inside(span)):
        if inner.name == b"ipco":
            known = [_unchanged(span, old) for old in boxes.walk(inner.inside(span))]
            if colours.profile:
                _put(known, indices, (b"prof", b"rICC"), b"prof" + colours.profile)
            if colours.cicp:
                code = b"".join(number.to_bytes(2, "big") for number in colours.cicp[:2])
                old = next((old for old in known if old[4:12] == b"colrnclx"), b"")
                _put(known, indices, (b"nclx",), b"nclx" + code + (old[16:] or _MATRIX_OF_ENCODER))
            pieces.append(box(b"ipco", b"".join(known)))
        elif inner.name == b"ipma" and indices:
            pieces.append(_associated(span, inner, items.primary, indices))
            indices = []
        else:
            pieces.append(_unchanged(span, inner))
    return box(b"iprp", b"".join(pieces))


_MATRIX_OF_ENCODER = b"\0\6\x80"  # BT.601 in full range: libheif writes no box for it


def _put(known: list[bytes], indices: list[int], kinds: tuple[bytes, ...], content: bytes) -> None:
    """Replace the colour box of one of these kinds, or add one, and its index to *indices*."""
    new = box(b"colr", content)
    own = next((at for at, old in enumerate(known) if old[4:8] == b"colr" and old[8:12] in kinds), None)
    if own is None:
        known.append(new)
        indices.append(len(known))
    else:
        known[own] = new


def _associated(span: ByteSpan, table: IsoBox, primary: int, indices: list[int]) -> bytes:
    """Return the table of properties by item, with more for *primary*."""
    cursor = boxes.Cursor(table.inside(span))
    version, flags, count = cursor.number(1), cursor.number(3), cursor.number(4)
    width, step = 4 if version else 2, 2 if flags & 1 else 1
    if step == 1 and max(indices) > _MAX_NARROW_INDEX:
        raise broken("an AVIF with too many properties")
    rows = [bytes([version]) + flags.to_bytes(3, "big") + count.to_bytes(4, "big")]
    for _ in range(count):
        item, properties = cursor.number(width), cursor.number(1)
        old = span.take(cursor.at, properties * step)
        cursor.at += properties * step
        if item == primary:
            old += b"".join(index.to_bytes(step, "big") for index in indices)
            properties += len(indices)
        rows.append(item.to_bytes(width, "big") + bytes([properties]) + old)
    return box(b"ipma", b"".join(rows))


def _unchanged(span: ByteSpan, old: IsoBox) -> bytes:
    return span.take(old.start, old.at + old.size - old.start)
