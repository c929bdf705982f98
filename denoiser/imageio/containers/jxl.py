"""JPEG XL: a bare codestream, or one in boxes, with metadata.

    signature | ftyp | jxll | Exif offset, block | xml XMP | jxlc codestream, or jxlp parts of it | brob packed

The profile is part of the coded image, so the decoder reads it. `with_colours` replaces the colour encoding that an
encoder has written, because the encoders that are installed write neither code points nor profiles.
"""

from __future__ import annotations

from denoiser.errors import UnreadableImage
from denoiser.image import Cicp, Metadata
from denoiser.imageio.containers import boxes, exif, inspection, jxl_profile
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
        self._left = self._size = 8 * len(block)

    def take(self, count: int) -> int:
        if count > self._left:
            raise broken("truncated: the JPEG XL header")
        value = self._bits & (1 << count) - 1
        self._bits >>= count
        self._left -= count
        return value

    @property
    def at(self) -> int:
        """Return how many bits have been read."""
        return self._size - self._left

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
    cicp = None
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
            cicp = _code_points(bits)
    return Inspection(
        metadata=metadata,
        orientation=orientation,
        hidden=distinct(words),
        width=width,
        height=height,
        bits=depth,
        cicp=cicp,
    )


def _skip_animation(bits: _Bits) -> None:
    bits.choice(((100, 0), (1000, 0), (1, 10), (1, 30)))
    bits.choice(((1, 0), (1001, 0), (1, 8), (1, 10)))
    bits.choice(((0, 0), (0, 3), (0, 16), (0, 32)))
    bits.take(1)


def _depth(bits: _Bits) -> int:
    if bits.take(1):
        depth = bits.choice(((32, 0), (16, 0), (24, 0), (1, 6)))
        bits.take(4)  # of the exponent
        return depth
    return bits.choice(((8, 0), (10, 0), (12, 0), (1, 6)))


_ENUM = ((0, 0), (1, 0), (2, 4), (18, 6))
_GREY, _D65, _DCI, _CUSTOM, _RELATIVE, _ALPHA = 1, 1, 11, 2, 1, 0
_SRGB_PRIMARIES, _P3 = 1, 11
# White point and primaries of JPEG XL by the primaries of H.273. Transfer functions have the numbers of H.273.
_PRIMARIES = {
    1: (_D65, _SRGB_PRIMARIES),
    2: (_D65, _SRGB_PRIMARIES),
    9: (_D65, 9),
    11: (_DCI, _P3),
    12: (_D65, _P3),
}
_TRANSFERS = {1: 1, 2: 13, 6: 1, 8: 8, 13: 13, 14: 1, 15: 1, 16: 16, 18: 18}


def can_store(cicp: Cicp) -> bool:
    """Return whether JPEG XL has numbers for these code points."""
    return cicp.primaries in _PRIMARIES and cicp.transfer in _TRANSFERS and cicp.full_range


def with_colours(encoded: bytes, colours: Cicp | bytes) -> bytes:
    """Return a lossless JPEG XL with other code points, or with a profile; the samples are unchanged."""
    pieces = [encoded[:12]]
    for part in _parts(ByteSpan(encoded))[1:]:
        content = encoded[part.at : part.at + part.size]
        skipped = {b"jxlc": 0, b"jxlp": 4}.get(part.name, len(content))  # the number of the part
        if content[skipped : skipped + 2] == _BARE:
            content = content[:skipped] + _BARE + _recoloured(content[skipped + 2 :], colours)
        pieces.append(box(part.name, content))
    return b"".join(pieces)


def _recoloured(codestream: bytes, colours: Cicp | bytes) -> bytes:
    """Replace the colour encoding in the header, after which the codestream goes on at the next whole byte."""
    bits = _Bits(codestream[:64])
    bits.size()
    if bits.take(1) or bits.take(1):  # all default values; extra fields
        raise broken("a JPEG XL header of another encoder")
    _depth(bits)
    if not _is_exact(bits):
        raise broken("a JPEG XL that is not lossless")
    begin = bits.at
    is_grey, _ = _read_colours(bits)
    end = bits.at
    if bits.take(2) or not bits.take(1):  # extensions; default transform
        raise broken("a JPEG XL header of another encoder")
    before = int.from_bytes(codestream[: -(-bits.at // 8)], "little")
    fields = [(before & (1 << begin) - 1, begin), (0, 1), *_colour_fields(colours, is_grey)]
    fields += [(before >> end & (1 << bits.at - end) - 1, bits.at - end)]
    if isinstance(colours, bytes):
        fields += jxl_profile.fields_of(colours)
    return _packed(fields) + codestream[-(-bits.at // 8) :]


def _is_exact(bits: _Bits) -> bool:
    """Skip the fields between depth and colours; return whether samples are stored as they are."""
    bits.take(1)  # whether 16 bits are sufficient for buffers
    for _ in range(bits.choice(((0, 0), (1, 0), (2, 4), (1, 12)))):
        _skip_channel(bits)
    return not bits.take(1)


def _skip_channel(bits: _Bits) -> None:
    if bits.take(1):
        return
    kind = bits.choice(_ENUM)
    _depth(bits)
    bits.choice(((0, 0), (3, 0), (4, 0), (1, 3)))  # reduction of its size
    bits.take(8 * bits.choice(((0, 0), (0, 4), (16, 5), (48, 10))))  # its name
    if kind != _ALPHA:
        raise broken("a JPEG XL header of another encoder")
    bits.take(1)  # whether colours are premultiplied


def _read_colours(bits: _Bits) -> tuple[bool, Cicp | None]:
    """Return whether the colour encoding is grey, and its code points; None for gamma and unusual colours."""
    if bits.take(1):
        return False, Cicp(1, 13)
    if bits.take(1):
        raise broken("a JPEG XL with a profile")
    is_grey = bits.choice(_ENUM) == _GREY
    white = bits.choice(_ENUM)
    primaries = _SRGB_PRIMARIES if is_grey else bits.choice(_ENUM)
    if _CUSTOM in (white, primaries):
        raise broken("a JPEG XL with custom primaries")
    transfer = bits.take(24) * 0 if bits.take(1) else bits.choice(_ENUM)  # a gamma has no code point
    bits.choice(_ENUM)  # the intent
    code = next((code for code, numbers in _PRIMARIES.items() if numbers == (white, primaries)), 0)
    return is_grey, Cicp(code, transfer) if code and transfer in _TRANSFERS.values() else None


def _code_points(bits: _Bits) -> Cicp | None:
    """Return the code points in a header after its depth; None for a profile and unusual colours."""
    try:
        _is_exact(bits)
        return _read_colours(bits)[1]
    except UnreadableImage:
        return None


def _colour_fields(colours: Cicp | bytes, is_grey: bool) -> list[tuple[int, int]]:
    """Return (value, bits) of a colour encoding after its first bit; a profile itself comes later."""
    space = _enum(_GREY if is_grey else 0)
    if isinstance(colours, bytes):
        return [(1, 1), *space]
    white, primaries = _PRIMARIES[colours.primaries]
    chosen = [*_enum(white), *([] if is_grey else _enum(primaries))]
    return [(0, 1), *space, *chosen, (0, 1), *_enum(_TRANSFERS[colours.transfer]), *_enum(_RELATIVE)]


def _enum(number: int) -> list[tuple[int, int]]:
    form = max(index for index, (offset, _) in enumerate(_ENUM) if offset <= number)
    return [(form, 2), (number - _ENUM[form][0], _ENUM[form][1])]


def _packed(fields: list[tuple[int, int]]) -> bytes:
    """Return the bytes of these (value, bits), the lowest bits first."""
    digits = "".join(f"{number:0{size}b}" for number, size in reversed(fields) if size)
    return int(digits, 2).to_bytes(-(-len(digits) // 8), "little")
