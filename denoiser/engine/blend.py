"""From the network's range to the picture's own and back, and the strength between source and result."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from denoiser.image import Image, Pixels


def as_network_input(image: Image) -> tuple[NDArray[np.float32], float]:
    """((H, W, 3) float32 in 0..1, the value that became 1): grey in all three channels.

    Float pictures that are brighter than white are scaled down to fit; what is no number becomes 0 for the network.
    """
    pixels = image.pixels.astype(np.float32)
    one = image.white
    if image.bits == 32:
        np.nan_to_num(pixels, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        one = max(1.0, float(pixels.max()))
    pixels /= one
    return (np.repeat(pixels, 3, axis=2) if image.channels == 1 else pixels), one


def blended(image: Image, clean: NDArray[np.float32], one: float, strength: float) -> Pixels:
    """source + strength x (clean - source) in the depth of *image*; at strength 0 its very pixels.

    So are the colours under full transparency: nobody sees them, and some programs keep things there.
    """
    if strength == 0:
        return image.pixels
    if image.channels == 1:
        clean = clean.mean(axis=2, keepdims=True)
    source = image.pixels.astype(np.float32)
    with np.errstate(invalid="ignore"):  # infinities of a float picture, put back below
        mixed: Pixels = source + np.float32(strength) * (clean * np.float32(one) - source)
    if image.bits == 32:
        # What was no number, or infinite, stays what it was.
        np.copyto(mixed, source, where=~np.isfinite(source))
    else:
        np.clip(np.rint(mixed, out=mixed), 0, image.white, out=mixed)
    result: Pixels = mixed.astype(image.pixels.dtype, copy=False)
    if image.alpha is not None:
        np.copyto(result, image.pixels, where=(image.alpha == 0)[:, :, np.newaxis])
    return result
