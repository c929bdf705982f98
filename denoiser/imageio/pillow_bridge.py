"""Converts images from and to Pillow, renews EXIF thumbnails, and turns pixels upright."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from denoiser.errors import UsageError
from denoiser.image import Image, Metadata, Origin, Pixels
from denoiser.imageio import colour, containers, depth
from denoiser.imageio.containers import exif

if TYPE_CHECKING:
    from typing import TypeAlias

    from PIL import Image as PillowImage

    PilImage: TypeAlias = PillowImage.Image


# Modes that Pillow converts without loss; others are converted below with a note.
_EXACT = {
    "1": ("L", "bilevel"),
    "L": ("L", "grey"),
    "LA": ("LA", "grey+alpha"),
    "La": ("LA", "grey+alpha"),
    "RGB": ("RGB", "rgb"),
    "RGBX": ("RGB", "rgb"),
    "RGBA": ("RGBA", "rgba"),
    "RGBa": ("RGBA", "rgba"),
    "YCbCr": ("RGB", "rgb"),
    "HSV": ("RGB", "rgb"),
    "PA": ("RGBA", "palette"),
}
_WIDE = {"I;16", "I;16L", "I;16B", "I;16N"}
# Modes that an image can be converted back to. A cleaned image has other colours than the palette of P, PA and 1.
_RESTORED = {"I", "La", "RGBX", "RGBa", "YCbCr", "HSV"}


def is_pil(value: Any) -> TypeGuard[PilImage]:
    """Return whether *value* is a Pillow image, without importing Pillow."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(value, pillow.Image)


def from_pil(image: PillowImage.Image) -> Image:
    """Return an upright copy of a Pillow image, with its profile and metadata.

    CMYK and Lab are converted to sRGB by their profiles, as when a file is read.
    """
    image.load()
    samples, mode, bits, note = _samples(image)
    exif = image.info.get("exif")
    exif = containers.exif.unprefixed(exif) if isinstance(exif, bytes) else None
    number = image.getexif().get(0x0112, 1)
    samples = turned(samples, number if isinstance(number, int) else 1)
    height, width, bands = samples.shape
    colours = bands - (1 if bands in (2, 4) else 0)
    metadata = containers.upright(
        Metadata(exif=exif, xmp=_xmp(image), resolution=_resolution(image)), width, height, orientation=number
    )
    profile = image.info.get("icc_profile") if not note else None
    return Image(
        samples[:, :, :colours],
        alpha=samples[:, :, colours] if bands != colours else None,
        bits=bits,
        profile=profile or None,
        cicp=colour.hdr_in(profile) if profile else None,
        metadata=metadata,
        origin=Origin(format="png", mode=mode, notes=(note,) if note else ()),
    )


def to_pil(image: Image, *, mode: str = "") -> PillowImage.Image:
    """Return a Pillow image: 8 bits, or I;16 for 16-bit grey and F for float grey without alpha.

    Pillow has no deeper colour, so deeper images are rounded to 8 bits, and no code points, so those of PQ and HLG
    become a profile. *mode* is that of the original Pillow
    image; the result has it, too, except for P, PA, 1, CMYK and Lab.
    """
    from PIL import Image as pillow

    if image.channels == 1 and image.alpha is None and image.bits > 8:
        bits = 32 if image.bits == 32 else 16
        made = pillow.fromarray(depth.rescale(image.pixels[:, :, 0], image.white, bits))
    else:
        pixels, alpha = depth.at_depth(image, 8)
        samples = pixels if alpha is None else np.dstack([pixels, alpha])
        made = pillow.fromarray(np.ascontiguousarray(samples[:, :, 0] if samples.shape[2] == 1 else samples))
    if mode in _RESTORED:
        made = made.convert(mode)
    made_from = image.cicp, image.channels
    if profile := image.profile or colour.profile_of(*made_from) or colour.hdr_profile_of(*made_from):
        made.info["icc_profile"] = profile
    if image.metadata.exif:
        made.info["exif"] = b"Exif\0\0" + image.metadata.exif
    if image.metadata.xmp:
        made.info["xmp"] = image.metadata.xmp
    if image.metadata.resolution:
        made.info["dpi"] = image.metadata.resolution
    return made


def _samples(image: PillowImage.Image) -> tuple[np.ndarray, str, int, str]:
    """Return samples (H, W, bands), the mode, the depth, and a note if colours were converted."""
    mode = image.mode
    transparent = "transparency" in image.info
    if mode == "P":
        return np.asarray(image.convert("RGBA" if transparent else "RGB")), "palette", 8, ""
    if mode in ("L", "1") and transparent:
        return np.asarray(image.convert("LA")), "grey+alpha", 8, ""
    if mode == "RGB" and transparent:
        return np.asarray(image.convert("RGBA")), "rgba", 8, ""
    if mode in _EXACT:
        target, word = _EXACT[mode]
        samples = np.asarray(image if mode == target else image.convert(target))
        return samples if samples.ndim == 3 else samples[:, :, np.newaxis], word, 8, ""
    if mode in _WIDE:
        return np.asarray(image).astype(np.uint16)[:, :, np.newaxis], "grey", 16, ""
    if mode == "F":
        return np.asarray(image)[:, :, np.newaxis], "grey", 32, ""
    if mode == "I":
        return _from_wide_integers(np.asarray(image)), "grey", 16, ""
    if mode in ("CMYK", "LAB"):
        return colour.pillow_to_srgb(image), mode.lower(), 8, f"{mode} was converted to sRGB"
    raise UsageError(f"Unsupported mode {mode!r} of a Pillow image.")


def _from_wide_integers(values: np.ndarray) -> np.ndarray:
    if values.min() < 0 or values.max() > 0xFFFF:
        raise UsageError("Values of a Pillow image of mode 'I' must be between 0 and 65535.")
    return values.astype(np.uint16)[:, :, np.newaxis]


def _xmp(image: PillowImage.Image) -> bytes | None:
    packet = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp")
    return packet.encode() if isinstance(packet, str) else packet


def _resolution(image: PillowImage.Image) -> tuple[float, float] | None:
    dots = image.info.get("dpi")
    return (float(dots[0]), float(dots[1])) if dots else None


_SIDE = 160  # what Exif 2.3 recommends, and what cameras write
_QUALITY = 80


def renewed(image: Image) -> Metadata:
    """Return the metadata, with the size of a crop, and with a new EXIF thumbnail if there is one."""
    metadata = image.metadata
    size = (image.width, image.height)
    if image.origin and image.origin.size not in (None, size):
        metadata = containers.with_size(metadata, *size)
    if metadata.exif is None or not exif.has_thumbnail(metadata.exif):
        return metadata
    return dataclasses.replace(metadata, exif=exif.with_thumbnail(metadata.exif, small_jpeg(image)))


def small_jpeg(image: Image) -> bytes:
    """Return the image as a JPEG of at most 160 by 160 pixels."""
    from denoiser.imageio.backends import pillow

    # Reduced first, so that not all pixels are converted to 8 bits.
    step = max(1, min(image.height, image.width) // (4 * _SIDE))
    small = depth.rescale(image.pixels[::step, ::step], image.white, 8)
    return pillow.encode_jpeg(pillow.shrink(small, _SIDE), tables=None, quality=_QUALITY)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Return an upright view of *pixels* (H, W, …); an unknown orientation changes nothing."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def turned(pixels: Pixels, orientation: int) -> Pixels:
    """Return upright *pixels* as a contiguous array."""
    return np.ascontiguousarray(upright(pixels, orientation))


def swaps_sides(orientation: int) -> bool:
    """Return whether the orientation swaps width and height."""
    return orientation in (5, 6, 7, 8)
