"""The content of a container beside its pixels, and content that viewers do not show by default."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from denoiser.image import Metadata
from denoiser.imageio.containers.span import ByteSpan, Data


@dataclass(frozen=True, slots=True)
class Inspection:
    """What the structure of a file says; nothing in it was decoded, and 0 or None means that it does not say.

    ``orientation`` is the number from 1 to 8 that EXIF uses, and what the *stored* pixels need to stand upright.
    For AVIF and HEIC it comes from their rotation and mirror boxes, which rule there, and not from EXIF; for JPEG
    XL from the codestream. The caller knows whether its decoder has already applied it. ``metadata`` is as
    stored, the orientation in it included.

    ``hidden`` names, in words for a report, what is in the file and is not carried over; ``notes`` says what was
    odd about it. ``cicp`` is the colour as code points (primaries, transfer, matrix), where the file gives it so.
    """

    metadata: Metadata = field(default_factory=Metadata)
    orientation: int = 1
    profile: bytes | None = None
    frames: int = 1
    hidden: tuple[str, ...] = ()
    width: int = 0
    height: int = 0
    bits: int = 0
    cicp: tuple[int, int, int] | None = None
    notes: tuple[str, ...] = ()


def distinct(words: list[str]) -> tuple[str, ...]:
    """Each word once, in the order of its first coming."""
    return tuple(dict.fromkeys(words))


def trailing_note(size: int) -> list[str]:
    """What is said of bytes after the end of an image."""
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

# Names of blocks in Samsung's trailers. One plain word to a pattern: such a search runs at the speed of memory.
_IN_TRAILER = (
    (re.compile(rb"MotionPhoto_Data"), MOTION_PHOTO),
    (re.compile(rb"DualShot_"), DEPTH_MAP),
    (re.compile(rb"SoundShot_"), "sound"),
)


def in_xmp(packet: bytes | None) -> list[str]:
    """What a packet says that the file holds beside the image."""
    return [word for pattern, word in _IN_XMP if pattern.search(packet)] if packet else []


def in_trailer(data: Data, start: int) -> list[str]:
    """What follows after the end of an image: a film, or what a maker's names of blocks say."""
    span = ByteSpan(data, start)
    words = [word for pattern, word in _IN_TRAILER if pattern.search(data, start)]
    if span.has(start, 12) and span.take(start + 4, 4) == b"ftyp":
        words.append(MOTION_PHOTO)
    if not words and span.take(span.end - min(4, len(span)), min(4, len(span))) == b"SEFT":
        words.append("Samsung trailer")
    return words


def purpose_of_image(data: Data, start: int, size: int) -> str | None:
    """What a further image in a file is for, judged by its headers; None for one in its own right."""
    head = ByteSpan(data).inner(start, min(size, len(data) - start, 1 << 16))
    block = head.take(head.start, len(head))
    if ISO_GAIN_MAP in block or b"hdr-gain-map" in block or b"hdrgainmap" in block or b"HDRGainMap" in block:
        return GAIN_MAP
    if re.search(rb"(?:aux:|/)(?:depth|disparity)", block):
        return DEPTH_MAP
    return "matte" if b"matte" in block else None
