"""AVIF and HEIC: metadata, and whether all items are in the file.

Their rotation and mirror boxes define the orientation; that in EXIF is only a copy. `inspect` returns the
orientation of the boxes as an EXIF orientation.
"""

from __future__ import annotations

from denoiser.image import Cicp, Metadata
from denoiser.imageio.containers import boxes, exif, inspection
from denoiser.imageio.containers.boxes import Cursor, IsoBox, Items, item_data, located, read_items
from denoiser.imageio.containers.inspection import Inspection, distinct
from denoiser.imageio.containers.span import ByteSpan, Data, broken

_IMAGE_KINDS = {b"av01", b"hvc1", b"grid", b"iden", b"iovl", b"jpeg", b"unci", b"j2k1"}
# EXIF orientation for anticlockwise rotations by index * 90 degrees: alone, mirrored vertically, horizontally.
_TURNED = ((1, 8, 3, 6), (4, 5, 2, 7), (2, 7, 4, 5))


def inspect(data: Data) -> Inspection:
    """Return everything except the pixels of an AVIF or HEIC."""
    span = ByteSpan(data)
    top = _top_level(span)
    items = read_items(span)
    words: list[str] = [inspection.MOTION_PHOTO] if any(box.name == b"mpvd" for box in top) else []
    frames = _frames_of_tracks(span)
    if items is None:
        return Inspection(frames=max(1, frames), hidden=tuple(words))
    block, packet = _described_by(span, items)
    words += _named_items(span, items) + inspection.in_xmp(packet)
    profile, cicp = _colour(span, items)
    size = items.property(items.primary, b"ispe")
    width, height = (span.number(size.at + at, 4) for at in (4, 8)) if size else (0, 0)
    return Inspection(
        metadata=Metadata(exif=block, xmp=packet, resolution=exif.resolution(block)),
        orientation=_orientation(span, items),
        profile=profile,
        frames=max(frames, _count_images(items)),
        hidden=distinct(words),
        width=width,
        height=height,
        bits=_bits(span, items),
        cicp=cicp,
    )


def check_whole(data: Data) -> None:
    """Raise UnreadableImage if a box or the data of an item are truncated or missing."""
    span = ByteSpan(data)
    names = {box.name for box in _top_level(span)}
    items = read_items(span)
    if items is None:
        if b"moov" not in names:
            raise broken("truncated: no images or tracks")
        return
    for place in items.places.values():
        located(span, items, place)
    if items.primary not in items.kinds:
        raise broken("truncated: the main image is missing")
    needed = [items.primary, *items.referred(b"dimg", items.primary)]
    if not all(item in items.places or items.referred(b"dimg", item) for item in needed):
        raise broken("truncated: a part of the main image is missing")


def _top_level(span: ByteSpan) -> list[IsoBox]:
    found = list(boxes.walk(span))
    if not found or found[0].name != b"ftyp":
        raise broken("not an AVIF or HEIC: it does not begin with a file type box")
    return found


def _described_by(span: ByteSpan, items: Items) -> tuple[bytes | None, bytes | None]:
    """Return EXIF and XMP of the main image, or else of the file."""
    about = {source for name, source, to in items.references if name == b"cdsc" and items.primary in to}
    block = packet = None
    for item in sorted(items.kinds, key=lambda item: item not in about):
        kind = items.kinds[item]
        if kind == b"Exif" and block is None:
            block = _exif_of(item_data(span, items, item) or b"")
        elif kind == b"mime" and items.content.get(item) == b"application/rdf+xml" and packet is None:
            packet = item_data(span, items, item)
    return block or None, packet or None


def _exif_of(raw: bytes) -> bytes:
    """Return the block after the offset of its start."""
    skipped = int.from_bytes(raw[:4], "big")
    return exif.unprefixed(raw[4 + skipped :] if skipped <= len(raw) else raw[4:])


def _named_items(span: ByteSpan, items: Items) -> list[str]:
    words = [inspection.GAIN_MAP] if b"tmap" in items.kinds.values() else []
    for properties in items.properties.values():
        for box in properties:
            if box.name == b"auxC":
                words += _auxiliary(span.take(box.at + 4, min(box.size - 4, 200)) if box.size > 4 else b"")
    if any(kind in (b"jumb", b"c2pa") for kind in items.kinds.values()):
        words.append(inspection.CONTENT_CREDENTIALS)
    return words


def _auxiliary(urn: bytes) -> list[str]:
    if b"depth" in urn or b"hevc:2015:auxid:2" in urn:
        return [inspection.DEPTH_MAP]
    if b"gainmap" in urn:
        return [inspection.GAIN_MAP]
    return ["matte"] if b"matte" in urn else []


def _colour(span: ByteSpan, items: Items) -> tuple[bytes | None, Cicp | None]:
    profile, cicp = None, None
    for box in items.properties.get(items.primary, ()):
        kind = span.take(box.at, 4) if box.name == b"colr" and box.size >= 4 else b""
        if kind in (b"prof", b"rICC"):
            profile = span.take(box.at + 4, box.size - 4) or None
        elif kind == b"nclx" and box.size >= 11:
            cursor = Cursor(box.inside(span, 4))
            cicp = Cicp(cursor.number(2), cursor.number(2), cursor.number(2), cursor.number(1) >= 0x80)
    return profile, cicp


def _orientation(span: ByteSpan, items: Items) -> int:
    turn, mirror = (items.property(items.primary, name) for name in (b"irot", b"imir"))
    angle = span.number(turn.at, 1) & 3 if turn and turn.size else 0
    flip = 1 + (span.number(mirror.at, 1) & 1) if mirror and mirror.size else 0
    return _TURNED[flip][angle]


def _bits(span: ByteSpan, items: Items) -> int:
    """Return bits per sample; for a grid, those of its first tile."""
    for item in (items.primary, *items.referred(b"dimg", items.primary)[:1]):
        for box in items.properties.get(item, ()):
            if box.name == b"pixi" and box.size >= 6:
                return span.number(box.at + 5, 1)
            if box.name == b"av1C" and box.size >= 4:
                flags = span.number(box.at + 2, 1)
                return 12 if flags & 0x60 == 0x60 else 10 if flags & 0x40 else 8
            if box.name == b"hvcC" and box.size >= 18:
                return 8 + (span.number(box.at + 17, 1) & 7)
    return 0


def _count_images(items: Items) -> int:
    """Return the number of images, without tiles, thumbnails and maps."""
    auxiliary = set(items.hidden)
    for name, source, to in items.references:
        if name in (b"auxl", b"thmb"):
            auxiliary.add(source)
        elif name == b"dimg" and items.kinds.get(source) != b"tmap":
            auxiliary.update(to)
        elif name == b"dimg":
            auxiliary.update(to[1:])  # a tone map refers to the image and its gain map
    return sum(kind in _IMAGE_KINDS and item not in auxiliary for item, kind in items.kinds.items())


def _frames_of_tracks(span: ByteSpan) -> int:
    """Return the number of frames of the longest image track."""
    movie = boxes.first(span, b"moov")
    frames = 0
    for track in boxes.walk(movie.inside(span)) if movie else ():
        media = boxes.first(track.inside(span), b"mdia") if track.name == b"trak" else None
        handler = boxes.first(media.inside(span), b"hdlr") if media else None
        sizes = boxes.first(media.inside(span), b"minf", b"stbl", b"stsz") if media else None
        if (
            handler
            and sizes
            and handler.size >= 12
            and span.take(handler.at + 8, 4) == b"pict"
            and sizes.size >= 12
        ):
            frames = max(frames, span.number(sizes.at + 8, 4))
    return frames
