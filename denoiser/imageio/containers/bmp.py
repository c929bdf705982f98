"""BMP: a header and rows of pixels. It is read, but never written.

"BM" size | reserved | pixels at | header size, width, height, planes, bits, compression, … | palette | pixels
"""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.errors import UnsupportedFormat
from denoiser.image import Metadata
from denoiser.imageio.containers.inspection import Inspection, trailing_note
from denoiser.imageio.containers.span import MAX_BLOCK_BYTES, ByteSpan, Data, broken

_PLAIN, _RLE8, _RLE4, _BITFIELDS, _JPEG, _PNG, _ALPHA_BITFIELDS = 0, 1, 2, 3, 4, 5, 6
_EMBEDDED_PROFILE = 0x4D424544  # "MBED"


@dataclass(frozen=True, slots=True)
class BmpHeader:
    """The header; *size* is the length of compressed pixels, or 0."""

    pixels_at: int
    header_size: int
    width: int
    height: int
    bits: int
    compression: int
    size: int


def read_header(span: ByteSpan) -> BmpHeader:
    """Return the header; raise UnreadableImage if it is invalid."""
    if span.take(0, min(2, len(span))) != b"BM" or not span.has(0, 26):
        raise broken("not a BMP: its header is invalid or truncated")
    pixels_at, header_size = span.number(10, 4, "little"), span.number(14, 4, "little")
    if header_size == 12:
        width, height = span.number(18, 2, "little"), span.number(20, 2, "little")
        planes, bits, compression, size = span.number(22, 2, "little"), span.number(24, 2, "little"), _PLAIN, 0
    elif 16 <= header_size <= 1024 and span.has(14, max(header_size, 40)):
        width, height = span.number(18, 4, "little"), span.number(22, 4, "little")
        height = height if height < 1 << 31 else (1 << 32) - height  # negative: rows from the top
        planes, bits = span.number(26, 2, "little"), span.number(28, 2, "little")
        compression, size = (span.number(at, 4, "little") if header_size >= 40 else 0 for at in (30, 34))
    else:
        raise broken("truncated, or not a BMP: its header has an impossible length")
    if not 0 < width < 1 << 31 or not height or planes != 1 or bits not in (1, 2, 4, 8, 16, 24, 32):
        raise broken("a BMP header of an unknown image type")
    return BmpHeader(pixels_at, header_size, width, height, bits, compression, size)


def inspect(data: Data) -> Inspection:
    """Return size, resolution and profile."""
    span = ByteSpan(data)
    header = read_header(span)
    resolution = None
    if header.header_size >= 40:
        across, down = span.number(38, 4, "little"), span.number(42, 4, "little")
        if 0 < across < 1 << 31 and 0 < down < 1 << 31:
            resolution = (across * 0.0254, down * 0.0254)
    end = header.pixels_at + _pixel_bytes(header)
    profile_end = 0
    profile = None
    if header.header_size >= 124 and span.number(14 + 56, 4, "little") == _EMBEDDED_PROFILE:
        at, size = 14 + span.number(14 + 112, 4, "little"), span.number(14 + 116, 4, "little")
        if span.has(at, size) and 0 < size <= MAX_BLOCK_BYTES:
            profile, profile_end = span.take(at, size), at + size
    return Inspection(
        metadata=Metadata(resolution=resolution),
        profile=profile,
        width=header.width,
        height=header.height,
        bits=5 if header.bits == 16 else min(8, header.bits),
        notes=tuple(trailing_note(len(data) - max(end, profile_end, span.number(2, 4, "little")))),
    )


def check_whole(data: Data) -> None:
    """Raise UnreadableImage if pixels or palette are truncated."""
    span = ByteSpan(data)
    header = read_header(span)
    if header.pixels_at < 14 + header.header_size:
        raise broken("corrupt: the BMP's pixels overlap its header")
    if header.compression not in (_PLAIN, _RLE8, _RLE4, _BITFIELDS, _ALPHA_BITFIELDS):
        raise UnsupportedFormat(f"is a BMP with unsupported compression {header.compression}")
    needed = _pixel_bytes(header)
    if not span.has(header.pixels_at, needed):
        raise broken(f"truncated: {max(0, len(span) - header.pixels_at):,} of {needed:,} bytes of pixels")
    if header.compression in (_RLE8, _RLE4) and not needed:
        raise broken("corrupt: a compressed BMP without data")


def _pixel_bytes(header: BmpHeader) -> int:
    if header.compression in (_RLE8, _RLE4):
        return header.size
    return (header.width * header.bits + 31) // 32 * 4 * header.height
