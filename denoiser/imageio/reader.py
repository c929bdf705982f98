"""Reads a file to an upright image: fetch, recognise, check, inspect, decode, turn, collect metadata."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import numpy as np

from denoiser.errors import MissingExtra, UnreadableImage
from denoiser.image import Cicp, Image, Origin, from_numpy
from denoiser.imageio import colour, containers, depth, jpeg_tables, pillow_bridge, source
from denoiser.imageio.backends import DecodedImage
from denoiser.imageio.containers import Inspection
from denoiser.imageio.formats import Format
from denoiser.imageio.source import SourceBytes
from denoiser.options import ReadOptions

_BACKENDS = {
    "png": "libvips",
    "jpeg": "libvips",
    "tiff": "libvips",
    "webp": "libvips",
    "avif": "libvips",
    "bmp": "pillow",
    "heif": "heif",
    "jxl": "jpegxl",
    "raw": "raw",
}
Decoder = Callable[[bytes, str, Inspection, int], DecodedImage]  # data, key, inspection, limit of pixels


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """The content of a file's header."""

    format: str
    width: int
    height: int
    frames: int = 1
    exif: bytes | None = field(default=None, repr=False)

    @property
    def shot(self) -> tuple[str, int]:
        """Camera name and ISO; "" and 0 if unknown."""
        return containers.exif.shot(self.exif)


def read(path: Path, options: ReadOptions = ReadOptions()) -> Image:
    """Return the upright image of a file with its metadata; the file is opened read-only.

    Raises UnreadableImage or a subclass, with the name and the reason; an incomplete image is never returned.
    """
    with named(str(path)):
        return _read(source.from_path(path, options), options)


def read_bytes(data: bytes, name: str, options: ReadOptions = ReadOptions()) -> Image:
    """Read an image from bytes; *name* is for messages, and its suffix distinguishes camera RAW from TIFF."""
    with named(name):
        return _read(source.from_bytes(data, name, options), options)


def probe(path: Path) -> ImageHeader:
    """Return format, upright size and number of frames without decoding. Sizes are 0 if the header lacks them."""
    with named(str(path)), source.mapped(path) as (data, row):
        inspection = containers.inspect(data, row.key)
    width, height = inspection.width, inspection.height
    if pillow_bridge.swaps_sides(inspection.orientation):
        width, height = height, width
    return ImageHeader(row.key, width, height, inspection.frames, inspection.metadata.exif)


def preview(path: Path, side: int, options: ReadOptions = ReadOptions()) -> Image:
    """Return a preview of a file: upright, 8-bit sRGB, at most *side* pixels wide and high.

    Much faster than `read`: a JPEG is decoded at reduced size, and files are not checked. Raises UnreadableImage or
    a subclass if there is nothing to show.
    """
    with named(str(path)):
        file = source.from_path(path, options)
        if _BACKENDS[file.format.key] != "libvips":
            return shrunk(_read(file, options), side)
        from denoiser.imageio.backends import libvips

        inspection = containers.inspect(file.data, file.format.key)
        if _colours(inspection, file.format.key, None, 3) != (inspection.profile, None):
            return shrunk(_read(file, options), side)  # libvips handles only profiles
        source.refuse_pixels(inspection.width, inspection.height, options.max_pixels)
        samples = libvips.glance(file.data, file.format.key, side)
        is_upright = file.format.key == "avif"
        return from_numpy(samples if is_upright else pillow_bridge.turned(samples, inspection.orientation))


def shrunk(image: Image, side: int) -> Image:
    """Return a preview of an image in memory."""
    from denoiser.imageio.backends import libvips

    samples = image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])
    if 8 < image.bits < 16:
        samples = depth.rescale(samples, image.white, 16)
    return from_numpy(libvips.glance_at(samples, image.profile, side))


def _read(file: SourceBytes, options: ReadOptions) -> Image:
    row = file.format
    decode = _decoder(row)
    containers.check_whole(file.data, row.key, deep=False)  # the decoder decompresses the data of a PNG anyway
    inspection = containers.inspect(file.data, row.key)
    source.refuse_pixels(inspection.width, inspection.height, options.max_pixels)
    if inspection.frames > 1 and options.frames == "refuse":
        raise UnreadableImage(
            f"contains {inspection.frames} images; files with several images are rejected",
            hint="Use --frames first to process the first image.",
        )
    decoded = decode(file.data, row.key, inspection, options.max_pixels)
    return _assembled(file, inspection, decoded)


def _decoder(row: Format) -> Decoder:
    try:
        module = import_module(f"denoiser.imageio.backends.{_BACKENDS[row.key]}")
    except ModuleNotFoundError as error:
        if row.extra is None:
            raise
        raise MissingExtra(f"is {row.name}, and {error.name} is not installed", extra=row.extra) from error
    decode: Decoder = module.decode
    return decode


def _assembled(file: SourceBytes, inspection: Inspection, decoded: DecodedImage) -> Image:
    number = 1 if decoded.is_upright else inspection.orientation
    samples = pillow_bridge.turned(decoded.samples, number)
    colours = samples.shape[2] - decoded.has_alpha
    height, width = samples.shape[:2]
    metadata = containers.upright(inspection.metadata, width, height, orientation=inspection.orientation)
    tables = jpeg_tables.read_tables(file.data) if file.format.key == "jpeg" else None
    if tables is not None and pillow_bridge.swaps_sides(number):
        tables = jpeg_tables.turned(tables)
    profile, cicp = (
        (None, None) if decoded.in_srgb else _colours(inspection, file.format.key, decoded.profile, colours)
    )
    origin = Origin(
        format=file.format.key,
        mode=decoded.mode,
        frames=inspection.frames,
        jpeg=tables,
        lossless=decoded.lossless,
        times_ns=file.times_ns,
        size=(width, height),
        notes=_notes(inspection, decoded),
    )
    return Image(
        samples[:, :, :colours],
        alpha=samples[:, :, colours] if decoded.has_alpha else None,
        bits=decoded.bits,
        profile=profile,
        metadata=metadata,
        origin=origin,
        cicp=cicp,
    )


def _colours(
    inspection: Inspection, key: str, decoded: bytes | None, channels: int
) -> tuple[bytes | None, Cicp | None]:
    """Return the profile, which may be made from code points or chunks of a PNG, and the code points.

    In AVIF and HEIC a profile has precedence over code points, in PNG code points over a profile. The decoder of
    JPEG XL makes a profile for the code points in its header.
    """
    profile, cicp = inspection.profile or decoded, inspection.cicp
    if cicp and key != "png":
        cicp = Cicp(cicp.primaries, cicp.transfer)
        if (profile and key != "jxl") or colour.describes_srgb(cicp) or max(cicp) > 255:
            cicp = None
    if profile and cicp is None:
        cicp = colour.hdr_in(profile)
    if profile is None:
        profile = colour.profile_of(cicp, channels)
    if profile is None and cicp is None:
        profile = colour.profile_of_png(inspection.metadata.png, channels)
    return profile, cicp


def _notes(inspection: Inspection, decoded: DecodedImage) -> tuple[str, ...]:
    notes = [*inspection.notes, *decoded.notes]
    if inspection.frames > 1:
        notes.append(f"only the first of {inspection.frames} images was used")
    notes += [f"{name}: not preserved" for name in inspection.hidden]
    return tuple(notes)


@contextmanager
def named(name: str) -> Iterator[None]:
    """Add the file name to errors."""
    shown = name.encode("unicode_escape").decode() if not name.isprintable() else name
    try:
        yield
    except MissingExtra as error:
        raise MissingExtra(f"{shown} {error.message}.", extra=error.extra) from error
    except UnreadableImage as error:
        raise type(error)(_sentence(shown, error.message), hint=error.hint) from error


def _sentence(name: str, reason: str) -> str:
    joint = " " if reason.startswith(_VERBS) else ": "
    return f"{name}{joint}{reason}."


_VERBS = ("is ", "has ", "holds ", "contains ", "cannot ", "contradicts ", "was ")
