"""Lossless storage of an image or an alpha plane inside a latent file, as WebP or PNG.

WebP for 8 bits where it has room, PNG for the rest and for 16 bits. What is read back is proven to be of the kind
that the file says: values beyond its bits, another size or other channels are DamagedLatent. Any thread.
"""

from __future__ import annotations

import numpy as np

from denoiser import imageio
from denoiser.codec.container import Exact
from denoiser.errors import DamagedLatent, UnreadableImage, UnwritableImage
from denoiser.image import Image, Pixels
from denoiser.options import ReadOptions

_WEBP_SIDE = 16_383  # the longest that WebP can say


def encode(image: Image) -> Exact:
    """Pixels and alpha of *image*, and nothing beside them; UnwritableImage where they are float."""
    return _encode(image.pixels, image.alpha)


def decode(exact: Exact, width: int, height: int, *, channels: int, bits: int, has_alpha: bool) -> Image:
    """The image again, of this size and kind; DamagedLatent where it is of another."""
    picture = _decoded(exact, width, height)
    pixels = _grey(picture.pixels) if channels == 1 else picture.pixels
    alpha = picture.alpha
    if alpha is None and has_alpha and exact.codec == "webp":
        alpha = np.full(pixels.shape[:2], 255, np.uint8)  # WebP leaves an alpha out that hides nothing
    if pixels.shape[2] != channels or (alpha is not None) != has_alpha:
        raise DamagedLatent("an exact picture with other channels than the file says")
    return Image(_within(pixels, bits), alpha=None if alpha is None else _within(alpha, bits), bits=bits)


def encode_plane(plane: Pixels) -> Exact:
    """One plane (height, width) of 8 or 16 bits, such as alpha; UnwritableImage where it is float."""
    return _encode(plane[:, :, np.newaxis], None)


def decode_plane(exact: Exact, width: int, height: int, *, bits: int) -> Pixels:
    """The plane again."""
    picture = _decoded(exact, width, height)
    if picture.alpha is not None:
        raise DamagedLatent("a plane with alpha of its own")
    return _within(_grey(picture.pixels), bits)[:, :, 0]


def _encode(pixels: Pixels, alpha: Pixels | None) -> Exact:
    if pixels.dtype == np.float32:
        raise UnwritableImage(
            "holds float values, and exact latents hold 8 and 16 bits",
            hint="Encode it with --quality, or keep the TIFF.",
        )
    bare = Image(pixels, alpha=alpha)  # as many bits as its numbers have: values are kept, and not their meaning
    codec = "webp" if bare.bits == 8 and max(bare.width, bare.height) <= _WEBP_SIDE else "png"
    return Exact(codec, imageio.encode(bare, codec))


def _decoded(exact: Exact, width: int, height: int) -> Image:
    try:
        picture = imageio.read_bytes(exact.data, "the exact picture", ReadOptions(max_pixels=width * height))
    except UnreadableImage as error:
        raise DamagedLatent(f"holds an exact picture that cannot be read ({error.message.rstrip('.')})") from error
    if (picture.width, picture.height) != (width, height):
        raise DamagedLatent("holds an exact picture of another size than the file says")
    return picture


def _grey(pixels: Pixels) -> Pixels:
    """One channel of three alike, as WebP keeps grey."""
    if pixels.shape[2] == 1:
        return pixels
    first = pixels[:, :, :1]
    if (pixels != first).any():
        raise DamagedLatent("an exact picture with colours where the file says grey")
    return first


def _within(values: Pixels, bits: int) -> Pixels:
    dtype = np.uint8 if bits <= 8 else np.uint16
    if values.dtype != dtype or int(values.max()) >= 1 << bits:
        raise DamagedLatent(f"an exact picture that is not of {bits} bits")
    return values
