"""Reduces images to the size of an export, in linear light, so that fine texture keeps its brightness.

The values of each channel are made linear with the curve of the profile. Profiles that have tables instead, and
images without a profile, get the curve of sRGB.
"""

from __future__ import annotations

import dataclasses
import struct
from contextlib import suppress
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from denoiser.image import Image, Pixels
from denoiser.imageio import colour, depth
from denoiser.options import WriteOptions, size_of

Curve = NDArray[np.float32]  # linear values at _POINTS equal steps of the encoded ones

_POINTS = 1 << 16
_FILTER = "lanczos3"
_LEAST_ALPHA = 1e-6  # below it, a pixel has no colour
_PARAMETERS = (1, 3, 4, 5, 7)  # of the parametric curves of ICC, by type


def reduced(image: Image, options: WriteOptions, bits: int) -> Image:
    """Return the image at the size of *options* and with *bits* bits; the same object if it has that size."""
    width, height = size_of(options, image.width, image.height)
    if (width, height) == (image.width, image.height):
        return image
    opacity = alpha = small_alpha = None
    if image.alpha is not None:
        opacity = depth.rescale(image.alpha, image.white, 32)
        alpha = _resized(opacity, height, width)
        small_alpha = depth.rescale(np.clip(alpha, 0, 1), 1.0, bits)
    encoded = np.empty((height, width, image.channels), np.float32)
    for channel, curve in enumerate(curves_of(image)):  # one after another, since floats take a lot of memory
        linear = _linear(image.pixels[:, :, channel], image.white, curve)
        if opacity is not None and alpha is not None:  # transparent pixels have no weight
            encoded[:, :, channel] = _encoded(
                _resized(linear * opacity, height, width) / np.maximum(alpha, _LEAST_ALPHA), curve
            )
        else:
            encoded[:, :, channel] = _encoded(_resized(linear, height, width), curve)
    return dataclasses.replace(image, pixels=depth.rescale(encoded, 1.0, bits), alpha=small_alpha, bits=bits)


def curves_of(image: Image) -> tuple[Curve, ...]:
    """Return the tone curve of each channel."""
    profile = image.profile or colour.profile_of(image.cicp, image.channels)
    profile = profile or colour.hdr_profile_of(image.cicp, image.channels)
    names = (b"kTRC",) if image.channels == 1 else (b"rTRC", b"gTRC", b"bTRC")
    return tuple(_curve_in(profile, name) for name in names)


@lru_cache(12)
def _curve_in(profile: bytes | None, name: bytes) -> Curve:
    """Return a curve of a profile, or that of sRGB."""
    found = None
    with suppress(struct.error, ZeroDivisionError, ValueError):  # corrupt
        found = _read(_tag(profile or b"", name))
    usable = found is not None and bool(np.isfinite(found).all()) and found[-1] > found[0]
    if found is None or not usable or (np.diff(found) < 0).any():
        found = _parametric(3, (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045))
    return found.astype(np.float32)


def _tag(profile: bytes, name: bytes) -> bytes:
    count = min(struct.unpack_from(">I", profile, 128)[0], 100)
    for number in range(count):
        tag, start, size = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        if tag == name:
            return profile[start : start + size]
    return b""


def _read(data: bytes) -> NDArray[np.float64] | None:
    """Return the curve of an ICC tag of the type curv or para; None for other types."""
    if data[:4] == b"para":
        kind = struct.unpack_from(">H", data, 8)[0]
        fixed = struct.unpack_from(f">{_PARAMETERS[kind]}i", data, 12) if kind < len(_PARAMETERS) else ()
        return _parametric(kind, tuple(number / 65_536 for number in fixed)) if fixed else None
    if data[:4] != b"curv":
        return None
    count = struct.unpack_from(">I", data, 8)[0]
    steps = np.linspace(0, 1, _POINTS)
    if count <= 1:
        return steps ** (struct.unpack_from(">H", data, 12)[0] / 256 if count else 1.0)
    values = np.frombuffer(data, ">u2", count, 12) / 65_535
    return np.asarray(np.interp(steps, np.linspace(0, 1, count), values))


def _parametric(kind: int, numbers: tuple[float, ...]) -> NDArray[np.float64]:
    """Return a parametric curve: (a·x + b) ** g + e from a limit on, and c·x + f below."""
    power, a, b, c, limit, e, f = (*numbers, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)[:7]
    if kind == 0:
        a = 1.0
    elif kind in (1, 2):
        limit, e, f, c = -b / a, c, c, 0.0
    steps = np.linspace(0, 1, _POINTS)
    upper = np.maximum(a * steps + b, 0) ** power + e
    return np.where(steps >= limit, upper, c * steps + f)


def _linear(values: Pixels, white: float, curve: Curve) -> Pixels:
    """Return linear float values; those outside black and white are continued with slope 1."""
    if values.dtype != np.float32:
        steps = np.arange(int(white) + 1) * ((_POINTS - 1) / white)
        return np.asarray(curve[np.rint(steps).astype(np.intp)][values])
    values = np.nan_to_num(values)
    inside = np.clip(values, 0, 1)
    return np.asarray(curve[np.rint(inside * (_POINTS - 1)).astype(np.intp)] + (values - inside), np.float32)


def _encoded(linear: Pixels, curve: Curve) -> Pixels:
    inside = np.clip(linear, curve[0], curve[-1])
    encoded = np.interp(inside, curve, np.linspace(0, 1, _POINTS)) + (linear - inside)
    return np.asarray(encoded, np.float32)


def _resized(values: Pixels, height: int, width: int) -> Pixels:
    from denoiser.imageio import screen  # libvips, which only resizing needs

    return screen.resized(values[:, :, np.newaxis], height, width, kernel=_FILTER)[:, :, 0]
