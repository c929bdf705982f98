"""Writes an image: converts size and depth, encodes the pixels, embeds metadata, and writes the file atomically."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from denoiser.atomicfile import whole_file
from denoiser.errors import UnwritableImage, UsageError
from denoiser.image import Cicp, Image, JpegTables, Metadata, Pixels
from denoiser.imageio import colour, containers, depth, formats, pillow_bridge, sizing
from denoiser.imageio.formats import Format
from denoiser.options import WriteOptions, bits_of

JPEG_QUALITY = 95  # for images that were not JPEG
WEBP_QUALITY = 95  # for lossy sources; the second loss is less than one 8-bit step on average
AVIF_QUALITY = 90
_WITH_CICP = ("png", "avif", "jxl")


def write(image: Image, path: Path, options: WriteOptions = WriteOptions(), *, format: str = "") -> None:
    """Write the image atomically in *format* or that of the suffix, with the source's times.

    Raises UnwritableImage if the format cannot store the image, or writing fails.
    """
    row = formats.ROWS[format] if format else formats.by_suffix(path)
    with naming(path):
        encoded = encode(image, row.key, options)
    with whole_file(path, times_ns=image.origin.times_ns if image.origin else None) as file:
        file.write(encoded)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Add the name of the output to errors."""
    try:
        yield
    except UnwritableImage as error:
        raise type(error)(f"{path} {error.message}", hint=error.hint) from error


def encode(image: Image, format: str, options: WriteOptions = WriteOptions()) -> bytes:
    """Return the bytes of a file in this format, a key of `formats.ROWS`."""
    row = formats.ROWS.get(format)
    if row is None or not row.depths:
        raise UsageError(f"{row.name if row else format!r} cannot be written.")
    refuse_alpha(image, row)
    bits = depth.fitting(bits_of(options) or image.bits, row.depths)
    image = sizing.reduced(image, options, bits)
    pixels, alpha = depth.at_depth(image, bits)
    if not row.alpha:
        alpha = None
    metadata = Metadata() if options.strip else pillow_bridge.renewed(image)
    colours = _colours(image, row, metadata)
    encoded = _encode_pixels(image, row, options, pixels, alpha, bits, colours)
    return containers.embed(encoded, row.key, metadata, *colours)


def refuse_alpha(image: Image, row: Format) -> None:
    """Raise UnwritableImage if the image has transparent pixels, and this format cannot store them."""
    if image.alpha is None or row.alpha:
        return
    alpha = depth.rescale(image.alpha, image.white, max(row.depths))
    if not np.all(alpha == alpha.dtype.type((1 << max(row.depths)) - 1)):
        raise UnwritableImage(
            f"cannot be written: {row.name} does not support transparency.", hint="Use PNG, TIFF, WebP or AVIF."
        )


def refuse_colours(profile: bytes | None, cicp: Cicp | None, row: Format) -> None:
    """Raise UnwritableImage if this format cannot store the colours: PQ and HLG without a profile."""
    if cicp is None or profile is not None or _holds(row, cicp) or colour.describes_srgb(cicp):
        return
    raise UnwritableImage(
        f"cannot be written: {row.name} cannot store these colours ({colour.name_of(cicp)}).",
        hint="Use --format png, avif or jxl." if cicp.full_range else "Use --format png.",
    )


def _holds(row: Format, cicp: Cicp) -> bool:
    return row.key in _WITH_CICP and (row.key == "png" or cicp.full_range)


def _colours(image: Image, row: Format, metadata: Metadata) -> tuple[bytes | None, Cicp | None]:
    """Return the profile and the code points for this format; raise UnwritableImage if it cannot store the colours.

    A profile that was made from code points or chunks is left out where these are stored.
    """
    refuse_colours(image.profile, image.cicp, row)
    profile, cicp = image.profile, image.cicp if image.cicp and _holds(row, image.cicp) else None
    if profile and cicp and profile == colour.profile_of(cicp, image.channels):
        return None, cicp
    if profile and row.key == "png" and profile == colour.profile_of_png(metadata.png, image.channels):
        return None, cicp
    return profile, cicp


def losses(image: Image, format: str, options: WriteOptions = WriteOptions()) -> tuple[str, ...]:
    """Return notes on what this format cannot store of the image, and on options without an effect on it."""
    row = formats.ROWS[format]
    words = []
    if row.depths and depth.fitting(image.bits, row.depths) < image.bits:
        words.append(f"{image.bits} bits reduced to {max(row.depths)} in {row.name}")
    left_out = containers.not_carried(format, image.metadata, image.profile)
    words += [f"{row.name} holds no {word}" for word in left_out]
    if row.key == "avif" and image.alpha is not None and options.quality is not None:
        words.append("AVIF with transparency is always lossless: --quality has no effect")
    if image.metadata.exif and containers.exif.has_preview_in_note(image.metadata.exif):
        words.append("the preview in the camera's MakerNote still shows the source")
    return tuple(words)


def _encode_pixels(
    image: Image,
    row: Format,
    options: WriteOptions,
    pixels: Pixels,
    alpha: Pixels | None,
    bits: int,
    colours: tuple[bytes | None, Cicp | None],
) -> bytes:
    if row.key == "jpeg":
        from denoiser.imageio.backends import pillow

        tables = _tables(image) if options.quality is None else None
        return pillow.encode_jpeg(pixels, tables=tables, quality=options.quality or JPEG_QUALITY)
    samples = pixels if alpha is None else np.dstack([pixels, alpha])
    lossless = image.origin is None or image.origin.lossless
    if row.key == "jxl":
        from denoiser.imageio.backends import jpegxl

        return jpegxl.encode(samples, *colours, lossless=lossless)
    from denoiser.imageio.backends import libvips

    lossless = lossless and options.quality is None
    if row.key == "png":
        return libvips.encode_png(samples)
    if row.key == "tiff":
        return libvips.encode_tiff(samples)
    if row.key == "webp":
        return libvips.encode_webp(samples, lossless=lossless, quality=options.quality or WEBP_QUALITY)
    # AV1 encodes alpha with the same loss as the colours, but alpha must not change.
    lossless, quality = lossless or alpha is not None, options.quality or AVIF_QUALITY
    return libvips.encode_avif(samples, bits, colours[0], lossless=lossless, quality=quality)


def _tables(image: Image) -> JpegTables | None:
    return image.origin.jpeg if image.origin else None
