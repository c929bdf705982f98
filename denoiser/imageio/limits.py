"""Limits of image and file size, checked before memory is allocated."""

from __future__ import annotations

from denoiser.errors import ImageTooLarge

# A file may be so much larger than its largest allowed image (4 channels of float) before it is refused unread.
_BYTES_PER_PIXEL = 16
_BYTES_BESIDE_PIXELS = 1 << 28


def refuse_pixels(width: int, height: int, limit: int) -> None:
    """Raise ImageTooLarge for an image of more pixels than the limit."""
    if width * height > limit:
        raise ImageTooLarge(f"has {width}x{height} pixels, more than the limit of {limit:,}")


def refuse_bytes(size: int, limit: int) -> None:
    """Raise ImageTooLarge for a file of more bytes than any image at the limit of pixels can need."""
    if size > limit * _BYTES_PER_PIXEL + _BYTES_BESIDE_PIXELS:
        raise ImageTooLarge(f"has {size:,} bytes, more than an image at the limit of {limit:,} pixels can need")
