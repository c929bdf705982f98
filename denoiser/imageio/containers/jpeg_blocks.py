"""Puts metadata into a bare JPEG, as segments before its first table; the picture itself is not touched."""

from __future__ import annotations

from denoiser.image import Metadata
from denoiser.imageio.containers import exif, iptc, xmp
from denoiser.imageio.containers.jpeg import (
    APP0,
    APP1,
    APP2,
    APP13,
    COM,
    EXTENSION_NAME,
    ICC_NAME,
    SOS,
    XMP_NAME,
    walk,
)
from denoiser.imageio.containers.span import broken

_MOST = 65_533  # bytes in a segment: its length has 16 bits and counts itself
_MAX_PROFILE = 255 * (_MOST - 14)
_PART = 65_400  # of an extension, of resources


def embed(encoded: bytes, metadata: Metadata, profile: bytes | None) -> bytes:
    """The same picture with these blocks; what a JPEG cannot hold is left out, and `unheld` names it."""
    start = 2
    header = b""
    replaced: list[tuple[int, int]] = []  # the encoder's own blocks of the kinds that are given here
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
    """In words, what of this does not fit into a JPEG."""
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
    if metadata.iptc:
        resources = iptc.wrapped(metadata.iptc)
        pieces += [_segment(APP13, iptc.IN_JPEG + part) for part in _parts(resources, _PART)]
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
