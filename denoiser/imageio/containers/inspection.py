"""What a container holds beside its pixels, as a value."""

from __future__ import annotations

from dataclasses import dataclass, field

from denoiser.image import Metadata


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
    """What is said of bytes after the end of a picture."""
    return [f"{size:,} bytes follow after its end"] if size > 0 else []
