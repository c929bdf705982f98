"""WebP, a RIFF of chunks: metadata, animation, and completeness.

    RIFF size WEBP | VP8X flags canvas | ICCP | ANIM ANMF … or ALPH, VP8 or VP8L | EXIF | XMP

Chunks are padded to an even length.
"""

from __future__ import annotations

from collections.abc import Iterator

from denoiser.image import Metadata
from denoiser.imageio.containers import exif, inspection
from denoiser.imageio.containers.inspection import Inspection, distinct, trailing_note
from denoiser.imageio.containers.span import MAX_BLOCK_BYTES, MAX_PARTS, ByteSpan, Chunk, Data, broken

_ICC, _ALPHA, _EXIF, _XMP, _ANIMATION = 0x20, 0x10, 0x08, 0x04, 0x02
_IMAGES = (b"VP8 ", b"VP8L")


def walk(data: Data) -> Iterator[Chunk]:
    """Yield the chunks of the file; raise UnreadableImage if one is truncated."""
    span = ByteSpan(data)
    head = span.take(0, min(12, len(span)))
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WEBP":
        raise broken("not a WebP: its RIFF header is wrong")
    size = int.from_bytes(head[4:8], "little")
    if size < 4 or not span.has(8, size):
        raise broken(f"truncated: {len(span):,} of {size + 8:,} bytes")
    yield from _chunks(span.inner(8, size), 12)


def _chunks(span: ByteSpan, at: int) -> Iterator[Chunk]:
    for _ in range(MAX_PARTS):
        if at >= span.end:
            return
        size = span.number(at + 4, 4, "little") if span.has(at, 8) else -1
        if not span.has(at + 8, size):
            raise broken("truncated: a WebP chunk extends beyond the end of the file")
        yield Chunk(span.take(at, 4), at + 8, size)
        at += 8 + size + size % 2
    raise broken("more WebP chunks than any image needs")


def inspect(data: Data) -> Inspection:
    """Return everything except the pixels of a WebP."""
    span = ByteSpan(data)
    blocks: dict[bytes, bytes] = {}
    frames, width, height = 0, 0, 0
    for chunk in walk(data):
        if chunk.name in (b"ICCP", b"EXIF", b"XMP ") and chunk.size <= MAX_BLOCK_BYTES:
            blocks.setdefault(chunk.name, span.take(chunk.at, chunk.size))
        elif chunk.name == b"ANMF":
            frames += 1
        elif chunk.name == b"VP8X" and chunk.size >= 10:
            width, height = (span.number(chunk.at + at, 3, "little") + 1 for at in (4, 7))
        elif chunk.name in _IMAGES and not width:
            width, height = image_size(span, chunk)
    end = 8 + span.number(4, 4, "little")
    end += end % 2 if end < len(data) else 0
    block = exif.unprefixed(blocks.get(b"EXIF", b"")) or None
    packet = blocks.get(b"XMP ") or None
    return Inspection(
        metadata=Metadata(exif=block, xmp=packet, resolution=exif.resolution(block)),
        orientation=exif.orientation(block),
        profile=blocks.get(b"ICCP") or None,
        frames=max(1, frames),
        hidden=distinct(inspection.in_xmp(packet) + (inspection.in_trailer(data, end) if end < len(data) else [])),
        width=width,
        height=height,
        bits=8,
        notes=tuple(trailing_note(len(data) - end)),
    )


def image_size(span: ByteSpan, chunk: Chunk) -> tuple[int, int]:
    """Return width and height of a coded image; raise UnreadableImage if its header is invalid."""
    head = span.take(chunk.at, min(chunk.size, 10))
    if chunk.name == b"VP8L":
        if len(head) < 5 or head[0] != 0x2F or head[4] >> 5:
            raise broken("corrupt: the lossless WebP image has no valid header")
        word = int.from_bytes(head[1:5], "little")
        return (word & 0x3FFF) + 1, (word >> 14 & 0x3FFF) + 1
    if len(head) < 10 or head[3:6] != b"\x9d\x01\x2a" or head[0] & 1:
        raise broken("corrupt: the lossy WebP image has no valid header")
    width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (6, 8))
    if not width or not height:
        raise broken("corrupt: the lossy WebP image has no size")
    return width, height


def check_whole(data: Data) -> None:
    """Raise UnreadableImage if a chunk is truncated or missing, or sizes differ."""
    span = ByteSpan(data)
    canvas: tuple[int, int] | None = None
    images = 0
    animated = False
    for chunk in walk(data):
        if chunk.name == b"VP8X":
            if chunk.size < 10:
                raise broken("truncated: the WebP header chunk")
            canvas = (span.number(chunk.at + 4, 3, "little") + 1, span.number(chunk.at + 7, 3, "little") + 1)
            animated = bool(span.number(chunk.at, 1) & _ANIMATION)
        elif chunk.name == b"ANMF":
            if chunk.size < 16:
                raise broken("truncated: a frame of the WebP animation")
            inside = list(_chunks(span.inner(chunk.at, chunk.size), chunk.at + 16))
            if not any(part.name in _IMAGES for part in inside):
                raise broken("truncated: a frame of the WebP animation has no image")
            for part in inside:
                _check_image(span, part)
            images += 1
        elif chunk.name in _IMAGES:
            size = _check_image(span, chunk)
            if canvas and not animated and size != canvas:
                raise broken("corrupt: the WebP image does not have the size that its header names")
            images += 1
    if not images:
        raise broken("truncated: a WebP without an image")


def _check_image(span: ByteSpan, chunk: Chunk) -> tuple[int, int] | None:
    if chunk.name not in _IMAGES:
        return None
    if chunk.name == b"VP8 " and chunk.size >= 10:
        first_partition = span.number(chunk.at, 3, "little") >> 5
        if 10 + first_partition > chunk.size:
            raise broken("truncated: the lossy WebP image ends within its first part")
    return image_size(span, chunk)


def embed(encoded: bytes, metadata: Metadata, profile: bytes | None) -> bytes:
    """Return the image in the extended layout with these blocks; it cannot store IPTC and comments."""
    span = ByteSpan(encoded)
    kept = [chunk for chunk in walk(encoded) if chunk.name not in (b"VP8X", b"ICCP", b"EXIF", b"XMP ")]
    flags = sum(flag for flag, block in ((_ICC, profile), (_EXIF, metadata.exif), (_XMP, metadata.xmp)) if block)
    if not flags:
        return encoded
    canvas = b""
    for chunk in walk(encoded):
        if chunk.name == b"VP8X" and chunk.size >= 10:
            flags |= span.number(chunk.at, 1) & (_ALPHA | _ANIMATION)
            canvas = span.take(chunk.at + 4, 6)
        elif chunk.name == b"ALPH" or (chunk.name == b"VP8L" and span.number(chunk.at + 4, 1) & 0x10):
            flags |= _ALPHA
        if chunk.name in _IMAGES and not canvas:
            canvas = b"".join((side - 1).to_bytes(3, "little") for side in image_size(span, chunk))
    body = _chunk(b"VP8X", bytes([flags, 0, 0, 0]) + canvas)
    body += _chunk(b"ICCP", profile) if profile else b""
    body += b"".join(_chunk(chunk.name, span.take(chunk.at, chunk.size)) for chunk in kept)
    body += _chunk(b"EXIF", metadata.exif) if metadata.exif else b""
    body += _chunk(b"XMP ", metadata.xmp) if metadata.xmp else b""
    return b"RIFF" + (len(body) + 4).to_bytes(4, "little") + b"WEBP" + body


def _chunk(name: bytes, block: bytes) -> bytes:
    return name + len(block).to_bytes(4, "little") + block + bytes(len(block) % 2)
