"""Verifies the checksums of deflated TIFF data; libtiff stops at the last pixel, before the checksum."""

from __future__ import annotations

import zlib

from denoiser.errors import UnreadableImage
from denoiser.imageio.containers import ifd
from denoiser.imageio.containers.span import Span
from denoiser.imageio.containers.tiff_strips import COMPRESSION, MAX_PIECES, STRIP_SIZES, STRIPS, TILE_SIZES, TILES

_DEFLATE = {8, 32946}
_STEP = 1 << 20  # so much is unpacked at a time, and thrown away
_PIECE = 1 << 16  # and so much fed: what zlib has not come to is copied each time


def check(tiff: bytes, picture_bytes: int) -> None:
    """Raise UnreadableImage if the checksum of a strip or tile of the first page is wrong.

    Decompresses about *picture_bytes*, the size of the decoded image, and never much more.
    """
    span = Span(tiff)
    layout = ifd.read_layout(span)
    page = ifd.read_directory(span, layout, layout.first)
    if ifd.integer(span, layout, page.entries.get(COMPRESSION)) not in _DEFLATE:
        return
    places_tag, sizes_tag = (TILES, TILE_SIZES) if TILES in page.entries else (STRIPS, STRIP_SIZES)
    places = ifd.integers(span, layout, page.entries.get(places_tag), MAX_PIECES)
    sizes = ifd.integers(span, layout, page.entries.get(sizes_tag), MAX_PIECES)
    left = 2 * picture_bytes + _STEP  # tiles reach over the edges
    for place, size in zip(places, sizes, strict=False):
        left = _unpack(memoryview(tiff)[place : place + size], left)


def _unpack(packed: memoryview, left: int) -> int:
    """What is *left* to unpack after this stretch; reads it to its sum, which zlib compares."""
    inflater = zlib.decompressobj()
    try:
        for at in range(0, len(packed), _PIECE):
            rest: bytes | memoryview = packed[at : at + _PIECE]
            while left > 0 and len(rest) and not inflater.eof:
                left -= len(inflater.decompress(rest, _STEP))
                rest = inflater.unconsumed_tail
    except zlib.error as error:
        raise UnreadableImage(f"is corrupt: checksum mismatch ({error})") from error
    return left
