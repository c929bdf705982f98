"""Masks: grey images that scale the strength of denoising in each pixel, from black (unchanged) to white (full)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from denoiser.errors import UnreadableImage
from denoiser.image import Image, Mask
from denoiser.imageio import depth, reader

_HINT = "A mask is a grey PNG of the size of the photo: white is full strength, black leaves pixels unchanged."


def mask_of(image: Image, name: str, size: tuple[int, int]) -> Mask:
    """Return an upright image as a mask for an image of this *size*, width and height.

    Raises UnreadableImage, with *name*, for another size, for colours, and for transparency.
    """
    if (image.width, image.height) != size:
        raise UnreadableImage(
            f"{name}: has {image.width} x {image.height} pixels, the image {size[0]} x {size[1]}.", hint=_HINT
        )
    pixels = image.pixels
    if image.channels == 3 and not np.array_equal(pixels, np.broadcast_to(pixels[:, :, :1], pixels.shape)):
        raise UnreadableImage(f"{name}: has colours, but a mask is grey.", hint=_HINT)
    if image.alpha is not None and not np.all(image.alpha == image.white):
        raise UnreadableImage(f"{name}: has transparent pixels, but a mask is opaque.", hint=_HINT)
    return np.ascontiguousarray(depth.rescale(pixels[:, :, 0], image.white, 16))


def read_mask(path: Path, size: tuple[int, int]) -> Mask:
    """Return the mask in a file for an upright image of this *size*; raise UnreadableImage as `mask_of` does."""
    return mask_of(reader.read(path), str(path), size)


def mask_in(data: bytes, name: str, size: tuple[int, int]) -> Mask:
    """Return the mask in the content of a file; *name* is for messages."""
    return mask_of(reader.read_bytes(data, name), name, size)
