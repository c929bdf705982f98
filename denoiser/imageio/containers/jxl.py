"""JPEG XL: a bare codestream, or one in boxes, with metadata.

    signature | ftyp | jxll | Exif offset, block | xml XMP | jxlc codestream, or jxlp parts of it | brob packed

The profile is part of the coded image, so encoder and decoder handle it.
"""

from __future__ import annotations

from denoiser.image import Metadata
from denoiser.imageio.containers import boxes, exif, inspection
from denoiser.imageio.containers.boxes import box
from denoiser.imageio.containers.inspection import Inspection, distinct
from denoiser.imageio.containers.span import MAX_BLOCK_BYTES, ByteSpan, Data, broken

SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
_BARE = b"\xff\x0a"
_RATIOS = {1: (1, 1), 2: (12, 10), 3: (4, 3), 4: (3, 2), 5: (16, 9), 6: (5, 4), 7: (2, 1)}  # width to height
_SIDES = ((1, 9), (1, 13), (1, 18), (1, 30))  # (offset, bits) by the selector before a number


def inspect(data: Data) -> Inspection:
    """Return everything except pixels and profile; the decoder returns the profile."""
    span = ByteSpan(data)
    if span.take(0, min(2, len(span))) == _BARE:
        return _with_header(span, Metadata(), [])
    codestream: ByteSpan | None = None
    blocks: dict[bytes, bytes] = {}
    packed: dict[bytes, bytes] = {}
    words: list[str] = []
    for part in _parts(span):
        if part.name in (b"jxlc", b"jxlp") and codestream is None:
            codestream = part.inside(span, 4 if part.name == b"jxlp" and part.size >= 4 else 0)
        elif part.name in (b"Exif", b"xml ") and part.size <= MAX_BLOCK_BYTES:
            blocks.setdefault(part.name, span.take(part.at, part.size))
        elif part.name == b"jhgm":
            words.append(inspection.GAIN_MAP)
        elif part.name == b"jumb":
            words.append(inspection.CONTENT_CREDENTIALS)
        elif part.name == b"brob" and 4 <= part.size <= MAX_BLOCK_BYTES:
            packed.setdefault(span.take(part.at, 4), span.take(part.at + 4, part.size - 4))
    if codestream is None:
        raise broken("truncated: a JPEG XL without an image")
    for name, stream in packed.items():
        plain = _unpacked(stream) if name in (b"Exif", b"xml ") else None
        if plain is None:
            words.append({b"Exif": "compressed EXIF", b"xml ": "compressed XMP"}.get(name, "compressed metadata"))
        else:
            blocks.setdefault(name, plain)
    block = _exif_of(blocks.get(b"Exif", b""))
    packet = blocks.get(b"xml ") or None
    metadata = Metadata(exif=block, xmp=packet, resolution=exif.resolution(block))
    return _with_header(codestream, metadata, words + inspection.in_xmp(packet))


def _exif_of(content: bytes) -> bytes | None:
    """Return the block after the offset of its start, which some writers leave out."""
    if content.startswith((b"II*\0", b"MM\0*")):
        return content
    return exif.unprefixed(content[4 + int.from_bytes(content[:4], "big") :]) or None


def _unpacked(stream: bytes) -> bytes | None:
    """Return a decompressed Brotli stream; None if it is corrupt, too long, or imagecodecs is not installed."""
    try:
        import imagecodecs

        return bytes(imagecodecs.brotli_decode(stream, out=MAX_BLOCK_BYTES))
    except (ImportError, ValueError, RuntimeError):
        return None


def check_whole(data: Data) -> None:
    """Raise UnreadableImage if a box is truncated, or the last part of the codestream is missing.

    A codestream without boxes has no length, so only the decoder can check it.
    """
    span = ByteSpan(data)
    if span.take(0, min(2, len(span))) == _BARE:
        return
    whole = False
    for part in _parts(span):
        if part.name == b"jxlc":
            whole = part.size > 2
        elif part.name == b"jxlp":
            whole = part.size >= 4 and span.number(part.at, 4) >> 31 == 1
    if not whole:
        raise broken("truncated: the last part of the JPEG XL image is missing")


def embed(encoded: bytes, metadata: Metadata, profile: bytes | None) -> bytes:  # noqa: ARG001 - as for other formats
    """Return the image with EXIF and XMP in boxes; the encoder has written the profile."""
    added = box(b"Exif", bytes(4) + metadata.exif) if metadata.exif else b""
    added += box(b"xml ", metadata.xmp) if metadata.xmp else b""
    if not added:
        return encoded
    if encoded.startswith(_BARE):
        return SIGNATURE + box(b"ftyp", b"jxl \0\0\0\0jxl ") + added + box(b"jxlc", encoded)
    span = ByteSpan(encoded)
    kept = [
        encoded[part.start : part.at + part.size] for part in _parts(span) if part.name not in (b"Exif", b"xml ")
    ]
    # Signature and file type come first, and the level if there is one.
    place = 3 if len(kept) > 2 and kept[2][4:8] == b"jxll" else 2
    return b"".join([*kept[:place], added, *kept[place:]])


def _parts(span: ByteSpan) -> list[boxes.IsoBox]:
    if span.take(0, min(12, len(span))) != SIGNATURE:
        raise broken("not a JPEG XL: its signature is wrong")
    return list(boxes.walk(span))


class _Bits:
    """Reads bits of the header, from the lowest of each byte on."""

    def __init__(self, block: bytes) -> None:
        self._bits = int.from_bytes(block, "little")
        self._left = 8 * len(block)

    def take(self, count: int) -> int:
        if count > self._left:
            raise broken("truncated: the JPEG XL header")
        value = self._bits & (1 << count) - 1
        self._bits >>= count
        self._left -= count
        return value

    def choice(self, forms: tuple[tuple[int, int], ...]) -> int:
        """Return a number in one of four forms: (offset, bits)."""
        added, bits = forms[self.take(2)]
        return added + self.take(bits)

    def size(self) -> tuple[int, int]:
        """Return width and height."""
        small = self.take(1)
        height = (self.take(5) + 1) * 8 if small else self.choice(_SIDES)
        ratio = self.take(3)
        if ratio:
            across, down = _RATIOS[ratio]
            return height * across // down, height
        return (self.take(5) + 1) * 8 if small else self.choice(_SIDES), height


def _with_header(codestream: ByteSpan, metadata: Metadata, words: list[str]) -> Inspection:
    head = codestream.take(codestream.start, min(64, len(codestream)))
    if not head.startswith(_BARE):
        raise broken("corrupt: the JPEG XL image has no valid header")
    bits = _Bits(head[2:])
    width, height = bits.size()
    orientation, depth = 1, 8
    if not bits.take(1):  # not all default values
        depth = 0
        preview = False
        if bits.take(1):
            orientation = bits.take(3) + 1
            if bits.take(1):
                bits.size()  # the intrinsic size
            preview = bool(bits.take(1))
            if not preview and bits.take(1):
                words = [*words, "animation"]
                _skip_animation(bits)
        if not preview:  # the depth is after its header, which is not parsed
            depth = _depth(bits)
    return Inspection(
        metadata=metadata,
        orientation=orientation,
        hidden=distinct(words),
        width=width,
        height=height,
        bits=depth,
    )


def _skip_animation(bits: _Bits) -> None:
    bits.choice(((100, 0), (1000, 0), (1, 10), (1, 30)))
    bits.choice(((1, 0), (1001, 0), (1, 8), (1, 10)))
    bits.choice(((0, 0), (0, 3), (0, 16), (0, 32)))
    bits.take(1)


def _depth(bits: _Bits) -> int:
    if bits.take(1):
        return bits.choice(((32, 0), (16, 0), (24, 0), (1, 6)))
    return bits.choice(((8, 0), (10, 0), (12, 0), (1, 6)))
