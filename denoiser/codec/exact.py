"""Lossless storage of an image or an alpha plane inside a latent file, as WebP or PNG.

WebP for 8 bits up to its maximum size, otherwise PNG. Decoded images are validated: a wrong bit depth, size or
number of channels raises DamagedLatent. Thread-safe.
"""

from __future__ import annotations

import numpy as np

from denoiser import imageio
from denoiser.codec.container import Exact
from denoiser.errors import DamagedLatent, UnreadableImage, UnwritableImage
from denoiser.image import Image, Pixels
from denoiser.options import ReadOptions

_WEBP_SIDE = 16_383  # maximum of the WebP format


def encode(image: Image) -> Exact:
    """Encode pixels and alpha of *image*; raises UnwritableImage for float pixels."""
    if image.pixels.dtype == np.float32:
        raise UnwritableImage(
            "has float pixels; lossless latent files support 8 and 16 bits",
            hint="Encode it with --quality, or keep the TIFF.",
        )
    bare = Image(image.pixels, alpha=image.alpha)  # the bit depth of the array type, whatever the values mean
    codec = "webp" if bare.bits == 8 and max(bare.width, bare.height) <= _WEBP_SIDE else "png"
    return Exact(codec, imageio.encode(bare, codec))


def decode(exact: Exact, width: int, height: int, *, channels: int, bits: int, has_alpha: bool) -> Image:
    """Decode the image; raises DamagedLatent if its size or kind differs."""
    decoded = _decoded(exact, width, height)
    pixels = _grey(decoded.pixels) if channels == 1 else decoded.pixels
    alpha = decoded.alpha
    if alpha is None and has_alpha and exact.codec == "webp":
        alpha = np.full(pixels.shape[:2], 255, np.uint8)  # WebP omits an opaque alpha channel
    if pixels.shape[2] != channels or (alpha is not None) != has_alpha:
        raise DamagedLatent("corrupt: the lossless image has the wrong number of channels")
    return Image(_within(pixels, bits), alpha=None if alpha is None else _within(alpha, bits), bits=bits)


def encode_plane(plane: Pixels) -> Exact:
    """Encode one plane (height, width) of 8 or 16 bits; raises UnwritableImage for float values."""
    return encode(Image(plane[:, :, np.newaxis]))


def decode_plane(exact: Exact, width: int, height: int, *, bits: int) -> Pixels:
    """Decode the plane."""
    decoded = _decoded(exact, width, height)
    if decoded.alpha is not None:
        raise DamagedLatent("corrupt: the alpha plane has alpha itself")
    return _within(_grey(decoded.pixels), bits)[:, :, 0]


def _decoded(exact: Exact, width: int, height: int) -> Image:
    try:
        image = imageio.read_bytes(exact.data, "the lossless image", ReadOptions(max_pixels=width * height))
    except UnreadableImage as error:
        raise DamagedLatent(f"corrupt: the lossless image cannot be read ({error.message.rstrip('.')})") from error
    if (image.width, image.height) != (width, height):
        raise DamagedLatent("corrupt: the lossless image has the wrong size")
    return image


def _grey(pixels: Pixels) -> Pixels:
    """One channel of three equal channels, as WebP stores grey."""
    if pixels.shape[2] == 1:
        return pixels
    first = pixels[:, :, :1]
    if (pixels != first).any():
        raise DamagedLatent("corrupt: the lossless image has colours instead of grey")
    return first


def _within(values: Pixels, bits: int) -> Pixels:
    dtype = np.uint8 if bits <= 8 else np.uint16
    if values.dtype != dtype or int(values.max()) >= 1 << bits:
        raise DamagedLatent(f"corrupt: the lossless image does not have {bits} bits")
    return values
