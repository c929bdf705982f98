"""EXIF blocks, changed where they must be and nowhere else.

A block is a small TIFF stream. The maker's note in it holds offsets that count from the block's first byte and
that only the maker knows, so nothing in a block ever moves: values are overwritten where they stand, and what
has no room is appended at the end. A block that cannot be understood is given back as it came.
"""

from __future__ import annotations

from denoiser.errors import UnreadableImage
from denoiser.imageio.containers import ifd
from denoiser.imageio.containers.ifd import Directory, Entry, Layout
from denoiser.imageio.containers.span import Span

PREFIX = b"Exif\0\0"
MAX_IN_JPEG = 65_533 - len(PREFIX)  # a segment's length has 16 bits, counts itself, and holds the prefix too

ORIENTATION, EXIF_IFD, GPS_IFD, INTEROP_IFD, MAKER_NOTE = 274, 0x8769, 0x8825, 0xA005, 0x927C
_COMPRESSION, _THUMBNAIL_AT, _THUMBNAIL_SIZE = 259, 513, 514
_WIDTHS, _HEIGHTS = (256, 0xA002), (257, 0xA003)

# The ISO tag holds 16 bits; what is beyond stands in others: recommended exposure index, sensitivity, ISO speed.
_ISO_ELSEWHERE, _ISO_TAGS = "65535", (0x8832, 0x8831, 0x8833)

# What people ask of a photo, by directory and tag.
_FACTS = {
    0: {0x010F: "make", 0x0110: "model", 0x0131: "software", 0x013B: "artist", 0x8298: "copyright"},
    EXIF_IFD: {
        0x9003: "taken",
        0x829A: "exposure",
        0x829D: "aperture",
        0x8827: "iso",
        0x920A: "focal length",
        0xA434: "lens",
    },
}


def unprefixed(block: bytes) -> bytes:
    """The bare block, without the ``Exif`` mark that JPEG needs and that some writers put into other formats."""
    return block.removeprefix(PREFIX)


def is_block(block: bytes) -> bool:
    """Whether this is a TIFF-structured block whose first directory can be read."""
    return _opened(block) is not None


def orientation(block: bytes | None) -> int:
    """The orientation that the block gives, from 1 to 8; 1 where it gives none that is valid."""
    opened = _opened(block) if block else None
    if opened is None:
        return 1
    span, layout, first, _ = opened
    found = ifd.integer(span, layout, first.entries.get(ORIENTATION), 1)
    return found if 1 <= found <= 8 else 1


def resolution(block: bytes | None) -> tuple[float, float] | None:
    """Dots per inch, across and down, or None."""
    opened = _opened(block) if block else None
    return ifd.dots_per_inch(*opened[:3]) if opened else None


def with_orientation_reset(exif: bytes) -> bytes:
    """The block saying that its image stands upright; all other bytes are as they were."""
    opened = _opened(exif)
    if opened is None:
        return exif
    _, layout, *directories = opened
    changed = bytearray(exif)
    for directory in directories:
        if directory is not None:
            _overwrite(changed, layout, directory.entries.get(ORIENTATION), 1)
    return bytes(changed)


def with_size(exif: bytes, width: int, height: int) -> bytes:
    """The block naming this size wherever it names one for the main image; all other bytes are as they were."""
    opened = _opened(exif)
    if opened is None:
        return exif
    span, layout, first, _ = opened
    changed = bytearray(exif)
    for directory in (first, _below(span, layout, first, EXIF_IFD)):
        for tags, value in ((_WIDTHS, width), (_HEIGHTS, height)):
            for tag in tags if directory else ():
                _overwrite(changed, layout, directory.entries.get(tag), value)  # type: ignore[union-attr]
    return bytes(changed)


def with_thumbnail(exif: bytes, jpeg: bytes | None, limit: int = MAX_IN_JPEG) -> bytes:
    """The block with *jpeg* as its thumbnail, where it had one; with None, or beyond *limit* bytes, with none.

    The new one takes the place of the old if it fits there or the old one is the last thing in the block; else it
    is appended. Nothing else moves, so the maker's note stays where it is.
    """
    opened = _opened(exif)
    if opened is None:
        return exif
    span, layout, first, thumbnail = opened
    if thumbnail is None:
        return exif
    changed = bytearray(exif)
    place = _thumbnail_place(span, layout, thumbnail)
    if jpeg and place and _put_thumbnail(changed, layout, thumbnail, jpeg, place) and len(changed) <= limit:
        return bytes(changed)
    changed = bytearray(exif)
    changed[first.next_slot : first.next_slot + layout.word] = bytes(layout.word)
    size = thumbnail.entries.get(_THUMBNAIL_SIZE)
    if size is not None:
        _overwrite(changed, layout, size, 0)
    if place and sum(place) == len(exif):
        del changed[place[0] :]
    return bytes(changed)


def has_thumbnail(exif: bytes) -> bool:
    """Whether the block holds a JPEG thumbnail that `with_thumbnail` would renew."""
    opened = _opened(exif)
    return bool(opened and opened[3] and _thumbnail_place(opened[0], opened[1], opened[3]))


def maker_note(exif: bytes) -> tuple[int, int] | None:
    """Where the maker's note lies in the block, and how long it is."""
    opened = _opened(exif)
    inner = _below(opened[0], opened[1], opened[2], EXIF_IFD) if opened else None
    note = inner.entries.get(MAKER_NOTE) if inner else None
    return (note.at, note.size) if note else None


def summary(exif: bytes | None) -> dict[str, str]:
    """A few facts in words: camera, lens, exposure, time. Empty for no block or one that makes no sense."""
    opened = _opened(exif) if exif else None
    if opened is None:
        return {}
    span, layout, first, _ = opened
    facts = {}
    for pointer, names in _FACTS.items():
        directory = _below(span, layout, first, pointer) if pointer else first
        for tag, name in names.items():
            words = _in_words(span, layout, directory.entries.get(tag)) if directory else ""
            if words:
                facts[name] = words
    return facts


def shot(exif: bytes | None) -> tuple[str, int]:
    """The camera in words and the ISO that it was set to; "" and 0 where the block does not say."""
    facts = summary(exif)
    make, model = facts.get("make", ""), facts.get("model", "")
    brand = make.split(" ")[0].lower()  # "NIKON CORPORATION" and "NIKON D850"
    camera = model if brand and model.lower().startswith(brand) else f"{make} {model}".strip()
    iso = facts.get("iso", "")
    opened = _opened(exif) if exif else None
    if iso == _ISO_ELSEWHERE and opened is not None:
        span, layout, first, _ = opened
        inner = _below(span, layout, first, EXIF_IFD)
        found = [ifd.integer(span, layout, inner.entries.get(tag)) for tag in _ISO_TAGS] if inner else []
        return camera, next((number for number in found if number), 0)
    return camera, int(iso) if iso.isdigit() else 0


def _opened(block: bytes) -> tuple[Span, Layout, Directory, Directory | None] | None:
    """The block's first directory and the one of its thumbnail, or None when it makes no sense."""
    span = Span(block)
    try:
        layout = ifd.read_layout(span)
        if layout.big:
            return None
        first = ifd.read_directory(span, layout, layout.first)
    except UnreadableImage:
        return None
    try:
        second = ifd.read_directory(span, layout, first.next) if first.next else None
    except UnreadableImage:
        second = None
    return span, layout, first, second


def _below(span: Span, layout: Layout, directory: Directory, pointer: int) -> Directory | None:
    at = ifd.integer(span, layout, directory.entries.get(pointer))
    try:
        return ifd.read_directory(span, layout, at) if at else None
    except UnreadableImage:
        return None


def _overwrite(block: bytearray, layout: Layout, entry: Entry | None, value: int) -> bool:
    """Puts a whole number where one of the same kind stands; false when it does not fit."""
    if entry is None or entry.count != 1 or entry.kind not in ifd.INTEGER_TYPES or value >= 1 << 8 * entry.size:
        return False
    block[entry.at : entry.at + entry.size] = value.to_bytes(entry.size, "little" if layout.order == "<" else "big")
    return True


def _thumbnail_place(span: Span, layout: Layout, thumbnail: Directory) -> tuple[int, int] | None:
    """Where the thumbnail lies and how long it is, when it is a JPEG inside of the block."""
    at = ifd.integer(span, layout, thumbnail.entries.get(_THUMBNAIL_AT))
    size = ifd.integer(span, layout, thumbnail.entries.get(_THUMBNAIL_SIZE))
    kind = ifd.integer(span, layout, thumbnail.entries.get(_COMPRESSION), 6)
    whole = at and size >= 2 and span.has(at, size) and span.take(at, 2) == b"\xff\xd8"
    return (at, size) if whole and kind == 6 else None


def _put_thumbnail(
    block: bytearray, layout: Layout, thumbnail: Directory, jpeg: bytes, place: tuple[int, int]
) -> bool:
    at, room = place
    if at + room == len(block):
        block[at:] = jpeg
    elif len(jpeg) <= room:
        block[at : at + room] = jpeg.ljust(room, b"\0")
    else:
        at = len(block) + len(block) % 2
        block.extend(bytes(len(block) % 2) + jpeg)
    return _overwrite(block, layout, thumbnail.entries.get(_THUMBNAIL_AT), at) and _overwrite(
        block, layout, thumbnail.entries.get(_THUMBNAIL_SIZE), len(jpeg)
    )


def _in_words(span: Span, layout: Layout, entry: Entry | None) -> str:
    if entry is None:
        return ""
    if entry.kind == 2:
        text = span.take(entry.at, min(entry.size, 200)).split(b"\0")[0]
        return "".join(c for c in text.decode("utf-8", "replace") if c.isprintable()).strip()
    if entry.kind in (5, 10):
        number = ifd.rational(span, layout, entry)
        if number is None:
            return ""
        return f"1/{round(1 / number)}" if entry.tag == 0x829A and 0 < number < 0.3 else f"{number:g}"
    values = ifd.integers(span, layout, entry)
    return str(values[0]) if values else ""
