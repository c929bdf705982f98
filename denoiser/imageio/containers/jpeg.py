"""JPEG: metadata, further images, and hidden content.

    SOI | APP0 JFIF | APP1 Exif | APP1 XMP … | APP2 ICC, MPF | APP13 IPTC | COM | DQT SOF DHT | SOS data … | EOI

After EOI follow images that the MPF index lists, a trailer of the camera, or unknown bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from denoiser.errors import UnreadableImage
from denoiser.image import Metadata
from denoiser.imageio.containers import exif, ifd, inspection, xmp
from denoiser.imageio.containers.inspection import Inspection, distinct, trailing_note
from denoiser.imageio.containers.span import MAX_BLOCK_BYTES, ByteSpan, Data, broken

SOI, EOI, SOS, DNL, DRI, COM = 0xD8, 0xD9, 0xDA, 0xDC, 0xDD, 0xFE
APP0, APP1, APP2, APP11, APP13, APP14 = 0xE0, 0xE1, 0xE2, 0xEB, 0xED, 0xEE
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
XMP_NAME, EXTENSION_NAME = b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
ICC_NAME, MPF_NAME = b"ICC_PROFILE\0", b"MPF\0"

MAX_SEGMENTS = 1 << 16  # an extension of 32 MB takes 512
_MAX_COMMENTS = 100
_KNOWN = FRAMES | {0xC4, 0xCC, SOS, 0xDB, DNL, DRI, EOI, COM} | set(range(0xE0, 0xF0))
_COLLECTED = {APP0, APP1, APP2, APP11, APP13, COM}
_AFTER_DATA = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # the next marker; stuffed bytes and restarts are data

_NO_FILL = re.compile(rb"[^\xff]")


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment: its marker, and *size* bytes from *at*. The data of a scan end at *data_end*."""

    marker: int
    at: int
    size: int
    data_end: int = 0


def walk(data: Data) -> Iterator[Segment]:
    """Yield the segments from SOI to EOI; raise UnreadableImage if one is truncated or invalid."""
    span = ByteSpan(data)
    if span.take(0, min(2, len(span))) != b"\xff\xd8":
        raise broken("not a JPEG: it does not begin with the start marker")
    at = 2
    for _ in range(MAX_SEGMENTS):
        at, marker = _marker_at(span, at)
        if marker == EOI:
            yield Segment(EOI, at, 0)
            return
        size = span.number(at, 2) if span.has(at, 2) else 0
        if size < 2 or not span.has(at, size):
            raise broken("truncated: a JPEG segment extends beyond the end of the file"
                         if size >= 2 or not span.has(at, 2)
                         else "a JPEG segment of impossible length")  # fmt: skip
        segment = Segment(marker, at + 2, size - 2)
        at += size
        if marker == SOS:
            following = _AFTER_DATA.search(data, at)
            if following is None:
                raise broken("truncated: the image data end before the end marker")
            at = following.start()
            segment = Segment(SOS, segment.at, segment.size, at)
        yield segment
    raise broken("more JPEG segments than any image needs")


def _marker_at(span: ByteSpan, at: int) -> tuple[int, int]:
    """Return the end of the marker at *at*, and the marker; fill bytes may precede it."""
    if not span.has(at, 2):
        raise broken("truncated: the file ends before the end marker")
    if span.take(at, 1) != b"\xff":
        raise broken("stray bytes between two JPEG segments")
    found = _NO_FILL.search(span.data, at)
    if found is None:
        raise broken("truncated: the file ends before the end marker")
    marker = found[0][0]
    if marker == SOI:
        raise broken("another image begins before the end marker of the first")
    if marker not in _KNOWN:
        raise broken(f"an invalid JPEG marker (0x{marker:02X})")
    return found.end(), marker


@dataclass(slots=True)
class _Collected:
    """What `inspect` has collected so far."""

    span: ByteSpan
    exif: bytes | None = None
    xmp: bytes | None = None
    extension: dict[bytes, dict[int, bytes]] = field(default_factory=dict)
    profile: dict[int, bytes] = field(default_factory=dict)
    profile_parts: int = 0
    resources: bytearray = field(default_factory=bytearray)
    comments: list[bytes] = field(default_factory=list)
    density: tuple[float, float] | None = None
    size: tuple[int, int, int] = (0, 0, 0)
    other_images: int | None = None  # position of the MPF index
    hidden: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def inspect(data: Data) -> Inspection:
    """Return everything except the pixels of a JPEG."""
    found = _Collected(ByteSpan(data))
    end = 0
    for segment in walk(data):
        end = segment.at
        if segment.marker in _COLLECTED:
            _collect(found, segment)
        elif segment.marker in FRAMES and segment.size >= 6 and not found.size[0]:
            bits, height, width = (
                found.span.number(segment.at + at, size) for at, size in ((0, 1), (1, 2), (3, 2))
            )
            found.size = (width, height, bits)
    frames = 1 + _further_images(found, end)
    packet = _whole_packet(found)
    found.hidden += inspection.in_xmp(packet)
    if end < len(data):
        found.hidden += inspection.in_trailer(data, end)
        if found.other_images is None:
            found.notes += trailing_note(len(data) - end)
    resources = bytes(found.resources)
    if xmp.has_paths(resources):
        found.hidden.append("clipping paths")
    metadata = Metadata(
        exif=found.exif,
        xmp=packet,
        iptc=xmp.unwrapped(resources),
        comment="\n".join(map(_text, found.comments)) or None,
        resolution=found.density or exif.resolution(found.exif),
        resources=xmp.carried_resources(resources),
    )
    width, height, bits = found.size
    return Inspection(
        metadata=metadata,
        orientation=exif.orientation(found.exif),
        profile=_whole_profile(found),
        frames=frames,
        hidden=distinct(found.hidden),
        width=width,
        height=height,
        bits=bits,
        notes=distinct(found.notes),
    )


def _collect(found: _Collected, segment: Segment) -> None:
    block = found.span.take(segment.at, segment.size)
    if segment.marker == APP0 and block.startswith(b"JFIF\0") and len(block) >= 12 and found.density is None:
        found.density = _density(block)
    elif segment.marker == APP1:
        _collect_app1(found, block)
    elif segment.marker == APP2:
        _collect_app2(found, segment, block)
    elif segment.marker == APP11 and block.startswith(b"JP"):
        found.hidden.append(inspection.CONTENT_CREDENTIALS)
    elif segment.marker == APP13 and block.startswith(xmp.IN_JPEG):
        found.resources += block[len(xmp.IN_JPEG) :]
    elif segment.marker == COM and len(found.comments) < _MAX_COMMENTS:
        found.comments.append(block)


def _density(jfif: bytes) -> tuple[float, float] | None:
    factor = {1: 1.0, 2: 2.54}.get(jfif[7], 0.0)
    across, down = (int.from_bytes(jfif[at : at + 2], "big") * factor for at in (8, 10))
    return (across, down) if across > 0 and down > 0 else None


def _collect_app1(found: _Collected, block: bytes) -> None:
    if block.startswith(exif.PREFIX[:5]) and found.exif is None and len(block) > len(exif.PREFIX):
        found.exif = block[len(exif.PREFIX) :]
    elif block.startswith(XMP_NAME) and found.xmp is None:
        found.xmp = block[len(XMP_NAME) :]
    elif block.startswith(EXTENSION_NAME) and len(block) > len(EXTENSION_NAME) + 40:
        name, rest = block[len(EXTENSION_NAME) :][:32], block[len(EXTENSION_NAME) + 32 :]
        found.extension.setdefault(name, {})[int.from_bytes(rest[4:8], "big")] = rest[8:]


def _collect_app2(found: _Collected, segment: Segment, block: bytes) -> None:
    if block.startswith(ICC_NAME) and len(block) >= 14:
        found.profile_parts = block[13]
        found.profile.setdefault(block[12], block[14:])
    elif block.startswith(MPF_NAME) and found.other_images is None:
        found.other_images = segment.at + 4
    elif block.startswith(inspection.ISO_GAIN_MAP):
        found.hidden.append(inspection.GAIN_MAP)


def _text(raw: bytes) -> str:
    raw = raw.rstrip(b"\0")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _whole_profile(found: _Collected) -> bytes | None:
    if not found.profile:
        return None
    if set(found.profile) != set(range(1, found.profile_parts + 1)):
        found.notes.append("its colour profile is incomplete and was removed")
        return None
    return b"".join(found.profile[part] for part in sorted(found.profile))


def _whole_packet(found: _Collected) -> bytes | None:
    """Return the packet with the extension that it refers to, if that is complete."""
    name = xmp.extension_wanted(found.xmp) if found.xmp else None
    if found.xmp is None or name is None:
        return found.xmp
    extension = bytearray()
    for at, part in sorted(found.extension.get(name, {}).items()):
        if at != len(extension) or at + len(part) > MAX_BLOCK_BYTES:
            break
        extension += part
    packet = xmp.joined(found.xmp, bytes(extension))
    if packet is None:
        found.notes.append("the extension of its XMP is incomplete and was removed")
    return packet or found.xmp


def _further_images(found: _Collected, end: int) -> int:
    """Return the number of further images; previews, maps and mattes are hidden content instead."""
    if found.other_images is None:
        return 0
    other_images = 0
    for kind, at, size in _multi_image_index(found.span, found.other_images):
        if at == 0 or at < end or not found.span.has(at, 4):
            continue
        purpose = inspection.purpose_of_image(found.span.data, at, size)
        if purpose:
            found.hidden.append(purpose)
        elif kind >> 16 == 1:
            found.hidden.append("preview image")
        else:
            other_images += 1
    # The first Ultra HDR files describe their gain map only in the main packet, and not in its image.
    if (
        other_images
        and found.xmp
        and inspection.GAIN_MAP in inspection.in_xmp(found.xmp)
        and inspection.GAIN_MAP not in found.hidden
    ):
        other_images -= 1
    return other_images


def _multi_image_index(span: ByteSpan, start: int) -> list[tuple[int, int, int]]:
    """Return (kind, position, size) of each image in the MPF index; empty if it is invalid."""
    try:
        inner = ByteSpan(span.data[start : min(start + 65_536, span.end)])
        directory = ifd.read_first(inner)
        index = directory.entries.get(0xB002)
        if index is None:
            return []
        rows = [inner.take(index.at + row * 16, 16) for row in range(min(index.size // 16, 1000))]
    except UnreadableImage:
        return []
    numbers = [[int.from_bytes(row[at : at + 4], directory.layout.order) for at in (0, 4, 8)] for row in rows]
    return [(kind & 0xFFFFFF, start + at if at else 0, size) for kind, size, at in numbers]
