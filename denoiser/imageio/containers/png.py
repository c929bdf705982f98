"""PNG: reads metadata and frames, checks completeness, and inserts metadata after the header.

    signature | IHDR | … iCCP pHYs eXIf tEXt zTXt iTXt acTL … | IDAT IDAT … | IEND

A chunk is its size, name, data, and a checksum of the last two.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace

from denoiser.image import Cicp, Metadata
from denoiser.imageio.containers import exif, inspection, xmp
from denoiser.imageio.containers.inspection import Inspection, distinct, trailing_note
from denoiser.imageio.containers.span import MAX_BLOCK_BYTES, MAX_PARTS, ByteSpan, Chunk, Data, broken, inflate

_AFTER_HEADER = 33


def embed(encoded: bytes, metadata: Metadata, profile: bytes | None, cicp: Cicp | None = None) -> bytes:
    """Return the image with these blocks, which replace those of the encoder; its resolution is always removed."""
    chunks = _chunks(metadata, profile)
    if cicp:
        chunks.insert(0, (b"cICP", bytes([cicp.primaries, cicp.transfer, 0, cicp.full_range])))
    chunks += _fitting(metadata.png, read_header(ByteSpan(encoded)), has_profile=profile is not None)
    replaced = {b"pHYs"} | {name for name, _ in chunks if name in (b"iCCP", b"eXIf")}
    if profile:
        replaced |= {b"sRGB", b"gAMA", b"cHRM"}
    view = memoryview(encoded)  # slices of a memoryview are not copied; an image may have hundreds of megabytes
    pieces: list[bytes | memoryview] = [view[:_AFTER_HEADER], *(_chunk(name, block) for name, block in chunks)]
    at, span = _AFTER_HEADER, ByteSpan(encoded)
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
    if metadata.iptc or metadata.resources:
        records = xmp.wrapped(metadata.iptc, metadata.resources)
        chunks.append((b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(_in_hex(records))))
    if metadata.comment:
        chunks.append(_comment(metadata.comment))
    return chunks


def _fitting(block: bytes | None, header: PngHeader, *, has_profile: bool) -> list[tuple[bytes, bytes]]:
    """Return the chunks of `Metadata.png` that are true for the new image: its alpha may be new, for example."""
    chunks = []
    for name, data in carried(block):
        if name == b"sRGB" and has_profile:
            continue
        if name == b"sBIT":
            data += bytes([header.bits]) * (_SAMPLES[header.colour] - len(data) == 1)
            data = bytes(min(bits, header.bits) for bits in data)
            if len(data) != _SAMPLES[header.colour] or 0 in data:
                continue
        chunks.append((name, data))
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


def _is_packet(span: ByteSpan, chunk: Chunk) -> bool:
    return chunk.name == b"iTXt" and span.take(chunk.at, min(chunk.size, 17)) == XMP_KEYWORD


def _chunk(name: bytes, block: bytes) -> bytes:
    return len(block).to_bytes(4, "big") + name + block + zlib.crc32(block, zlib.crc32(name)).to_bytes(4, "big")


SIGNATURE = b"\x89PNG\r\n\x1a\n"
XMP_KEYWORD = b"XML:com.adobe.xmp"
# Bits and samples per pixel by colour type.
_DEPTHS = {0: {1, 2, 4, 8, 16}, 2: {8, 16}, 3: {1, 2, 4, 8}, 4: {8, 16}, 6: {8, 16}}
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = ((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2))
# Text that is read into other fields of the metadata, and text that programs write about themselves.
_READ_TEXT = re.compile(rb"XML:com\.adobe\.xmp|Comment$|Raw profile type (?:exif|APP1|iptc|8bim|xmp|icc|icm)$")
_TEXT_OF_PROGRAMS = re.compile(r"Raw profile type |Software$|date:|Creation Time$")
_TEXTS = (b"tEXt", b"zTXt", b"iTXt")
# Text that XMP has a property for, by keyword: its name in Dublin Core.
_PROPERTIES = {"Author": "creator", "Copyright": "rights", "Title": "title", "Description": "description"}
# Chunks of `Metadata.png` by size; 0 is any.
_CARRIED = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"sBIT": 0} | dict.fromkeys(_TEXTS, 0)
_STEP = 1 << 20  # bytes decompressed or summed at a time


def carried(block: bytes | None) -> list[tuple[bytes, bytes]]:
    """Return name and data of the chunks in `Metadata.png`, up to the first invalid one."""
    found = []
    at = 0
    while block and at + 12 <= len(block):
        name, size = block[at + 4 : at + 8], int.from_bytes(block[at : at + 4], "big")
        data = block[at + 8 : at + 8 + size]
        framed = _chunk(name, data)
        if name not in _CARRIED or _CARRIED[name] not in (0, size) or block[at : at + len(framed)] != framed:
            break
        found.append((name, data))
        at += len(framed)
    return found


def only_in_png(block: bytes | None) -> list[str]:
    """Return names of what other formats cannot store of `Metadata.png`. gAMA and cHRM become a profile."""
    words = ["significant bits (sBIT)"] if any(name == b"sBIT" for name, _ in carried(block)) else []
    others = sorted(key for key in texts(block) if key not in _PROPERTIES and not _TEXT_OF_PROGRAMS.match(key))
    return words + ([f"text ({', '.join(others[:8])})"] if others else [])


def texts(block: bytes | None) -> dict[str, str]:
    """Return the text in `Metadata.png` by keyword; the first of a keyword counts."""
    found: dict[str, str] = {}
    left = MAX_BLOCK_BYTES
    for name, data in carried(block):
        keyword, text = _text(name, data, left) if name in _TEXTS and left else (b"", None)
        if text is not None and len(text) <= left:
            left -= len(text)
            found.setdefault(_name(keyword), text.decode("utf-8", "replace"))
    return found


def with_texts_in_xmp(metadata: Metadata) -> Metadata:
    """Return the metadata for other formats: author, copyright, title and description are also in XMP."""
    given = {_PROPERTIES[key]: text for key, text in texts(metadata.png).items() if key in _PROPERTIES}
    return replace(metadata, xmp=xmp.with_dublin_core(metadata.xmp, given)) if given else metadata


@dataclass(frozen=True, slots=True)
class PngHeader:
    """The IHDR chunk."""

    width: int
    height: int
    bits: int
    colour: int
    interlaced: bool


def walk(data: Data) -> Iterator[Chunk]:
    """Yield the chunks from IHDR to IEND; raise UnreadableImage if one is truncated or invalid."""
    span = ByteSpan(data)
    if span.take(0, min(8, len(span))) != SIGNATURE:
        raise broken("not a PNG: its signature is wrong")
    at = 8
    for _ in range(MAX_PARTS):
        if not span.has(at, 12):
            raise broken("truncated: the file ends before the IEND chunk")
        size, name = span.number(at, 4), span.take(at + 4, 4)
        if not span.has(at, size + 12):
            raise broken(f"truncated: the {_name(name)} chunk extends beyond the end of the file")
        if not name.isalpha():
            raise broken("a PNG chunk with an invalid name")
        if at == 8 and (name != b"IHDR" or size != 13):
            raise broken("a PNG that does not begin with its header chunk")
        yield Chunk(name, at + 8, size)
        if name == b"IEND":
            return
        at += size + 12
    raise broken("more PNG chunks than any image needs")


def read_header(span: ByteSpan) -> PngHeader:
    """Return the header; raise UnreadableImage if it is invalid."""
    block = span.take(16, 13)
    width, height = int.from_bytes(block[:4], "big"), int.from_bytes(block[4:8], "big")
    bits, colour, compression, filtering, interlace = block[8:]
    if not 0 < width < 1 << 31 or not 0 < height < 1 << 31:
        raise broken("a PNG header without a valid size")
    if bits not in _DEPTHS.get(colour, ()) or compression or filtering or interlace > 1:
        raise broken("a PNG header of an unknown image type")
    return PngHeader(width, height, bits, colour, bool(interlace))


def inspect(data: Data) -> Inspection:
    """Return everything except the pixels of a PNG."""
    span = ByteSpan(data)
    parts: dict[bytes, bytes] = {}
    texts: dict[bytes, bytes] = {}
    kept: list[bytes] = []
    end, budget = 0, MAX_BLOCK_BYTES  # for all text together
    for chunk in walk(data):
        end = chunk.at + chunk.size + 4
        if chunk.name in (b"iCCP", b"eXIf", b"pHYs", b"acTL", b"cICP", b"caBX", b"gdAT"):
            parts.setdefault(chunk.name, span.take(chunk.at, chunk.size))
        elif chunk.name in _TEXTS and chunk.size <= budget:
            raw = span.take(chunk.at - 8, chunk.size + 12)
            if not _READ_TEXT.match(raw[8:].partition(b"\0")[0]):
                budget -= len(raw)
                kept.append(raw)
                continue
            keyword, text = _text(chunk.name, raw[8:-4], budget)
            if text is not None and len(text) <= budget:
                budget -= len(text)
                texts.setdefault(keyword, text)
        elif chunk.name in _CARRIED and chunk.size <= 32 and chunk.name not in {raw[4:8] for raw in kept}:
            kept.append(span.take(chunk.at - 8, chunk.size + 12))
    header = read_header(span)
    notes: list[str] = []
    metadata = _metadata(parts, texts, b"".join(kept))
    profile = _profile(parts, texts, notes)
    words = inspection.in_xmp(metadata.xmp) + (inspection.in_trailer(data, end) if end < len(data) else [])
    words += [inspection.CONTENT_CREDENTIALS] if b"caBX" in parts else []
    words += [inspection.GAIN_MAP] if b"gdAT" in parts else []

    code = parts.get(b"cICP", b"")
    return Inspection(
        metadata=metadata,
        orientation=exif.orientation(metadata.exif),
        profile=profile,
        frames=max(1, int.from_bytes(parts.get(b"acTL", b"")[:4], "big")),
        hidden=distinct(words),
        width=header.width,
        height=header.height,
        bits=header.bits,
        cicp=Cicp(code[0], code[1], code[2], bool(code[3])) if len(code) == 4 else None,
        notes=(*notes, *trailing_note(len(data) - end)),
    )


def _metadata(parts: dict[bytes, bytes], texts: dict[bytes, bytes], kept: bytes) -> Metadata:
    block = parts.get(b"eXIf") or _raw_profile(texts, b"exif") or _raw_profile(texts, b"APP1")
    block = exif.unprefixed(block) if block else None
    records = _raw_profile(texts, b"iptc") or _raw_profile(texts, b"8bim")
    resources = None
    if records and records.startswith(b"8BIM"):
        resources = xmp.carried_resources(records)
        records = xmp.unwrapped(records)
    comment = texts.get(b"Comment")
    return Metadata(
        exif=block or None,
        xmp=texts.get(XMP_KEYWORD) or _raw_profile(texts, b"xmp"),
        iptc=records,
        comment=comment.decode("utf-8", "replace") if comment else None,
        resolution=_density(parts.get(b"pHYs", b"")) or exif.resolution(block),
        png=kept or None,
        resources=resources,
    )


def _density(block: bytes) -> tuple[float, float] | None:
    across, down = int.from_bytes(block[:4], "big"), int.from_bytes(block[4:8], "big")
    if len(block) != 9 or block[8] != 1 or not across or not down:
        return None
    return _per_inch(across), _per_inch(down)


def _per_inch(per_metre: int) -> float:
    """Return dots per inch. PNG has whole dots per metre: 300 per inch is stored as 11,811."""
    exact = per_metre * 0.0254
    return float(round(exact)) if round(round(exact) / 0.0254) == per_metre else exact


def _profile(parts: dict[bytes, bytes], texts: dict[bytes, bytes], notes: list[str]) -> bytes | None:
    if b"iCCP" not in parts:
        return _raw_profile(texts, b"icc") or _raw_profile(texts, b"icm")
    _, _, packed = parts[b"iCCP"].partition(b"\0")
    profile = inflate(packed[1:]) if packed[:1] == b"\0" else None
    if profile is None:
        notes.append("its colour profile is corrupt and was removed")
    return profile


def _text(name: bytes, block: bytes, limit: int) -> tuple[bytes, bytes | None]:
    """Return keyword and text in UTF-8 of a text chunk; the text is None if it cannot be decompressed."""
    keyword, _, rest = block.partition(b"\0")
    if name == b"tEXt":
        return keyword, _utf8(keyword, rest)
    if name == b"zTXt":
        plain = inflate(rest[1:], limit)
        return keyword, plain if plain is None else _utf8(keyword, plain)
    packed, rest = rest[:1] == b"\1", rest[2:]
    text = rest.partition(b"\0")[2].partition(b"\0")[2]  # after the language and the keyword in that language
    return keyword, inflate(text, limit) if packed else text


def _utf8(keyword: bytes, text: bytes) -> bytes:
    return text if keyword == XMP_KEYWORD else text.decode("latin-1").encode()


def _raw_profile(texts: dict[bytes, bytes], kind: bytes) -> bytes | None:
    """Return a block that ImageMagick wrote as text: its kind, size, and hexadecimal lines."""
    text = texts.get(b"Raw profile type " + kind, b"")
    found = re.fullmatch(rb"\s*\w+\s+(\d{1,9})\s+([0-9a-fA-F\s]*)", text)
    if not found:
        return None
    block = bytes.fromhex(found[2].decode()) if len(b"".join(found[2].split())) % 2 == 0 else b""
    return block if block and len(block) == int(found[1]) else None


def check_whole(data: Data, deep: bool = True) -> None:
    """Raise UnreadableImage if a chunk is corrupt, missing or misplaced; *deep* decompresses the image data."""
    span = ByteSpan(data)
    pieces: list[Chunk] = []
    last, palette = b"", False
    for chunk in walk(data):
        if chunk.name == b"IDAT":
            if pieces and last != b"IDAT":
                raise broken("the image data of the PNG are interrupted by another chunk")
            pieces.append(chunk)
        elif chunk.name == b"IHDR" and last:
            raise broken("a PNG with two headers")
        palette = palette or chunk.name == b"PLTE"
        last = chunk.name
        if _sum(span, chunk) != span.number(chunk.at + chunk.size, 4):
            raise broken(f"corrupt: the checksum of its {_name(chunk.name)} chunk is wrong")
    if not pieces:
        raise broken("truncated: a PNG without image data")
    header = read_header(span)
    if header.colour == 3 and not palette:
        raise broken("a PNG without its palette")
    if deep:
        _check_stream(span, pieces, image_bytes(header))


def image_bytes(header: PngHeader) -> int:
    """Return the size of the decompressed image data; each row has a byte for its filter."""
    bits = header.bits * _SAMPLES[header.colour]
    if not header.interlaced:
        return header.height * (1 + (header.width * bits + 7) // 8)
    total = 0
    for left, across, top, down in _ADAM7:
        width, height = -(-(header.width - left) // across), -(-(header.height - top) // down)
        if width > 0 and height > 0:
            total += height * (1 + (width * bits + 7) // 8)
    return total


def _sum(span: ByteSpan, chunk: Chunk) -> int:
    checksum, end = 0, chunk.at + chunk.size
    for at in range(chunk.at - 4, end, _STEP):
        checksum = zlib.crc32(span.take(at, min(_STEP, end - at)), checksum)
    return checksum


def _check_stream(span: ByteSpan, pieces: list[Chunk], expected: int) -> None:
    engine, size = zlib.decompressobj(), 0
    for piece in pieces:
        end = piece.at + piece.size
        for at in range(piece.at, end, _STEP):
            waiting = span.take(at, min(_STEP, end - at))
            while waiting and not engine.eof and size <= expected:
                try:
                    size += len(engine.decompress(waiting, _STEP))
                except zlib.error:
                    raise broken("corrupt: its image data cannot be decompressed") from None
                waiting = engine.unconsumed_tail
    while not engine.eof and size <= expected:  # output that is still buffered
        rest = engine.decompress(b"", _STEP)
        size += len(rest)
        if not rest:
            break
    if size < expected or (not engine.eof and size == expected):
        raise broken(f"truncated: {size:,} of {expected:,} bytes of image data")
    if size > expected:
        raise broken("corrupt: more image data than expected")


def _name(raw: bytes) -> str:
    return "".join(c if c.isprintable() else "?" for c in raw[:79].decode("latin-1"))
