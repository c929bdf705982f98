"""Images to and from Pillow; EXIF thumbnails; and pixels turned upright by the EXIF orientation."""

from __future__ import annotations

import dataclasses
import sys
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from denoiser.errors import UsageError
from denoiser.image import Image, Metadata, Origin, Pixels
from denoiser.imageio import containers, depth
from denoiser.imageio.containers import exif

if TYPE_CHECKING:
    from typing import TypeAlias

    from PIL import Image as PillowImage

    PilImage: TypeAlias = PillowImage.Image


# Conversions of modes by Pillow without loss; others are converted below with a note.
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
# Modes that an image can be given back in. A cleaned image has other colours than the palette of P, PA and 1.
_RESTORED = {"I", "La", "RGBX", "RGBa", "YCbCr", "HSV"}


def is_pil(value: Any) -> TypeGuard[PilImage]:
    """Whether *value* is a Pillow image. Does not import Pillow: if an image exists, it is already imported."""
    pillow = sys.modules.get("PIL.Image")
    return pillow is not None and isinstance(value, pillow.Image)


def from_pil(picture: PillowImage.Image) -> Image:
    """An image from a Pillow image of any mode with a defined meaning; upright, with its profile and metadata.

    CMYK and Lab go through their profiles to sRGB, as when a file is read. Copies the pixels.
    """
    picture.load()
    samples, mode, bits, note = _samples(picture)
    exif = picture.info.get("exif")
    exif = containers.exif.unprefixed(exif) if isinstance(exif, bytes) else None
    number = picture.getexif().get(0x0112, 1)
    samples = turned(samples, number if isinstance(number, int) else 1)
    height, width, bands = samples.shape
    colours = bands - (1 if bands in (2, 4) else 0)
    metadata = containers.upright(
        Metadata(exif=exif, xmp=_xmp(picture), resolution=_resolution(picture)), width, height, orientation=number
    )
    profile = picture.info.get("icc_profile") if not note else None
    return Image(
        samples[:, :, :colours],
        alpha=samples[:, :, colours] if bands != colours else None,
        bits=bits,
        profile=profile or None,
        metadata=metadata,
        origin=Origin(format="png", mode=mode, notes=(note,) if note else ()),
    )


def to_pil(image: Image, *, mode: str = "") -> PillowImage.Image:
    """A Pillow image of the image: 8 bits, but 16-bit grey as I;16 and float grey as F, which Pillow has.

    Pillow has no deeper colour: such images are rounded to 8 bits. Alpha stays; with alpha grey is 8-bit, too.
    *mode* is that of the Pillow image it came from: the result has it too, except for P, PA, 1, CMYK and Lab.
    """
    from PIL import Image as pillow

    if image.channels == 1 and image.alpha is None and image.bits > 8:
        bits = 32 if image.bits == 32 else 16
        picture = pillow.fromarray(depth.rescale(image.pixels[:, :, 0], image.white, bits))
    else:
        pixels, alpha = depth.at_depth(image, 8)
        samples = pixels if alpha is None else np.dstack([pixels, alpha])
        picture = pillow.fromarray(np.ascontiguousarray(samples[:, :, 0] if samples.shape[2] == 1 else samples))
    if mode in _RESTORED:
        picture = picture.convert(mode)
    if image.profile:
        picture.info["icc_profile"] = image.profile
    if image.metadata.exif:
        picture.info["exif"] = b"Exif\0\0" + image.metadata.exif
    if image.metadata.xmp:
        picture.info["xmp"] = image.metadata.xmp
    if image.metadata.resolution:
        picture.info["dpi"] = image.metadata.resolution
    return picture


def _samples(picture: PillowImage.Image) -> tuple[np.ndarray, str, int, str]:
    """Samples (H, W, bands), the mode, the depth, and a note if colours were converted."""
    mode = picture.mode
    transparent = "transparency" in picture.info
    if mode == "P":
        return np.asarray(picture.convert("RGBA" if transparent else "RGB")), "palette", 8, ""
    if mode in ("L", "1") and transparent:
        return np.asarray(picture.convert("LA")), "grey+alpha", 8, ""
    if mode == "RGB" and transparent:
        return np.asarray(picture.convert("RGBA")), "rgba", 8, ""
    if mode in _EXACT:
        target, word = _EXACT[mode]
        samples = np.asarray(picture if mode == target else picture.convert(target))
        return samples if samples.ndim == 3 else samples[:, :, np.newaxis], word, 8, ""
    if mode in _WIDE:
        return np.asarray(picture).astype(np.uint16)[:, :, np.newaxis], "grey", 16, ""
    if mode == "F":
        return np.asarray(picture)[:, :, np.newaxis], "grey", 32, ""
    if mode == "I":
        return _from_wide_integers(np.asarray(picture)), "grey", 16, ""
    if mode in ("CMYK", "LAB"):
        from denoiser.imageio import colour

        return colour.pillow_to_srgb(picture), mode.lower(), 8, f"{mode} was converted to sRGB"
    raise UsageError(f"Unsupported mode {mode!r} of a Pillow image.")


def _from_wide_integers(values: np.ndarray) -> np.ndarray:
    if values.min() < 0 or values.max() > 0xFFFF:
        raise UsageError("Values of a Pillow image of mode 'I' must be between 0 and 65535.")
    return values.astype(np.uint16)[:, :, np.newaxis]


def _xmp(picture: PillowImage.Image) -> bytes | None:
    packet = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp")
    return packet.encode() if isinstance(packet, str) else packet


def _resolution(picture: PillowImage.Image) -> tuple[float, float] | None:
    dots = picture.info.get("dpi")
    return (float(dots[0]), float(dots[1])) if dots else None


_SIDE = 160  # what Exif 2.3 recommends, and what cameras write
_QUALITY = 80


def renewed(image: Image) -> Metadata:
    """The image's metadata, with a thumbnail of its present pixels where it had one."""
    metadata = image.metadata
    if metadata.exif is None or not exif.has_thumbnail(metadata.exif):
        return metadata
    return dataclasses.replace(metadata, exif=exif.with_thumbnail(metadata.exif, small_jpeg(image)))


def small_jpeg(image: Image) -> bytes:
    """The image as a JPEG that is 160 pixels long at most."""
    from denoiser.imageio.backends import pillow

    step = max(
        1, min(image.height, image.width) // (4 * _SIDE)
    )  # reduced first, so that 24 MP are not all converted to 8 bits
    small = depth.rescale(image.pixels[::step, ::step], image.white, 8)
    return pillow.encode_jpeg(pillow.shrink(small, _SIDE), tables=None, quality=_QUALITY)


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """A view of *pixels* (H, W, …) turned upright; an unknown orientation changes nothing."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def turned(pixels: Pixels, orientation: int) -> Pixels:
    """*pixels* turned upright, in one contiguous block for encoders and networks."""
    return np.ascontiguousarray(upright(pixels, orientation))


def swaps_sides(orientation: int) -> bool:
    """Whether the orientation swaps width and height."""
    return orientation in (5, 6, 7, 8)
