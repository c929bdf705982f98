"""The content of a file except its pixels, and content that viewers do not show by default."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from denoiser.image import Cicp, Metadata
from denoiser.imageio.containers.span import ByteSpan, Data


@dataclass(frozen=True, slots=True)
class Inspection:
    """The content of a file except its pixels; 0 or None means that it is unknown.

    ``orientation`` is the EXIF orientation, from 1 to 8, of the *stored* pixels. For AVIF and HEIC it is that of
    their rotation and mirror boxes, for JPEG XL that of the codestream. Some decoders apply it. ``metadata`` is
    unchanged, including its orientation.

    ``hidden`` names content that is not preserved, and ``notes`` describes peculiarities.
    """

    metadata: Metadata = field(default_factory=Metadata)
    orientation: int = 1
    profile: bytes | None = None
    frames: int = 1
    hidden: tuple[str, ...] = ()
    width: int = 0
    height: int = 0
    bits: int = 0
    cicp: Cicp | None = None
    notes: tuple[str, ...] = ()


def distinct(words: list[str]) -> tuple[str, ...]:
    """Return the words without repetitions, in order."""
    return tuple(dict.fromkeys(words))


def trailing_note(size: int) -> list[str]:
    """Return the note on bytes after the end of an image."""
    return [f"{size:,} bytes follow after its end"] if size > 0 else []


GAIN_MAP, DEPTH_MAP, MOTION_PHOTO = "gain map", "depth map", "Motion Photo"
ISO_GAIN_MAP = b"urn:iso:std:iso:ts:21496:-1"
CONTENT_CREDENTIALS = "content credentials (C2PA)"

_IN_XMP = (
    (re.compile(rb"ns\.adobe\.com/hdr-gain-map/|HDRGainMap|hdrgainmap|Semantic(?:=[\"']|>)GainMap"), GAIN_MAP),
    (re.compile(rb"google\.com/photos/(?:1\.0/depthmap|dd/1\.0/device)/|Semantic(?:=[\"']|>)Depth"), DEPTH_MAP),
    (re.compile(rb"(?:MotionPhoto|MicroVideo)\s*(?:=\s*[\"']|>)\s*1\s*[\"'<]"), MOTION_PHOTO),
    (re.compile(rb"Semantic(?:=[\"']|>)MotionPhoto"), MOTION_PHOTO),
    (re.compile(rb"ns\.google\.com/photos/1\.0/audio/"), "sound"),
    (re.compile(rb"ns\.google\.com/photos/1\.0/image/"), "second image"),
)  # fmt: skip

# Names of blocks in Samsung's trailers. Patterns are plain words, which are searched fast.
_IN_TRAILER = (
    (re.compile(rb"MotionPhoto_Data"), MOTION_PHOTO),
    (re.compile(rb"DualShot_"), DEPTH_MAP),
    (re.compile(rb"SoundShot_"), "sound"),
)


def in_xmp(packet: bytes | None) -> list[str]:
    """Return hidden content that an XMP packet mentions."""
    return [word for pattern, word in _IN_XMP if pattern.search(packet)] if packet else []


def in_trailer(data: Data, start: int) -> list[str]:
    """Return hidden content after the end of an image: a video, or blocks with known names."""
    span = ByteSpan(data, start)
    words = [word for pattern, word in _IN_TRAILER if pattern.search(data, start)]
    if span.has(start, 12) and span.take(start + 4, 4) == b"ftyp":
        words.append(MOTION_PHOTO)
    if not words and span.take(span.end - min(4, len(span)), min(4, len(span))) == b"SEFT":
        words.append("Samsung trailer")
    return words


def purpose_of_image(data: Data, start: int, size: int) -> str | None:
    """Return the purpose of a further image in a file, from its headers; None for an ordinary image."""
    head = ByteSpan(data).inner(start, min(size, len(data) - start, 1 << 16))
    block = head.take(head.start, len(head))
    if ISO_GAIN_MAP in block or b"hdr-gain-map" in block or b"hdrgainmap" in block or b"HDRGainMap" in block:
        return GAIN_MAP
    if re.search(rb"(?:aux:|/)(?:depth|disparity)", block):
        return DEPTH_MAP
    return "matte" if b"matte" in block else None
