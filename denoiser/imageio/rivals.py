"""Other image formats to compare the codec with: lossy, 8 bits, by quality or within a number of bytes."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from denoiser.errors import UnwritableImage
from denoiser.events import CancelToken
from denoiser.image import Image, Pixels
from denoiser.imageio import depth

Pixels8 = NDArray[np.uint8]

# Settings of Pillow's encoders; most photos are stored as 4:2:0.
_SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "JPEG": {"subsampling": "4:2:0"},
    "WebP": {"method": 6},
    "AVIF": {"speed": 6, "subsampling": "4:2:0"},
    "JPEG XL": {"effort": 7},
}
_FORMATS = {"JPEG": "JPEG", "WebP": "WEBP", "AVIF": "AVIF", "JPEG XL": "JXL"}
_PLUGIN = {"JPEG XL": "pillow_jxl"}
_BEST = 100
_SEARCHED_PIXELS = 1 << 20  # the quality for larger images is found on their centre, and then corrected
_CORRECTIONS = 3


def rivals() -> tuple[str, ...]:
    """Return the formats that can be written on this machine."""
    return tuple(name for name in _SETTINGS if name not in _PLUGIN or importlib.util.find_spec(_PLUGIN[name]))


def described(name: str) -> str:
    """Return the format with its settings, for a table."""
    words = ", ".join(f"{key} {value}" for key, value in _SETTINGS[name].items())
    return f"{name} ({words})"


def encode(name: str, pixels: Pixels8, quality: int) -> bytes:
    """Return *pixels* (H, W, 3) as a file of that format without metadata."""
    if name in _PLUGIN:
        importlib.import_module(_PLUGIN[name])
    packed = io.BytesIO()
    PIL.Image.fromarray(pixels).save(packed, _FORMATS[name], quality=quality, **_SETTINGS[name])
    return packed.getvalue()


def decode(name: str, data: bytes) -> Pixels8:
    """Return the pixels (H, W, 3) of such a file."""
    if name in _PLUGIN:
        importlib.import_module(_PLUGIN[name])
    with PIL.Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def recompressed(pixels: Pixels8, quality: int, *, half_chroma: bool) -> Pixels8:
    """Return *pixels* (H, W, 3) encoded as JPEG and decoded again, with 4:2:0 or 4:4:4 chroma."""
    packed = io.BytesIO()
    subsampling = "4:2:0" if half_chroma else "4:4:4"
    PIL.Image.fromarray(pixels).save(packed, "JPEG", quality=quality, subsampling=subsampling)
    return decode("JPEG", packed.getvalue())


@dataclass(frozen=True, slots=True, eq=False)
class Sized:
    """An image encoded within a number of bytes, and decoded again."""

    image: Image  # in the depth of the original
    bytes: int
    quality: int


def sized(image: Image, name: str, most_bytes: int, cancel: CancelToken | None = None) -> Sized:
    """Encode at the best quality within *most_bytes*, and decode; *name* is one of rivals().

    Only 8-bit pixels are encoded. Raises UnwritableImage if no quality is small enough. Stops between two encodings
    on *cancel*.
    """
    cancel = cancel or CancelToken()
    colours = pixels_of(image)
    sample = _centre(colours)
    allowed = most_bytes * sample.size // colours.size
    quality = _highest(lambda quality: len(encode(name, sample, quality)) <= allowed, cancel)
    data = encode(name, colours, quality)
    for _ in range(_CORRECTIONS if sample is not colours else 0):
        if len(data) <= most_bytes or quality == 1:
            break
        cancel.raise_if_cancelled()
        quality -= 1
        data = encode(name, colours, quality)
    if quality == 1 and len(data) > most_bytes:
        raise UnwritableImage(f"The smallest {name} file of this image has {len(data):,} bytes.", hint="")
    shown = depth.rescale(decode(name, data)[:, :, : image.channels], 255, image.bits)
    return Sized(dataclasses.replace(image, pixels=shown, alpha=None, origin=None), len(data), quality)


def smallest(image: Image, name: str, is_near: Callable[[Pixels8], bool], cancel: CancelToken) -> int | None:
    """Return the bytes of the smallest file whose decoded pixels satisfy *is_near*; None if no quality does.

    Only 8-bit pixels are encoded. Stops between two encodings on *cancel*.
    """
    colours = pixels_of(image)
    sizes: dict[int, int] = {}

    def is_too_low(quality: int) -> bool:
        data = encode(name, colours, quality)
        sizes[quality] = len(data)
        return not is_near(decode(name, data))

    quality = _highest(is_too_low, cancel) + 1
    if quality == 2 and not is_too_low(1):
        quality = 1
    return sizes[quality] if quality <= _BEST else None


def pixels_of(image: Image) -> Pixels8:
    """Return the pixels (H, W, 3) that are encoded."""
    pixels = depth.rescale(image.pixels, image.white, 8)
    return pixels if image.channels == 3 else np.repeat(pixels, 3, axis=2)


def _highest(fits: Callable[[int], bool], cancel: CancelToken) -> int:
    low, high = 1, _BEST + 1  # low is the answer if nothing fits; high does not fit
    while high - low > 1:
        cancel.raise_if_cancelled()
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _centre(pixels: Pixels) -> Pixels:
    """Return the centre of a large image, in the same aspect ratio; a small image unchanged."""
    height, width = pixels.shape[:2]
    if height * width <= _SEARCHED_PIXELS:
        return pixels
    share = (_SEARCHED_PIXELS / (height * width)) ** 0.5
    rows, columns = max(1, int(height * share)), max(1, int(width * share))
    top, left = (height - rows) // 2, (width - columns) // 2
    return pixels[top : top + rows, left : left + columns]
