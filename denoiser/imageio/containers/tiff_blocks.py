"""Puts metadata into a bare TIFF: the raw EXIF block becomes the first bytes of the file.

A block is a TIFF stream itself. With it at the start all its offsets stay true, the unknown ones in the maker's
note included. The encoder's strips follow, and a new directory at the end merges the tags of the image with
those about it; the latter still point into the block.

    block, its header changed to point to the end | strips | XMP, IPTC, profile, lists of strips | new directory
"""

from __future__ import annotations

from dataclasses import replace

from denoiser.errors import UnreadableImage, UnwritableImage
from denoiser.image import Metadata
from denoiser.imageio.containers import exif, ifd, tiff_exif
from denoiser.imageio.containers.ifd import Directory, Entry, Layout
from denoiser.imageio.containers.span import Span, broken
from denoiser.imageio.containers.tiff import IPTC, LAYERS, PHOTOSHOP, PROFILE, XMP, byte_order_wanted
from denoiser.imageio.containers.tiff_exif import number
from denoiser.imageio.containers.tiff_strips import BITS, STRIP_SIZES, STRIPS, TILE_SIZES, TILES

_RESOLUTION = (282, 283, 296)
# What an encoder says of itself or of the array it was given.
_CHATTER = {269, 270, 271, 272, 305, 306, 315, 316, 33432, *_RESOLUTION, 34665, 34853}
_SUB_DIRECTORIES = 330
_MAX_SAMPLES = 16  # of a pixel whose bits are looked at
_GIVEN = {XMP, IPTC, PROFILE}
# Tags of a block's first directory that build an image, or say what is said elsewhere.
_BUILDING = (
    set(range(254, 267)) | {273, 277, 278, 279, 280, 281, 284, 301, 317, 318, 319, 320, 321, 330, 347, 0xEA1C}
    | set(range(288, 294)) | set(range(322, 326)) | set(range(332, 346)) | set(range(512, 534))
    | _GIVEN | {PHOTOSHOP, LAYERS} | set(range(50706, 53000))
)  # fmt: skip

_Row = tuple[int, int, int, bytes]


def embed(encoded: bytes, metadata: Metadata, profile: bytes | None) -> bytes:
    """The first page of *encoded* with these blocks.

    The file takes the byte order of the EXIF block. Samples of more than 8 bits cannot follow, so they are best
    given in `tiff.byte_order_wanted`: else the directories of the block are written anew in their order, with the
    maker's note at its old distance from the start. UnwritableImage when a classic TIFF would pass 4 GB.
    """
    span = Span(encoded)
    source = ifd.read_layout(span)
    page = ifd.read_directory(span, source, source.first)
    layout = source
    if max(ifd.integers(span, source, page.entries.get(BITS), _MAX_SAMPLES), default=1) <= 8:
        layout = replace(source, order=byte_order_wanted(metadata))
    head, about = _head(metadata.exif, layout)
    strips_tag, sizes_tag = (TILES, TILE_SIZES) if TILES in page.entries else (STRIPS, STRIP_SIZES)
    places = _all_integers(span, source, page.entries.get(strips_tag))
    sizes = _all_integers(span, source, page.entries.get(sizes_tag))
    if not places or len(places) != len(sizes):
        raise broken("a TIFF without strip offsets")
    begin, end = min(places), max(at + size for at, size in zip(places, sizes, strict=True))
    if not span.has(begin, end - begin):
        raise broken("truncated: image data are beyond the end of the file")
    head += bytes(-len(head) % 16)
    values = _Values(layout, len(head) + end - begin)
    rows = {row[0]: row for row in _rows_of_picture(span, page, values, strips_tag, source)}
    moved = [at - begin + len(head) for at in places]
    rows[strips_tag] = values.row(strips_tag, 16 if layout.big else 4, moved)
    for tag, block in ((XMP, metadata.xmp), (IPTC, metadata.iptc), (PROFILE, profile)):
        if block:
            rows[tag] = values.raw_row(tag, 1 if tag == XMP else 7, len(block), block)
    rows |= _rows_of_resolution(metadata.resolution, values)
    rows |= about
    return _joined(layout, head, memoryview(encoded)[begin:end], values, [rows[tag] for tag in sorted(rows)])


class _Values:
    """The values that stand between the strips and the new directory, and where each comes to lie."""

    def __init__(self, layout: Layout, start: int) -> None:
        self.layout = layout
        self.start = start + start % 2
        self.block = bytearray()

    def raw_row(self, tag: int, kind: int, count: int, raw: bytes) -> _Row:
        """A row of a directory; a value that is too long for it is put away."""
        if len(raw) <= self.layout.word:
            return tag, kind, count, raw
        at = self.start + len(self.block)
        self.block += raw + bytes(len(raw) % 2)
        return tag, kind, count, _word(at, self.layout)

    def row(self, tag: int, kind: int, values: list[int]) -> _Row:
        """A row of whole numbers."""
        width = ifd.SIZE_OF_TYPE[kind]
        if max(values) >= 1 << 8 * width:
            raise _too_large()
        raw = b"".join(number(value, width, self.layout.order) for value in values)
        return self.raw_row(tag, kind, len(values), raw)


def _head(block: bytes | None, layout: Layout) -> tuple[bytes, dict[int, _Row]]:
    """The first bytes of the file, and the rows of the block's first directory, which point into them."""
    block = exif.with_thumbnail(block, None) if block else None  # a second directory would be a second page
    opened = _opened(block) if block else None
    if (
        block is not None
        and opened is not None
        and (layout.big or opened[1].big or opened[1].order != layout.order)
    ):
        span, inner, first = opened
        block, _ = tiff_exif.rebuilt(span, inner, first, order=layout.order, big=layout.big)
        opened = _opened(block) if block else None
    if block is None or opened is None:
        return tiff_exif.header(layout.order, layout.big, 0), {}
    span, inner, first = opened
    rows = {}
    for tag, entry in first.entries.items():
        if tag not in _BUILDING and entry.size:
            raw = span.take(entry.at, entry.size) if entry.size <= inner.word else _word(entry.at, inner)
            rows[tag] = (tag, entry.kind, entry.count, raw)
    return block, rows


def _opened(block: bytes) -> tuple[Span, Layout, Directory] | None:
    span = Span(block)
    try:
        layout = ifd.read_layout(span)
        return span, layout, ifd.read_directory(span, layout, layout.first)
    except UnreadableImage:
        return None


def _rows_of_picture(span: Span, page: Directory, values: _Values, strips_tag: int, source: Layout) -> list[_Row]:
    skipped = _CHATTER | _GIVEN | {strips_tag, _SUB_DIRECTORIES}
    rows = []
    for tag, entry in page.entries.items():
        if tag not in skipped:
            raw = span.take(entry.at, entry.size)
            if source.order != values.layout.order:
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
        raw = b"".join(number(part, 4, values.layout.order) for part in parts)
        rows[tag] = values.raw_row(tag, 5, 1, raw)
    return rows


def _all_integers(span: Span, layout: Layout, entry: Entry | None) -> list[int]:
    return ifd.integers(span, layout, entry, entry.count) if entry else []


def _joined(layout: Layout, head: bytes, strips: memoryview, values: _Values, rows: list[_Row]) -> bytes:
    gap = values.start - len(head) - len(strips)
    directory_at = values.start + len(values.block)
    directory = tiff_exif.directory_bytes(rows, layout.order, layout.big)
    if not layout.big and directory_at + len(directory) >= 1 << 32:
        raise _too_large()
    begin = tiff_exif.header(layout.order, layout.big, directory_at)
    return b"".join([begin, memoryview(head)[len(begin) :], strips, bytes(gap), values.block, directory])


def _word(value: int, layout: Layout) -> bytes:
    return number(value, layout.word, layout.order)


def _too_large() -> UnwritableImage:
    return UnwritableImage("A TIFF of more than 4 GB must be written as BigTIFF.")
