"""Puts metadata into a bare PNG, as chunks behind its header; the picture itself is not touched."""

from __future__ import annotations

import zlib

from denoiser.image import Metadata
from denoiser.imageio.containers import iptc
from denoiser.imageio.containers.png import XMP_KEYWORD, Chunk, walk
from denoiser.imageio.containers.span import Span

_AFTER_HEADER = 33


def embed(encoded: bytes, metadata: Metadata, profile: bytes | None) -> bytes:
    """The same picture with these blocks; the encoder's own of the same kinds give way, its resolution always."""
    chunks = _chunks(metadata, profile)
    replaced = {b"pHYs"} | {name for name, _ in chunks if name in (b"iCCP", b"eXIf")}
    if profile:
        replaced |= {b"sRGB", b"gAMA", b"cHRM"}
    view = memoryview(encoded)  # slices of it copy nothing, and a picture may have hundreds of megabytes
    pieces: list[bytes | memoryview] = [view[:_AFTER_HEADER], *(_chunk(name, block) for name, block in chunks)]
    at, span = _AFTER_HEADER, Span(encoded)
    for chunk in walk(encoded):
        if chunk.name in replaced or (_is_packet(span, chunk) and metadata.xmp):
            pieces.append(view[at : chunk.at - 8])
            at = chunk.at + chunk.size + 4
    return b"".join([*pieces, view[at:]])


def _chunks(metadata: Metadata, profile: bytes | None) -> list[tuple[bytes, bytes]]:
    chunks = []
    if profile:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(profile)))
    if metadata.resolution:
        across, down = (round(value / 0.0254) for value in metadata.resolution)
        if 0 < across < 1 << 31 and 0 < down < 1 << 31:
            chunks.append((b"pHYs", across.to_bytes(4, "big") + down.to_bytes(4, "big") + b"\1"))
    if metadata.exif:
        chunks.append((b"eXIf", metadata.exif))
    if metadata.xmp:
        chunks.append((b"iTXt", XMP_KEYWORD + b"\0\0\0\0\0" + metadata.xmp))
    if metadata.iptc:
        chunks.append((b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(_in_hex(iptc.wrapped(metadata.iptc)))))
    if metadata.comment:
        chunks.append(_comment(metadata.comment))
    return chunks


def _comment(text: str) -> tuple[bytes, bytes]:
    try:
        return b"tEXt", b"Comment\0" + text.encode("latin-1")
    except UnicodeEncodeError:
        return b"iTXt", b"Comment\0\0\0\0\0" + text.encode(errors="replace")


def _in_hex(block: bytes) -> bytes:
    digits = block.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    return f"\niptc\n{len(block):8}\n{lines}\n".encode()


def _is_packet(span: Span, chunk: Chunk) -> bool:
    return chunk.name == b"iTXt" and span.take(chunk.at, min(chunk.size, 17)) == XMP_KEYWORD


def _chunk(name: bytes, block: bytes) -> bytes:
    return len(block).to_bytes(4, "big") + name + block + zlib.crc32(block, zlib.crc32(name)).to_bytes(4, "big")
