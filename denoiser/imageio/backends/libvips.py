"""libvips: reads and writes PNG, TIFF, WebP and AVIF at every depth, and reads JPEG with decoder warnings.

Only the loaders listed here are called, without format detection and cache, and reading stops at the first warning,
except for warnings about tags of a TIFF.
docs/decisions/0002-second-image-backend.md explains the choice.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyvips

from denoiser.errors import UnreadableImage, UnsupportedFormat, UnwritableImage
from denoiser.image import Pixels
from denoiser.imageio import colour, source
from denoiser.imageio.backends import DecodedImage
from denoiser.imageio.containers import Inspection, ifd, tiff
from denoiser.imageio.containers.span import ByteSpan

pyvips.cache_set_max(0)  # a cached operation would keep its image in memory
pyvips.block_untrusted_set(True)
# Warnings end the read and are part of the error, or become notes; logging them would repeat them.
_log = logging.getLogger("pyvips")
_log.setLevel(logging.CRITICAL)

# libjpeg reports warnings of the last rows after libvips has checked for them. They are only in an error buffer
# that all threads share, so only one thread decodes at a time. Encoding, which other threads do meanwhile, calls
# operations by name: `image.copy(…)` would first look for a property "copy", and leave an error in that buffer.
_decoding = threading.Lock()

_LOADERS: dict[str, Callable[..., Any]] = {
    "jpeg": pyvips.Image.jpegload_buffer,
    "png": pyvips.Image.pngload_buffer,
    "tiff": pyvips.Image.tiffload_buffer,
    "webp": pyvips.Image.webpload_buffer,
    "avif": pyvips.Image.heifload_buffer,
}
_DTYPES = {"uchar": np.uint8, "ushort": np.uint16, "float": np.float32}
_FORMATS = {"uint8": "uchar", "uint16": "ushort", "float32": "float"}
_COLOURS = {"b-w": 1, "grey16": 1, "srgb": 3, "rgb": 3, "rgb16": 3, "scrgb": 3, "cmyk": 4}


def library_version() -> str:
    """Return the version of libvips, which differs from that of pyvips."""
    return ".".join(str(pyvips.version(place)) for place in range(3))


def decode(data: bytes, key: str, inspection: Inspection, max_pixels: int) -> DecodedImage:
    """Return the first image of *data*; raise UnreadableImage at the first warning of the decoder."""
    with _decoding:
        pyvips.vips_lib.vips_error_clear()
        try:
            image, converted, samples, notes = _decoded(data, key, inspection, max_pixels)
        except pyvips.Error as error:
            raise _refusal(str(error)) from error
        complaint = _complaint() if key in ("jpeg", "tiff") else ""
    if complaint:
        raise _refusal(complaint)
    page = None
    if key == "tiff":
        page = ifd.read_first(ByteSpan(data))
        tiff.check_checksums(data, samples.nbytes)
    if key == "avif" and _is_monochrome(data):
        samples = samples[:, :, ::2] if samples.shape[2] == 4 else samples[:, :, :1]
        samples = np.ascontiguousarray(samples)
    has_alpha = samples.shape[2] in (2, 4)
    bits = _bits(image, samples)
    if bits in (10, 12):
        samples = samples >> (16 - bits)  # libvips shifts them to the top of 16 bits
    return DecodedImage(
        samples=samples,
        has_alpha=has_alpha,
        bits=bits,
        mode=_mode(image, samples.shape[2], has_palette=page is not None and page.integer(tiff.PHOTOMETRIC) == 3),
        lossless=_is_lossless(data, key, inspection),
        is_upright=key == "avif",
        in_srgb=converted is not image,
        notes=(*notes, *(_notes_of_tiff(page, samples) if page else ())),
    )


def _decoded(data: bytes, key: str, inspection: Inspection, max_pixels: int) -> tuple[Any, Any, Pixels, list[str]]:
    """Return the image of libvips, the same in RGB or grey, its samples, and notes.

    Warnings about the tags of a TIFF become notes. libtiff warns of them while it reads the header; a new warning
    while pixels are decoded is about image data.
    """
    with _collected_warnings() as warnings:
        image = _LOADERS[key](data, access="sequential", fail_on="error" if key == "tiff" else "warning")
        source.refuse_pixels(image.width, image.height, max_pixels)
        _check_header(image, inspection)
        about_tags = set(warnings)
        notes, converted = _to_rgb(image, inspection)
        samples = _samples(converted)
    if key == "tiff":
        found = list(dict.fromkeys(warnings))
        damage = [words for words in found if words not in about_tags and _OLD_LZW not in words]
        if damage:
            raise _refusal(damage[0])
        notes += [f"libtiff warns: {words}" for words in found[:_MAX_WARNINGS]]
    return image, converted, samples, notes


_OLD_LZW = "Old-style LZW"  # a variant of early libtiff versions, which is decoded correctly
_MAX_WARNINGS = 5


@contextmanager
def _collected_warnings() -> Iterator[list[str]]:
    """Collect the warnings of libvips and its decoders."""
    warnings: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: warnings.append(_printable(record))  # type: ignore[method-assign]
    _log.addHandler(handler)
    _log.setLevel(logging.WARNING)
    _log.propagate = False
    try:
        yield warnings
    finally:
        _log.propagate = True
        _log.setLevel(logging.CRITICAL)
        _log.removeHandler(handler)


def _printable(record: logging.LogRecord) -> str:
    text = record.getMessage().removeprefix("VIPS: ")[:200]
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def glance(data: bytes, key: str, side: int) -> Pixels:
    """Return 8-bit sRGB samples (H, W, bands) of at most *side* by *side*, not rotated; warnings are ignored."""
    with _decoding:
        pyvips.vips_lib.vips_error_clear()
        try:
            image = _LOADERS[key](data, access="sequential", fail_on="none")
            if key == "jpeg" and (shrink := _shrink(max(image.width, image.height), side)) > 1:
                image = _LOADERS[key](data, access="sequential", fail_on="none", shrink=shrink)
            return _shrunk(image, side)
        except pyvips.Error as error:
            raise _refusal(str(error)) from error
        finally:
            pyvips.vips_lib.vips_error_clear()


def glance_at(samples: Pixels, profile: bytes | None, side: int) -> Pixels:
    """Do the same with decoded samples (H, W, bands)."""
    with _decoding:
        try:
            return _shrunk(_in_memory(samples, profile), side)
        except pyvips.Error as error:
            raise _refusal(str(error)) from error


def _shrink(longer: int, side: int) -> int:
    """Return how much libjpeg may shrink the image so that enough pixels are left for a good filter."""
    return next((step for step in (8, 4, 2) if longer >= 2 * side * step), 1)


def _shrunk(image: Any, side: int) -> Pixels:
    small = image.thumbnail_image(side, height=side, size="down", no_rotate=True, export_profile="srgb")
    return _samples(small.colourspace("srgb").cast("uchar"))


def _samples(image: Any) -> Pixels:
    """Return an array (H, W, bands); pyvips omits axes of grey images."""
    return np.asarray(image.numpy()).reshape(image.height, image.width, image.bands)


def _check_header(image: Any, inspection: Inspection) -> None:
    if inspection.width and (image.width, image.height) != (inspection.width, inspection.height):
        turned = (image.height, image.width) == (inspection.width, inspection.height)
        if not (turned and inspection.orientation > 4):
            raise UnreadableImage(
                f"is inconsistent: {inspection.width}x{inspection.height} in the container, "
                f"{image.width}x{image.height} in the image data"
            )
    colours = _COLOURS.get(image.interpretation)
    if image.format not in _DTYPES:
        raise UnsupportedFormat(f"has unsupported samples of type {image.format} (supported: 8 and 16 bits, float)")
    if colours is None:
        raise UnsupportedFormat(f"has unsupported colours {image.interpretation} (supported: grey, RGB and CMYK)")
    if image.bands not in (colours, colours + 1):
        raise UnsupportedFormat(
            f"has {image.bands} channels (supported: grey, RGB and CMYK, with or without alpha)"
        )
    if image.get_typeof("bits-per-sample") and image.get("bits-per-sample") == 64:
        raise UnsupportedFormat("has unsupported 64-bit samples")


def _to_rgb(image: Any, inspection: Inspection) -> tuple[list[str], Any]:
    if image.interpretation != "cmyk":
        return [], image
    usable = inspection.profile is not None and colour.is_cmyk(inspection.profile)
    words = "with its profile" if usable else "with a generic profile, because it has no usable profile"
    depth = 16 if image.format == "ushort" else 8
    converted = image.icc_transform("srgb", embedded=usable, input_profile="cmyk", intent="relative", depth=depth)
    return [f"CMYK was converted to sRGB {words}"], converted


def _bits(image: Any, samples: Pixels) -> int:
    if samples.dtype == np.float32:
        return 32
    if samples.dtype == np.uint16 and image.get_typeof("heif-compression"):
        return int(image.get("bits-per-sample"))
    return 16 if samples.dtype == np.uint16 else 8


def _notes_of_tiff(page: ifd.Directory, samples: Pixels) -> list[str]:
    """Return notes on what libvips does not report."""
    notes = []
    if page.integer(tiff.EXTRA_SAMPLES) == 1:
        notes.append("premultiplied alpha was converted to straight alpha")
    if samples.dtype == np.float32:
        if not np.isfinite(samples).all():
            notes.append("some values are NaN or infinite")
        elif samples.max() > _BRIGHTEST_LIKELY:
            notes.append(f"values reach {samples.max():g}; 1.0 is treated as white")
    return notes


_BRIGHTEST_LIKELY = 64  # six stops above white; larger values probably have a range of 255 or 65535


def _mode(image: Any, bands: int, *, has_palette: bool) -> str:
    if image.interpretation == "cmyk":
        return "cmyk"
    if has_palette or image.get_typeof("palette"):
        return "palette"
    if bands == 1 and image.get_typeof("bits-per-sample") and image.get("bits-per-sample") == 1:
        return "bilevel"
    return {1: "grey", 2: "grey+alpha", 3: "rgb", 4: "rgba"}[bands]


def _is_lossless(data: bytes, key: str, inspection: Inspection) -> bool:
    if key == "webp":
        return b"VP8L" in data[:64] or (b"VP8 " not in data[:64] and _first_bitstream_is_vp8l(data))
    if key == "avif":
        # Matrix 0 means RGB planes, which only lossless files use.
        return inspection.cicp is not None and inspection.cicp.matrix == 0
    return key != "jpeg"


def _is_monochrome(avif: bytes) -> bool:
    """Return whether all coded images, including alpha, are grey. libvips decodes them as RGB."""
    settings = [match.start() for match in re.finditer(b"av1C\x81", avif[:_AVIF_HEADER_BYTES])]
    return bool(settings) and all(avif[at + 6 : at + 7] > b"" and avif[at + 6] & 0x10 for at in settings)


_AVIF_HEADER_BYTES = 1 << 16  # item properties come first, with a colour profile of a few kilobytes


def _first_bitstream_is_vp8l(data: bytes) -> bool:
    lossless, lossy = data.find(b"VP8L"), data.find(b"VP8 ")
    return lossless >= 0 and (lossy < 0 or lossless < lossy)


def _complaint() -> str:
    text: bytes = pyvips.ffi.string(pyvips.vips_lib.vips_error_buffer())
    pyvips.vips_lib.vips_error_clear()
    return text.decode("utf-8", "replace")


def _refusal(text: str) -> UnreadableImage:
    reason = _reason(text)
    if any(words in reason for words in _UNKNOWN_TO_LIBVIPS):
        return UnsupportedFormat(f"is of an unsupported kind: {reason}")
    return UnreadableImage(f"is corrupt or truncated: {reason}")


_UNKNOWN_TO_LIBVIPS = (
    "support is not configured",  # ZSTD, LZMA and LERC in TIFF
    "decoding is not implemented",
    "not a whole number of bytes",  # 10, 12 and 14 bits packed in TIFF
    "Unsupported",  # JPEG with arithmetic coding or 12 bits, items of AVIF
    "samples out of range",  # 64-bit float
    "not supported",  # tiles in separate planes in TIFF
    "bad labq format",  # Lab of 8 bits in TIFF
)


def _reason(text: str) -> str:
    """Return the first informative line of a libvips message."""
    lines = [line.strip() for line in text.splitlines()]
    informative = [line for line in lines if line and not line.startswith(("unable to", "source: bad seek"))]
    return (informative or ["the decoder gave no details"])[0][:200]


def encode_png(samples: Pixels) -> bytes:
    """Encode PNG of 8 or 16 bits, without metadata except a meaningless resolution, which `embed` removes."""
    compression, filter_ = _PNG_EFFORT[samples.dtype.itemsize]
    return _save(samples, "pngsave_buffer", compression=compression, filter=filter_)


# zlib's level and PNG's filter by bytes per sample. At 8 bits six times as fast as Pillow's choice, with files 3 to
# 6 % larger; at 16 bits faster than without a filter, and a fifth smaller.
_PNG_EFFORT = {1: (3, "paeth"), 2: (1, "up")}


def encode_tiff(samples: Pixels) -> bytes:
    """Encode TIFF of 8 or 16 bits or float, losslessly compressed, without metadata."""
    predictor = "float" if samples.dtype == np.float32 else "horizontal"
    big = samples.nbytes > _CLASSIC_TIFF_LIMIT
    return _save(samples, "tiffsave_buffer", compression="deflate", level=1, predictor=predictor, bigtiff=big)


# A classic TIFF has at most 4 GiB; deflate can make noise slightly larger.
_CLASSIC_TIFF_LIMIT = (1 << 32) - (1 << 27)


def encode_webp(samples: Pixels, *, lossless: bool, quality: int) -> bytes:
    """Encode WebP of 8 bits; alpha and the colours under it are lossless."""
    return _save(samples, "webpsave_buffer", lossless=lossless, Q=quality, alpha_q=100, exact=True)


def encode_avif(samples: Pixels, bits: int, profile: bytes | None, *, lossless: bool, quality: int) -> bytes:
    """Encode AVIF of 8, 10 or 12 bits in 4:4:4, with this profile."""
    if bits > 8:
        samples = samples << (16 - bits)  # libvips expects them at the top of 16 bits
    return _save(
        samples,
        "heifsave_buffer",
        profile,
        compression="av1",
        bitdepth=bits,
        lossless=lossless,
        Q=quality,
        subsample_mode="off",
        effort=3,  # 4 takes six times as long for the same size and quality
    )


def _save(samples: Pixels, saver: str, profile: bytes | None = None, **words: Any) -> bytes:
    try:
        image = _in_memory(samples, profile)
        return bytes(pyvips.Operation.call(saver, image, keep="icc" if profile else "none", **words))
    except pyvips.Error as error:
        raise UnwritableImage(f"cannot be encoded: {_reason(str(error))}") from error


def _in_memory(samples: Pixels, profile: bytes | None) -> Any:
    """Return a libvips image of samples (H, W, bands), with their profile."""
    block = np.ascontiguousarray(samples)
    height, width, bands = block.shape
    grey, deep = bands < 3, block.dtype == np.uint16
    kind = ("grey16" if deep else "b-w") if grey else ("rgb16" if deep else "srgb")
    if block.dtype == np.float32 and not grey:
        kind = "scrgb"
    image = pyvips.Image.new_from_memory(block.data, width, height, bands, _FORMATS[block.dtype.name])
    image = pyvips.Operation.call("copy", image, interpretation=kind)
    if profile:
        image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return image
