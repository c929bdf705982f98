"""Reads and changes EXIF blocks.

A block is a small TIFF structure. The maker's note has unknown offsets that count from the first byte of the block,
so nothing in a block is ever moved: values are overwritten in place, and longer ones are appended. Corrupt blocks
are returned unchanged.
"""

from __future__ import annotations

from denoiser.errors import UnreadableImage
from denoiser.imageio.containers import ifd
from denoiser.imageio.containers.ifd import Directory
from denoiser.imageio.containers.span import ByteSpan

PREFIX = b"Exif\0\0"
MAX_IN_JPEG = 65_533 - len(PREFIX)  # the length of a segment has 16 bits and includes itself and the prefix

ORIENTATION, EXIF_IFD, GPS_IFD, INTEROP_IFD, MAKER_NOTE = 274, 0x8769, 0x8825, 0xA005, 0x927C
_COMPRESSION, _THUMBNAIL_AT, _THUMBNAIL_SIZE = 259, 513, 514
_WIDTHS, _HEIGHTS = (256, 0xA002), (257, 0xA003)

# The ISO tag has 16 bits; larger values are in others: recommended exposure index, sensitivity, ISO speed.
_ISO_ELSEWHERE, _ISO_TAGS = "65535", (0x8832, 0x8831, 0x8833)

# The facts of a summary, by directory and tag.
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
    """Return the block without the ``Exif`` mark that JPEG needs and some writers put into other formats."""
    return block.removeprefix(PREFIX)


def is_block(block: bytes) -> bool:
    """Return whether the first directory of the block can be read."""
    return _first(block) is not None


def orientation(block: bytes | None) -> int:
    """Return the orientation, from 1 to 8; 1 if it is missing or invalid."""
    first = _first(block)
    found = first.integer(ORIENTATION, 1) if first else 1
    return found if 1 <= found <= 8 else 1


def resolution(block: bytes | None) -> tuple[float, float] | None:
    """Return dots per inch, across and down, or None."""
    first = _first(block)
    return first.dots_per_inch() if first else None


def with_orientation_reset(exif: bytes) -> bytes:
    """Return the block with orientation 1; all other bytes are unchanged."""
    first = _first(exif)
    changed = bytearray(exif)
    for directory in (first, _thumbnail(first)):
        if directory is not None:
            _overwrite(changed, directory, ORIENTATION, 1)
    return bytes(changed)


def with_size(exif: bytes, width: int, height: int) -> bytes:
    """Return the block with this size of the main image, where it has one; all other bytes are unchanged."""
    first = _first(exif)
    changed = bytearray(exif)
    for directory in (first, _below(first, EXIF_IFD)):
        for tags, value in ((_WIDTHS, width), (_HEIGHTS, height)):
            for tag in tags if directory else ():
                _overwrite(changed, directory, tag, value)
    return bytes(changed)


def with_thumbnail(exif: bytes, jpeg: bytes | None, limit: int = MAX_IN_JPEG) -> bytes:
    """Replace the thumbnail, if there is one; without a *jpeg*, or beyond *limit* bytes, remove it.

    The new thumbnail is written over the old one if it fits there, or if the old one is at the end; else it is
    appended. Nothing else moves, so the maker's note stays where it is.
    """
    first = _first(exif)
    thumbnail = _thumbnail(first)
    if first is None or thumbnail is None:
        return exif
    changed = bytearray(exif)
    place = _thumbnail_place(thumbnail)
    if jpeg and place and _put_thumbnail(changed, thumbnail, jpeg, place) and len(changed) <= limit:
        return bytes(changed)
    changed = bytearray(exif)
    changed[first.next_slot : first.next_slot + first.layout.word] = bytes(first.layout.word)
    _overwrite(changed, thumbnail, _THUMBNAIL_SIZE, 0)
    if place and sum(place) == len(exif):
        del changed[place[0] :]
    return bytes(changed)


def has_thumbnail(exif: bytes) -> bool:
    """Return whether the block has a JPEG thumbnail that `with_thumbnail` replaces."""
    thumbnail = _thumbnail(_first(exif))
    return thumbnail is not None and _thumbnail_place(thumbnail) is not None


def has_preview_in_note(exif: bytes) -> bool:
    """Return whether the maker's note has a JPEG, which only programs of the camera maker show."""
    inner = _below(_first(exif), EXIF_IFD)
    note = inner.value(MAKER_NOTE) if inner else None
    return note is not None and b"\xff\xd8\xff" in note


def summary(exif: bytes | None) -> dict[str, str]:
    """Return a few facts in words: camera, lens, exposure, time. Empty for a missing or corrupt block."""
    first = _first(exif)
    facts = {}
    for pointer, names in _FACTS.items():
        directory = _below(first, pointer) if pointer else first
        for tag, name in names.items():
            words = _in_words(directory, tag) if directory else ""
            if words:
                facts[name] = words
    return facts


def shot(exif: bytes | None) -> tuple[str, int]:
    """Return camera and ISO; "" and 0 if the block does not have them."""
    facts = summary(exif)
    make, model = facts.get("make", ""), facts.get("model", "")
    brand = make.split(" ")[0].lower()  # "NIKON CORPORATION" and "NIKON D850"
    camera = model if brand and model.lower().startswith(brand) else f"{make} {model}".strip()
    iso = facts.get("iso", "")
    if iso == _ISO_ELSEWHERE:
        inner = _below(_first(exif), EXIF_IFD)
        found = [inner.integer(tag) for tag in _ISO_TAGS] if inner else []
        return camera, next((number for number in found if number), 0)
    return camera, int(iso) if iso.isdigit() else 0


def _first(block: bytes | None) -> Directory | None:
    """Return the first directory of a block, or None if it is missing or corrupt."""
    try:
        first = ifd.read_first(ByteSpan(block)) if block else None
    except UnreadableImage:
        return None
    return None if first is None or first.layout.big else first


def _thumbnail(first: Directory | None) -> Directory | None:
    return _read(first, first.next) if first else None


def _below(directory: Directory | None, pointer: int) -> Directory | None:
    return _read(directory, directory.integer(pointer)) if directory else None


def _read(directory: Directory, at: int) -> Directory | None:
    try:
        return ifd.read_directory(directory.span, directory.layout, at) if at else None
    except UnreadableImage:
        return None


def _overwrite(block: bytearray, directory: Directory | None, tag: int, value: int) -> bool:
    """Replace an integer; return False if the tag is missing, or too small for the value."""
    entry = directory.entries.get(tag) if directory else None
    if entry is None or entry.count != 1 or entry.kind not in ifd.INTEGER_TYPES or value >= 1 << 8 * entry.size:
        return False
    assert directory is not None
    block[entry.at : entry.at + entry.size] = value.to_bytes(entry.size, directory.layout.order)
    return True


def _thumbnail_place(thumbnail: Directory) -> tuple[int, int] | None:
    """Return position and size of the thumbnail if it is a JPEG inside of the block."""
    at, size = thumbnail.integer(_THUMBNAIL_AT), thumbnail.integer(_THUMBNAIL_SIZE)
    span = thumbnail.span
    whole = at and size >= 2 and span.has(at, size) and span.take(at, 2) == b"\xff\xd8"
    return (at, size) if whole and thumbnail.integer(_COMPRESSION, 6) == 6 else None


def _put_thumbnail(block: bytearray, thumbnail: Directory, jpeg: bytes, place: tuple[int, int]) -> bool:
    at, room = place
    if at + room == len(block):
        block[at:] = jpeg
    elif len(jpeg) <= room:
        block[at : at + room] = jpeg.ljust(room, b"\0")
    else:
        at = len(block) + len(block) % 2
        block.extend(bytes(len(block) % 2) + jpeg)
    moved = _overwrite(block, thumbnail, _THUMBNAIL_AT, at)
    return moved and _overwrite(block, thumbnail, _THUMBNAIL_SIZE, len(jpeg))


def _in_words(directory: Directory, tag: int) -> str:
    entry = directory.entries.get(tag)
    if entry is None:
        return ""
    if entry.kind == 2:
        text = directory.span.take(entry.at, min(entry.size, 200)).split(b"\0")[0]
        return "".join(c for c in text.decode("utf-8", "replace") if c.isprintable()).strip()
    if entry.kind in (5, 10):
        number = directory.rational(tag)
        if number is None:
            return ""
        return f"1/{round(1 / number)}" if tag == 0x829A and 0 < number < 0.3 else f"{number:g}"
    values = directory.integers(tag)
    return str(values[0]) if values else ""
