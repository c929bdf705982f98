"""Converts bit depths."""

from __future__ import annotations

import numpy as np

from denoiser.image import Image, Pixels


def fitting(bits: int, depths: tuple[int, ...]) -> int:
    """Return the smallest of *depths* that is at least *bits*, or else the largest."""
    return min((depth for depth in depths if depth >= bits), default=max(depths))


def at_depth(image: Image, bits: int) -> tuple[Pixels, Pixels | None]:
    """Return pixels and alpha at this depth, rounded; the same arrays if nothing changes."""
    alpha = None if image.alpha is None else rescale(image.alpha, image.white, bits)
    return rescale(image.pixels, image.white, bits), alpha


def rescale(values: Pixels, white: float, bits: int) -> Pixels:
    """Convert *values* from the range 0 to *white* to *bits*; 32 is float, with white at 1.0.

    Integers are clipped to black and white; NaN becomes black.
    """
    if bits == 32:
        return values if values.dtype == np.float32 else np.divide(values, white, dtype=np.float32)
    target = (1 << bits) - 1
    dtype = np.uint8 if bits <= 8 else np.uint16
    if values.dtype == np.float32:
        scaled = np.rint(np.clip(np.nan_to_num(values), 0.0, 1.0) * np.float32(target))
        return np.asarray(scaled, dtype=dtype)
    if target == white:
        return values.astype(dtype, copy=False)
    whole = int(white)
    return np.asarray((values.astype(np.uint32) * target + whole // 2) // whole, dtype=dtype)
