"""Pillow: writes JPEG with given tables, and reads BMP. Formats are never guessed with `Image.open`."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from PIL import BmpImagePlugin, Image

from denoiser.errors import UnreadableImage, UnsupportedFormat, UnwritableImage
from denoiser.image import JpegTables, Pixels
from denoiser.imageio import source
from denoiser.imageio.backends import DecodedImage
from denoiser.imageio.containers import Inspection

# 4:4:4, because half the colour resolution smears red edges, which is visible without noise.
_SUBSAMPLING: dict[tuple[tuple[int, int], ...], int] = {((2, 2), (1, 1), (1, 1)): 2, ((2, 1), (1, 1), (1, 1)): 1}

_BMP_MODES = {
    "1": ("1", "bilevel"),
    "L": ("L", "grey"),
    "P": ("RGB", "palette"),
    "RGB": ("RGB", "rgb"),
    "RGBA": ("RGBA", "rgba"),
}


def decode(data: bytes, _key: str, inspection: Inspection, max_pixels: int) -> DecodedImage:
    """Return the image of a BMP; raise UnreadableImage if it is corrupt or truncated."""
    try:
        # Not with Image.open: its pixel limit is global, but here the caller sets it.
        image = BmpImagePlugin.BmpImageFile(io.BytesIO(data))
        if image.mode not in _BMP_MODES:
            raise UnsupportedFormat(f"is a BMP of mode {image.mode}, which is not supported")
        if inspection.width and image.size != (inspection.width, inspection.height):
            raise UnreadableImage("is inconsistent: header and image data differ in size")
        source.refuse_pixels(*image.size, max_pixels)
        mode, word = _BMP_MODES[image.mode]
        image.load()
        samples = np.asarray(image.convert("L") if mode == "1" else image.convert(mode))
    except (OSError, ValueError, SyntaxError, IndexError, OverflowError, struct.error) as error:
        if "nsupported" in str(error):  # bit fields and header types of old systems
            raise UnsupportedFormat(f"is of an unsupported kind: {error}") from error
        raise UnreadableImage(f"is corrupt or truncated: {error}") from error
    if samples.ndim == 2:
        samples = samples[:, :, np.newaxis]
    return DecodedImage(samples=samples, has_alpha=samples.shape[2] == 4, bits=8, mode=word)


def encode_jpeg(pixels: Pixels, *, tables: JpegTables | None, quality: int) -> bytes:
    """Encode 8-bit grey or RGB pixels without metadata: with these tables, or at this quality in 4:4:4."""
    height, width, channels = pixels.shape
    if max(height, width) > 65_500:
        raise UnwritableImage(f"has {width}x{height} pixels, but JPEG allows at most 65500 per side")
    words: dict[str, Any] = {"quality": quality, "subsampling": 0}
    if tables is not None and len(tables.quantisation) == channels:
        words = {
            "qtables": _without_repeats(tables.quantisation),
            "subsampling": _SUBSAMPLING.get(tables.sampling, 0),
            "progressive": tables.progressive,
        }
    if channels == 1:
        words.pop("subsampling")
    block = np.ascontiguousarray(pixels[:, :, 0] if channels == 1 else pixels)
    target = io.BytesIO()
    Image.fromarray(block).save(target, "JPEG", **words)
    return target.getvalue()


def _without_repeats(tables: tuple[tuple[int, ...], ...]) -> list[list[int]]:
    """Remove repeated tables at the end: Pillow uses the last table for all further components."""
    kept = list(tables)
    while len(kept) > 1 and kept[-1] == kept[-2]:
        kept.pop()
    return [list(table) for table in kept]


def shrink(pixels: Pixels, side: int) -> Pixels:
    """Shrink 8-bit pixels to fit into *side* × *side*."""
    height, width, channels = pixels.shape
    scale = min(1.0, side / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    image = Image.fromarray(np.ascontiguousarray(pixels[:, :, 0] if channels == 1 else pixels))
    small = np.asarray(image.resize(size, Image.Resampling.BOX, reducing_gap=2.0))
    return small if small.ndim == 3 else small[:, :, np.newaxis]
