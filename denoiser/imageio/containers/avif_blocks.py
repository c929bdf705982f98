"""Embeds EXIF, XMP and a colour profile in an AVIF without metadata.

EXIF and XMP become items that describe the main image, the profile becomes one of its properties. The encoders
could embed EXIF, too, but they rewrite it, which breaks the maker's note.
"""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.image import Metadata
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


def embed(encoded: bytes, metadata: Metadata, profile: bytes | None) -> bytes:
    """Return the image with these blocks. It is a single still image without metadata items."""
    if not (metadata.exif or metadata.xmp or profile):
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
    growth = len(_meta(span, items, added, profile, 0)) - (end - begin)
    meta = _meta(span, items, added, profile, growth)
    data = box(b"mdat", b"".join(item.content for item in added)) if added else b""
    return b"".join([encoded[:begin], meta, encoded[end:], data])


def _added(metadata: Metadata, first: int) -> list[_NewItem]:
    added = []
    if metadata.exif:
        added.append(_NewItem(first, b"Exif", b"Exif\0", bytes(4) + metadata.exif))
    if metadata.xmp:
        added.append(_NewItem(first + len(added), b"mime", b"XMP\0application/rdf+xml\0", metadata.xmp))
    return added


def _meta(span: ByteSpan, items: Items, added: list[_NewItem], profile: bytes | None, growth: int) -> bytes:
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
        elif inner.name == b"iprp" and profile:
            pieces.append(_with_profile(span, inner, items, profile))
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


def _with_profile(span: ByteSpan, properties: IsoBox, items: Items, profile: bytes) -> bytes:
    """Return the properties with the profile, which replaces one of the encoder.

    A colr box of code points stays: it defines how samples become RGB, and the profile defines the RGB space.
    """
    colour = box(b"colr", b"prof" + profile)
    pieces = []
    index = 0
    for inner in boxes.walk(properties.inside(span)):
        if inner.name == b"ipco":
            known = list(boxes.walk(inner.inside(span)))
            own = next((at for at, old in enumerate(known) if _is_profile(span, old)), None)
            index = len(known) + 1 if own is None else 0
            kept = [colour if at == own else _unchanged(span, old) for at, old in enumerate(known)]
            pieces.append(box(b"ipco", b"".join([*kept, colour] if own is None else kept)))
        elif inner.name == b"ipma" and index:
            pieces.append(_associated(span, inner, items.primary, index))
            index = 0
        else:
            pieces.append(_unchanged(span, inner))
    return box(b"iprp", b"".join(pieces))


def _associated(span: ByteSpan, table: IsoBox, primary: int, index: int) -> bytes:
    """Return the table of properties by item, with one more for *primary*."""
    cursor = boxes.Cursor(table.inside(span))
    version, flags, count = cursor.number(1), cursor.number(3), cursor.number(4)
    width, step = 4 if version else 2, 2 if flags & 1 else 1
    if step == 1 and index > _MAX_NARROW_INDEX:
        raise broken("an AVIF with too many properties")
    rows = [bytes([version]) + flags.to_bytes(3, "big") + count.to_bytes(4, "big")]
    for _ in range(count):
        item, properties = cursor.number(width), cursor.number(1)
        old = span.take(cursor.at, properties * step)
        cursor.at += properties * step
        if item == primary:
            old, properties = old + index.to_bytes(step, "big"), properties + 1
        rows.append(item.to_bytes(width, "big") + bytes([properties]) + old)
    return box(b"ipma", b"".join(rows))


def _is_profile(span: ByteSpan, old: IsoBox) -> bool:
    return old.name == b"colr" and old.size >= 4 and span.take(old.at, 4) in (b"prof", b"rICC")


def _unchanged(span: ByteSpan, old: IsoBox) -> bytes:
    return span.take(old.start, old.at + old.size - old.start)
