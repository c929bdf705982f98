"""Small photos in every format, and EXIF blocks of which every byte is known."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import PIL.Image
import pytest
from skimage import data

from denoiser.errors import UnreadableImage
from denoiser.image import Metadata
from denoiser.imageio.containers import ifd
from denoiser.imageio.containers.span import ByteSpan

NOTE_AT, NOTE_SIZE = 200, 48


def _entry(order: str, tag: int, kind: int, value: int | bytes, count: int = 1) -> bytes:
    if isinstance(value, int):
        value = struct.pack(order + ("HH" if kind == 3 else "I"), *((value, 0) if kind == 3 else (value,)))
    return struct.pack(order + "HHI", tag, kind, count) + value


def _directory(order: str, *entries: bytes, following: int = 0) -> bytes:
    return struct.pack(order + "H", len(entries)) + b"".join(entries) + struct.pack(order + "I", following)


def build_exif(order: str = "<", *, orientation: int = 6, thumbnail: bytes = b"", after: bytes = b"") -> bytes:
    """A block with maker, resolution, exposure, position, thumbnail, and a maker's note that points into itself."""
    first = _directory(
        order,
        _entry(order, 271, 2, 98, 12),
        _entry(order, 274, 3, orientation),
        _entry(order, 282, 5, 110),
        _entry(order, 283, 5, 118),
        _entry(order, 296, 3, 2),
        _entry(order, 0x8769, 4, 126),
        _entry(order, 0x8825, 4, 266),
        following=320 if thumbnail else 0,
    )
    inner = _directory(
        order,
        _entry(order, 0x829A, 5, 192),
        _entry(order, 0x927C, 7, NOTE_AT, NOTE_SIZE),
        _entry(order, 0xA002, 4, 640),
        _entry(order, 0xA003, 4, 480),
        _entry(order, 0xA005, 4, 248),
    )
    note = (
        b"MAKER\0\0\0" + struct.pack(order + "II", NOTE_AT + 24, 8) + bytes(8) + b"shutters" + b"private data 123"
    )
    position = _directory(order, _entry(order, 1, 2, b"N\0\0\0", 2), _entry(order, 2, 5, 296, 3))
    small = _directory(
        order,
        _entry(order, 259, 3, 6),
        _entry(order, 274, 3, orientation),
        _entry(order, 513, 4, 374),
        _entry(order, 514, 4, len(thumbnail)),
    )
    block = b"".join(
        [
            {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HI", 42, 8),
            first,
            b"Camera Ltd.\0",
            struct.pack(order + "IIII", 240, 1, 240, 1),
            inner,
            struct.pack(order + "II", 1, 250),
            note,
            _directory(order, _entry(order, 1, 2, b"R98\0", 4)),
            position,
            struct.pack(order + "IIIIII", 52, 1, 31, 1, 12, 1),
        ]
    )
    assert (len(block), block.index(note)) == (320, NOTE_AT)
    return block + small + thumbnail + after if thumbnail else block + after


def follow_note(block: bytes) -> bytes:
    """What the maker's note points to by the offset inside of it: b"shutters" as long as nothing has moved."""
    at = block.index(b"MAKER\0\0\0")
    order = "<" if block[:2] == b"II" else ">"
    where, size = struct.unpack_from(order + "II", block, at + 8)
    return block[where : where + size]


def encode(format: str, mode: str = "RGB", size: tuple[int, int] = (64, 48), **words: Any) -> bytes:
    """A photo as a bare file, by Pillow; TIFF without compression unless it is asked for."""
    picture = PIL.Image.fromarray(data.astronaut()).resize(size).convert(mode)
    file = io.BytesIO()
    picture.save(file, {"heif": "avif"}.get(format, format), **words)
    return file.getvalue()


IPTC = b"\x1c\x02\x00\x00\x02\x00\x04\x1c\x02\x05\x00\x05title"
# The copyright flag and a URL, as Photoshop writes them.
RESOURCES = b"8BIM\x04\x0a\0\0\0\0\0\1\1\0" + b"8BIM\x04\x0b\0\0\0\0\0\x13https://example.com\0"
XMP = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
)
# No profile of sense, but of a length: 200 KB fill four segments of a JPEG.
PROFILE = b"".join(struct.pack(">I", 2654435761 * number % 2**32) for number in range(50_000))


@pytest.fixture(name="build_exif")
def _build_exif() -> Callable[..., bytes]:
    return build_exif


@pytest.fixture(name="follow_note")
def _follow_note() -> Callable[[bytes], bytes]:
    return follow_note


@pytest.fixture(scope="session")
def maker_note() -> Callable[[bytes], tuple[int, int] | None]:
    """Return position and size of the maker's note of an EXIF block."""

    def find(block: bytes) -> tuple[int, int] | None:
        try:
            first = ifd.read_first(ByteSpan(block))
        except UnreadableImage:
            return None
        at = first.integer(0x8769)
        inner = ifd.read_directory(first.span, first.layout, at) if at else None
        note = inner.entries.get(0x927C) if inner else None
        return (note.at, note.size) if note else None

    return find


@pytest.fixture(name="encode", scope="session")
def _encode() -> Callable[..., bytes]:
    return encode


@pytest.fixture(name="full", params=["<", ">"], ids=["little", "big"])
def _full(request: pytest.FixtureRequest) -> Metadata:
    """One of everything, in both byte orders of EXIF."""
    block = build_exif(request.param, thumbnail=encode("jpeg", size=(16, 12)))
    return Metadata(
        exif=block, xmp=XMP, iptc=IPTC, comment="Grüße, 12 €", resolution=(240.0, 240.0), resources=RESOURCES
    )


@pytest.fixture(name="profile", scope="session")
def _profile() -> bytes:
    return PROFILE


@pytest.fixture(name="xmp_packet", scope="session")
def _xmp_packet() -> bytes:
    return XMP


@pytest.fixture(name="iptc_records", scope="session")
def _iptc_records() -> bytes:
    return IPTC
