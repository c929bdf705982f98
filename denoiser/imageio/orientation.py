"""Turning stored pixels upright: the eight ways that EXIF knows."""

from __future__ import annotations

import numpy as np

from denoiser.image import Pixels


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """A view of *pixels* (H, W, …) as they are to be seen; an unknown number changes nothing."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def turned(pixels: Pixels, orientation: int) -> Pixels:
    """*pixels* as `upright` gives them, in one contiguous block, which every encoder and network wants."""
    return np.ascontiguousarray(upright(pixels, orientation))


def swaps_sides(orientation: int) -> bool:
    """Whether width and height change places."""
    return orientation in (5, 6, 7, 8)
