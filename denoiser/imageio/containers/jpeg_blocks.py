"""JPEG: inserts metadata before the first table, and checks that frame, scans and end are complete.

Image data are never changed. A scan without its last block is noticed here only if it has restart markers;
otherwise the decoder must treat warnings as errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from denoiser.image import Metadata
from denoiser.imageio.containers import exif, xmp
from denoiser.imageio.containers.jpeg import (
    APP0,
    APP1,
    APP2,
    APP13,
    COM,
    DRI,
    EXTENSION_NAME,
    FRAMES,
    ICC_NAME,
    SOS,
    XMP_NAME,
    Segment,
    walk,
)
from denoiser.imageio.containers.span import ByteSpan, Data, broken

_MOST = 65_533  # bytes in a segment: its length has 16 bits and counts itself
_MAX_PROFILE = 255 * (_MOST - 14)
_PART = 65_400  # of an extension, of resources


def embed(encoded: bytes, metadata: Metadata, profile: bytes | None) -> bytes:
    """Return the image with these blocks; what a JPEG cannot store is left out: see `unheld`."""
    start = 2
    header = b""
    replaced: list[tuple[int, int]] = []  # blocks of the encoder that are replaced
    for segment in walk(encoded):
        if segment.marker == SOS:
            break
        block = encoded[segment.at : segment.at + segment.size]
        whole = (segment.at - 4, segment.at + segment.size)
        if segment.marker == APP0 and block.startswith(b"JFIF\0") and len(block) >= 12:
            header = b"\xff\xe0" + (len(block) + 2).to_bytes(2, "big") + _with_density(block, metadata.resolution)
            replaced.append(whole)
        elif segment.marker == APP2 and block.startswith(ICC_NAME) and profile:
            replaced.append(whole)
    pieces, at = [encoded[:2], header, *_segments(metadata, profile)], start
    for begin, end in replaced:
        pieces.append(encoded[at:begin])
        at = end
    return b"".join([*pieces, encoded[at:]])


def unheld(metadata: Metadata, profile: bytes | None) -> list[str]:
    """Return names of the blocks that do not fit into a JPEG."""
    words = []
    if metadata.exif and len(metadata.exif) > exif.MAX_IN_JPEG:
        words.append("EXIF (longer than the 64 KB that JPEG can hold)")
    if metadata.xmp and len(metadata.xmp) > xmp.MAX_MAIN_IN_JPEG and xmp.split(metadata.xmp) is None:
        words.append("XMP (longer than 64 KB, and cannot be divided)")
    if metadata.comment and len(metadata.comment.encode(errors="replace")) > _MOST:
        words.append("comment (longer than 64 KB)")
    if profile and len(profile) > _MAX_PROFILE:
        words.append("colour profile (longer than 16 MB)")
    return words


def _with_density(jfif: bytes, resolution: tuple[float, float] | None) -> bytes:
    if resolution is None:
        return jfif
    per_inch = [round(value) for value in resolution]
    per_cm = [round(value / 2.54) for value in resolution]
    inch_fits = all(abs(value - whole) < 0.005 for value, whole in zip(resolution, per_inch, strict=True))
    cm_fits = all(abs(value / 2.54 - whole) < 0.002 for value, whole in zip(resolution, per_cm, strict=True))
    unit, values = (2, per_cm) if cm_fits and not inch_fits else (1, per_inch)
    if not all(0 < value < 65_536 for value in values):
        return jfif
    return jfif[:7] + bytes([unit]) + b"".join(value.to_bytes(2, "big") for value in values) + jfif[12:]


def _segments(metadata: Metadata, profile: bytes | None) -> list[bytes]:
    pieces = []
    if metadata.exif and len(metadata.exif) <= exif.MAX_IN_JPEG:
        pieces.append(_segment(APP1, exif.PREFIX + metadata.exif))
    if metadata.xmp:
        pieces += _packet(metadata.xmp)
    if metadata.iptc or metadata.resources:
        resources = xmp.wrapped(metadata.iptc, metadata.resources)
        pieces += [_segment(APP13, xmp.IN_JPEG + part) for part in _parts(resources, _PART)]
    if profile and len(profile) <= _MAX_PROFILE:
        parts = _parts(profile, _MOST - 14)
        pieces += [
            _segment(APP2, ICC_NAME + bytes([number, len(parts)]) + part) for number, part in enumerate(parts, 1)
        ]
    comment = (metadata.comment or "").encode(errors="replace")
    if 0 < len(comment) <= _MOST:
        pieces.append(_segment(COM, comment))
    return pieces


def _packet(packet: bytes) -> list[bytes]:
    if len(packet) <= xmp.MAX_MAIN_IN_JPEG:
        return [_segment(APP1, XMP_NAME + packet)]
    halves = xmp.split(packet)
    if halves is None:
        return []
    main, extension = halves
    name, size = xmp.extension_wanted(main) or b"", len(extension).to_bytes(4, "big")
    starts = range(0, len(extension), _PART)
    return [_segment(APP1, XMP_NAME + main)] + [
        _segment(APP1, EXTENSION_NAME + name + size + at.to_bytes(4, "big") + extension[at : at + _PART])
        for at in starts
    ]


def _segment(marker: int, block: bytes) -> bytes:
    if len(block) > _MOST:
        raise broken("a block that is too large for a JPEG segment")
    return bytes([0xFF, marker]) + (len(block) + 2).to_bytes(2, "big") + block


def _parts(block: bytes, size: int) -> list[bytes]:
    return [block[at : at + size] for at in range(0, len(block), size)]


MAX_SCANS = 500  # ten are usual; thousands of scans of a large frame are a known attack on decoders
_RESTART = re.compile(rb"\xff([\xd0-\xd7])")
_CYCLE = bytes(range(0xD0, 0xD8))
_PROGRESSIVE, _LOSSLESS = {0xC2, 0xC6, 0xCA, 0xCE}, {0xC3, 0xC7, 0xCB, 0xCF}


@dataclass(frozen=True, slots=True)
class JpegFrame:
    """The frame header: size, and the sampling factors of each component by its ID."""

    marker: int
    width: int
    height: int
    sampling: dict[int, tuple[int, int]]

    def units(self, components: list[int]) -> int:
        """Return the number of units of a scan: interleaved units, or blocks for a single component."""
        across = max(h for h, _ in self.sampling.values())
        down = max(v for _, v in self.sampling.values())
        if len(components) > 1:
            return _ceil(self.width, 8 * across) * _ceil(self.height, 8 * down)
        h, v = self.sampling[components[0]]
        return _ceil(_ceil(self.width * h, across), 8) * _ceil(_ceil(self.height * v, down), 8)


class _MissingBits:
    """The missing bits of the coefficients of each component."""

    def __init__(self) -> None:
        self._missing: dict[int, dict[int, int]] = {}

    def finish(self, components: list[int]) -> None:
        """Handle a scan that is not progressive, which has all bits."""
        self._missing |= {component: dict.fromkeys(range(64), 0) for component in components}

    def refine(self, components: list[int], band: range, bits: int) -> None:
        """Handle a progressive scan, which continues an earlier one or begins."""
        before, after = bits >> 4, bits & 15
        if not band or band.stop > 64:
            raise broken("a progressive JPEG scan of an impossible band")
        for component in components:
            known = self._missing.setdefault(component, {})
            if any(known.get(index, 0) != before for index in band):
                raise broken("truncated: a scan refines coefficients that no earlier scan contains")
            known |= dict.fromkeys(band, after)

    def check(self, frame: JpegFrame) -> None:
        """Raise UnreadableImage if bits of a component are missing."""
        if any(0 not in self._missing.get(component, {}) for component in frame.sampling):
            raise broken("truncated: a colour component has no image data")
        if any(len(known) < 64 or any(known.values()) for known in self._missing.values()):
            raise broken("truncated: its progressive scans are incomplete")


def check_whole(data: Data) -> None:
    """Raise UnreadableImage if the structure is truncated or corrupt."""
    span = ByteSpan(data)
    frame: JpegFrame | None = None
    interval = scans = 0
    missing = _MissingBits()
    for segment in walk(data):
        if segment.marker in FRAMES:
            if frame is not None:
                raise broken("a JPEG with two frame headers")
            frame = _read_frame(span, segment)
        elif segment.marker == DRI and segment.size >= 2:
            interval = span.number(segment.at, 2)
        elif segment.marker == SOS:
            if frame is None:
                raise broken("image data before the frame header")
            scans += 1
            if scans > MAX_SCANS:
                raise broken(f"more than {MAX_SCANS} scans")
            _check_scan(span, segment, frame, interval, missing)
    if frame is None or not scans:
        raise broken("truncated: no image data before the end marker")
    missing.check(frame)


def _read_frame(span: ByteSpan, segment: Segment) -> JpegFrame:
    header = span.take(segment.at, segment.size)
    if len(header) < 6 or len(header) != 6 + 3 * header[5] or not header[5]:
        raise broken("a JPEG frame header of the wrong length")
    height, width = int.from_bytes(header[1:3], "big"), int.from_bytes(header[3:5], "big")
    if not width or not height:
        raise broken("a JPEG frame header without a size")
    sampling = {header[at]: (header[at + 1] >> 4, header[at + 1] & 15) for at in range(6, len(header), 3)}
    if len(sampling) != header[5] or any(not 1 <= f <= 4 for pair in sampling.values() for f in pair):
        raise broken("a JPEG frame header with impossible components")
    return JpegFrame(segment.marker, width, height, sampling)


def _check_scan(span: ByteSpan, segment: Segment, frame: JpegFrame, interval: int, missing: _MissingBits) -> None:
    header = span.take(segment.at, segment.size)
    count = header[0] if header else 0
    if not 1 <= count <= 4 or len(header) != 4 + 2 * count:
        raise broken("a JPEG scan header of the wrong length")
    components = [header[1 + 2 * index] for index in range(count)]
    if any(component not in frame.sampling for component in components) or len(set(components)) != count:
        raise broken("a JPEG scan of components that the frame does not have")
    start = segment.at + segment.size
    if segment.data_end == start:
        raise broken("truncated: a JPEG scan without data")
    if interval and frame.marker not in _LOSSLESS:
        _check_restarts(span, start, segment.data_end, _ceil(frame.units(components), interval) - 1)
    if frame.marker in _PROGRESSIVE:
        missing.refine(components, range(header[-3], header[-2] + 1), header[-1])
    else:
        missing.finish(components)


def _check_restarts(span: ByteSpan, start: int, end: int, expected: int) -> None:
    # Some encoders write one more after the last interval. More are not collected, which limits memory.
    marks = islice(_RESTART.finditer(span.data, start, end), expected + 2)
    found = bytes(mark[1][0] for mark in marks)
    if found != (_CYCLE * (len(found) // 8 + 1))[: len(found)]:
        raise broken("restart markers out of order: image data are missing or swapped")
    if len(found) < expected:
        raise broken(f"truncated: {len(found)} of {expected} restart markers")


def _ceil(size: int, unit: int) -> int:
    return -(-size // unit)
