"""Other image formats to compare the codec with: bytes and pixels by quality, lossy, 8 bits."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Mapping
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray

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


def rivals() -> tuple[str, ...]:
    """The formats that can be written on this machine."""
    return tuple(name for name in _SETTINGS if name not in _PLUGIN or importlib.util.find_spec(_PLUGIN[name]))


def described(name: str) -> str:
    """The format with its settings, for a table."""
    words = ", ".join(f"{key} {value}" for key, value in _SETTINGS[name].items())
    return f"{name} ({words})"


def encode(name: str, pixels: Pixels8, quality: int) -> bytes:
    """*pixels* (H, W, 3) as a file of that format without metadata."""
    if name in _PLUGIN:
        importlib.import_module(_PLUGIN[name])
    packed = io.BytesIO()
    PIL.Image.fromarray(pixels).save(packed, _FORMATS[name], quality=quality, **_SETTINGS[name])
    return packed.getvalue()


def decode(name: str, data: bytes) -> Pixels8:
    """The pixels (H, W, 3) of such a file."""
    if name in _PLUGIN:
        importlib.import_module(_PLUGIN[name])
    with PIL.Image.open(io.BytesIO(data)) as picture:
        return np.asarray(picture.convert("RGB"))


def recompressed(pixels: NDArray[np.uint8], quality: int, *, half_chroma: bool) -> NDArray[np.uint8]:
    """*pixels* (H, W, 3) after a round trip through JPEG, with 4:2:0 chroma or with 4:4:4."""
    packed = io.BytesIO()
    subsampling = "4:2:0" if half_chroma else "4:4:4"
    PIL.Image.fromarray(pixels).save(packed, "JPEG", quality=quality, subsampling=subsampling)
    with PIL.Image.open(packed) as picture:
        return np.asarray(picture.convert("RGB"))
