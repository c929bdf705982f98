"""Converts pixels of any bit depth to network values (0 to 1, three channels) and back, a tile at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from denoiser.codec.container import Box
from denoiser.codec.windows import cut
from denoiser.image import Image, Pixels

Values = NDArray[np.float32]


def taken(image: Image, box: Box) -> Values:
    """(height, width, 3) of *box*, which may reach beyond the picture: its edge is repeated there.

    Grey stands in all three channels. Float beyond black and white is cut off, and what is no number is black.
    """
    rows, columns = cut(box)
    part = image.pixels[rows, columns]
    values: Values = np.empty((*part.shape[:2], 3), np.float32)
    values[...] = np.nan_to_num(part) if part.dtype == np.float32 else part
    values *= np.float32(1 / image.white)
    np.clip(values, 0, 1, out=values)
    beyond = box.height - part.shape[0], box.width - part.shape[1]
    return np.pad(values, ((0, beyond[0]), (0, beyond[1]), (0, 0)), "edge") if any(beyond) else values


def given(values: Values, channels: int, bits: int) -> Pixels:
    """*values* as pixels of that kind, rounded to the nearest; *values* are changed."""
    if channels == 1:
        values = values.mean(axis=2, keepdims=True)
    np.clip(values, 0, 1, out=values)
    if bits == 32:
        return values
    values *= np.float32((1 << bits) - 1)
    return np.rint(values, out=values).astype(np.uint8 if bits <= 8 else np.uint16)
