"""Content that a viewer shows by default nothing of: named, so that it is not lost in silence."""

from __future__ import annotations

import re

from denoiser.imageio.containers.span import Data, Span

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
    """What a packet says that the file holds beside the picture."""
    return [word for pattern, word in _IN_XMP if pattern.search(packet)] if packet else []


def in_trailer(data: Data, start: int) -> list[str]:
    """What follows after the end of a picture: a film, or what a maker's names of blocks say."""
    span = Span(data, start)
    words = [word for pattern, word in _IN_TRAILER if pattern.search(data, start)]
    if span.has(start, 12) and span.take(start + 4, 4) == b"ftyp":
        words.append(MOTION_PHOTO)
    if not words and span.take(span.end - min(4, len(span)), min(4, len(span))) == b"SEFT":
        words.append("Samsung trailer")
    return words


def second_picture(data: Data, start: int, size: int) -> str | None:
    """What a further picture in a file is for, judged by its headers; None for one in its own right."""
    head = Span(data).inner(start, min(size, len(data) - start, 1 << 16))
    block = head.take(head.start, len(head))
    if ISO_GAIN_MAP in block or b"hdr-gain-map" in block or b"hdrgainmap" in block or b"HDRGainMap" in block:
        return GAIN_MAP
    if re.search(rb"(?:aux:|/)(?:depth|disparity)", block):
        return DEPTH_MAP
    return "matte" if b"matte" in block else None
