"""Encodes an image in another format within a number of bytes, for comparison."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from denoiser.errors import UnwritableImage
from denoiser.events import CancelToken
from denoiser.image import Image, Pixels
from denoiser.imageio import depth, rivals

_BEST = 100
_SEARCHED_PIXELS = 1 << 20  # larger images are searched on their middle, and then corrected
_CORRECTIONS = 3


@dataclass(frozen=True, slots=True, eq=False)
class Sized:
    """An image encoded within a number of bytes, and decoded again."""

    image: Image  # in the depth of the image
    bytes: int
    quality: int  # as the format counts it


def sized(image: Image, name: str, most_bytes: int, cancel: CancelToken | None = None) -> Sized:
    """Encode at the best quality within *most_bytes*, and decode; *name* is one of rivals.rivals().

    Pixels alone are coded, in 8 bits. UnwritableImage where no quality is so small. Stops between two encodings on
    *cancel*.
    """
    cancel = cancel or CancelToken()
    pixels = depth.rescale(image.pixels, image.white, 8)
    colours = pixels if image.channels == 3 else np.repeat(pixels, 3, axis=2)
    sample = _middle(colours)
    allowed = most_bytes * sample.size // colours.size
    quality = _highest(lambda quality: len(rivals.encode(name, sample, quality)) <= allowed, cancel)
    data = rivals.encode(name, colours, quality)
    for _ in range(_CORRECTIONS if sample is not colours else 0):
        if len(data) <= most_bytes or quality == 1:
            break
        cancel.raise_if_cancelled()
        quality -= 1
        data = rivals.encode(name, colours, quality)
    if quality == 1 and len(data) > most_bytes:
        raise UnwritableImage(f"The smallest {name} file of this image has {len(data):,} bytes.", hint="")
    shown = depth.rescale(rivals.decode(name, data)[:, :, : image.channels], 255, image.bits)
    return Sized(dataclasses.replace(image, pixels=shown, alpha=None, origin=None), len(data), quality)


def _highest(fits: Callable[[int], bool], cancel: CancelToken) -> int:
    low, high = 1, _BEST + 1  # low is taken whether it fits or not; high does not fit
    while high - low > 1:
        cancel.raise_if_cancelled()
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _middle(pixels: Pixels) -> Pixels:
    """The middle of a large image, in its own shape; the same array where it is small enough."""
    height, width = pixels.shape[:2]
    if height * width <= _SEARCHED_PIXELS:
        return pixels
    share = (_SEARCHED_PIXELS / (height * width)) ** 0.5
    rows, columns = max(1, int(height * share)), max(1, int(width * share))
    top, left = (height - rows) // 2, (width - columns) // 2
    return pixels[top : top + rows, left : left + columns]
