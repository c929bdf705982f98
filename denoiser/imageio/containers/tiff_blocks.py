"""Embeds metadata in a TIFF without metadata: the EXIF block becomes the first bytes of the file.

The block is a TIFF structure itself. At the start of the file all its offsets stay valid, also the unknown ones in
the maker's note. The strips of the encoder follow, and a new directory at the end has the tags of the image and
those of the block, which still point into it.

    block, its header pointing to the end | strips | XMP, IPTC, profile, lists of strips | new directory
"""

from __future__ import annotations

from dataclasses import replace

from denoiser.errors import UnreadableImage, UnwritableImage
from denoiser.image import Metadata
from denoiser.imageio.containers import exif, ifd, tiff_exif
from denoiser.imageio.containers.ifd import Directory, Layout
from denoiser.imageio.containers.span import ByteSpan, broken
from denoiser.imageio.containers.tiff import (
    BITS,
    IPTC,
    LAYERS,
    PHOTOSHOP,
    PROFILE,
    XMP,
    byte_order_wanted,
    piece_tags,
)

_RESOLUTION = (282, 283, 296)
# Tags that an encoder writes about itself or its input.
_OF_ENCODER = {269, 270, 271, 272, 305, 306, 315, 316, 33432, *_RESOLUTION, 34665, 34853}
_SUB_DIRECTORIES = 330
_MAX_SAMPLES = 16  # of a pixel whose bits are read
_GIVEN = {XMP, IPTC, PROFILE}
# Tags of the block's first directory that are needed to decode an image, or are stored elsewhere.
_BUILDING = (
    set(range(254, 267)) | {273, 277, 278, 279, 280, 281, 284, 301, 317, 318, 319, 320, 321, 330, 347, 0xEA1C}
    | set(range(288, 294)) | set(range(322, 326)) | set(range(332, 346)) | set(range(512, 534))
    | _GIVEN | {PHOTOSHOP, LAYERS} | set(range(50706, 53000))
)  # fmt: skip

_Row = tuple[int, int, int, bytes]


def embed(encoded: bytes, metadata: Metadata, profile: bytes | None) -> bytes:
    """Return the first page of *encoded* with these blocks.

    The file has the byte order of the EXIF block. Samples of more than 8 bits keep theirs; if it differs from
    `tiff.byte_order_wanted`, the directories of the block are written again in the other order, with the maker's
    note at its old distance from the start. Raises UnwritableImage for a classic TIFF of more than 4 GB.
    """
    page = ifd.read_first(ByteSpan(encoded))
    span, layout = page.span, page.layout
    if max(page.integers(BITS, _MAX_SAMPLES), default=1) <= 8:
        layout = replace(layout, order=byte_order_wanted(metadata))
    head, about = _head(metadata.exif, layout)
    strips_tag, sizes_tag = piece_tags(page)
    places, sizes = page.integers(strips_tag, len(encoded)), page.integers(sizes_tag, len(encoded))
    if not places or len(places) != len(sizes):
        raise broken("a TIFF without strip offsets")
    begin, end = min(places), max(at + size for at, size in zip(places, sizes, strict=True))
    if not span.has(begin, end - begin):
        raise broken("truncated: image data are beyond the end of the file")
    head += bytes(-len(head) % 16)
    values = _Values(layout, len(head) + end - begin)
    rows = {row[0]: row for row in _rows_of_image(page, values, strips_tag)}
    moved = [at - begin + len(head) for at in places]
    rows[strips_tag] = values.row(strips_tag, 16 if layout.big else 4, moved)
    for tag, kind, block in (
        (XMP, 1, metadata.xmp),
        (IPTC, 7, metadata.iptc),
        (PHOTOSHOP, 1, metadata.resources),
        (PROFILE, 7, profile),
    ):
        if block:
            rows[tag] = values.raw_row(tag, kind, len(block), block)
    rows |= _rows_of_resolution(metadata.resolution, values)
    rows |= about
    return _joined(layout, head, memoryview(encoded)[begin:end], values, [rows[tag] for tag in sorted(rows)])


class _Values:
    """The values between the strips and the new directory."""

    def __init__(self, layout: Layout, start: int) -> None:
        self.layout = layout
        self.start = start + start % 2
        self.block = bytearray()

    def raw_row(self, tag: int, kind: int, count: int, raw: bytes) -> _Row:
        """Return a row of a directory; a long value is stored before the directory."""
        if len(raw) <= self.layout.word:
            return tag, kind, count, raw
        at = self.start + len(self.block)
        self.block += raw + bytes(len(raw) % 2)
        return tag, kind, count, at.to_bytes(self.layout.word, self.layout.order)

    def row(self, tag: int, kind: int, values: list[int]) -> _Row:
        """Return a row of integers."""
        width = ifd.SIZE_OF_TYPE[kind]
        if max(values) >= 1 << 8 * width:
            raise _too_large()
        raw = b"".join(value.to_bytes(width, self.layout.order) for value in values)
        return self.raw_row(tag, kind, len(values), raw)


def _head(block: bytes | None, layout: Layout) -> tuple[bytes, dict[int, _Row]]:
    """Return the first bytes of the file, and the rows of the block's first directory, which point into them."""
    block = exif.with_thumbnail(block, None) if block else None  # a second directory would be a second page
    first = _first(block)
    if first is not None and (layout.big or first.layout.big or first.layout.order != layout.order):
        block, _ = tiff_exif.rebuilt(first, order=layout.order, big=layout.big)
        first = _first(block)
    if block is None or first is None:
        return tiff_exif.header(layout.order, layout.big, 0), {}
    word, order = first.layout.word, first.layout.order
    rows = {}
    for tag, entry in first.entries.items():
        if tag not in _BUILDING and entry.size:
            small = entry.size <= word
            raw = first.span.take(entry.at, entry.size) if small else entry.at.to_bytes(word, order)
            rows[tag] = (tag, entry.kind, entry.count, raw)
    return block, rows


def _first(block: bytes | None) -> Directory | None:
    try:
        return ifd.read_first(ByteSpan(block)) if block else None
    except UnreadableImage:
        return None


def _rows_of_image(page: Directory, values: _Values, strips_tag: int) -> list[_Row]:
    skipped = _OF_ENCODER | _GIVEN | {strips_tag, _SUB_DIRECTORIES}
    rows = []
    for tag, entry in page.entries.items():
        if tag not in skipped:
            raw = page.span.take(entry.at, entry.size)
            if page.layout.order != values.layout.order:
                raw = tiff_exif.swapped(raw, entry.kind)
            rows.append(values.raw_row(tag, entry.kind, entry.count, raw))
    return rows


def _rows_of_resolution(resolution: tuple[float, float] | None, values: _Values) -> dict[int, _Row]:
    if resolution is None:
        return {}
    rows = {296: values.row(296, 3, [2])}
    for tag, dots in zip((282, 283), resolution, strict=True):
        whole = dots == int(dots)
        parts = (int(dots), 1) if whole else (round(dots * 10_000), 10_000)
        if not all(0 < part < 1 << 32 for part in parts):
            return {}
        raw = b"".join(part.to_bytes(4, values.layout.order) for part in parts)
        rows[tag] = values.raw_row(tag, 5, 1, raw)
    return rows


def _joined(layout: Layout, head: bytes, strips: memoryview, values: _Values, rows: list[_Row]) -> bytes:
    gap = values.start - len(head) - len(strips)
    directory_at = values.start + len(values.block)
    directory = tiff_exif.directory_bytes(rows, layout.order, layout.big)
    if not layout.big and directory_at + len(directory) >= 1 << 32:
        raise _too_large()
    begin = tiff_exif.header(layout.order, layout.big, directory_at)
    return b"".join([begin, memoryview(head)[len(begin) :], strips, bytes(gap), values.block, directory])


def _too_large() -> UnwritableImage:
    return UnwritableImage("A TIFF of more than 4 GB must be written as BigTIFF.")
