"""Reads and writes the parts of image files that are not pixels, without a decoder.

Functions for every format, by its key in `denoiser.imageio.formats`:

- `inspect` returns metadata as raw blocks, profile, orientation, frames, size and hidden content;
- `check_whole` raises UnreadableImage if the structure of a file is truncated or corrupt;
- `embed` adds metadata to a file of an encoder. `not_carried` names what the format cannot store.

`upright` adapts metadata to pixels that were turned upright. Errors have no file name; the caller adds it. Every
loop is bounded, and no memory is allocated for a length that the file does not have.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from denoiser.image import Cicp, Metadata
from denoiser.imageio.containers import (
    avif_blocks,
    bmp,
    exif,
    heif,
    jpeg,
    jpeg_blocks,
    jxl,
    png,
    tiff,
    tiff_blocks,
    webp,
    xmp,
)
from denoiser.imageio.containers.inspection import Inspection
from denoiser.imageio.containers.span import Data

__all__ = [
    "CICP_FORMATS",
    "Data",
    "Inspection",
    "check_whole",
    "embed",
    "exif",
    "inspect",
    "not_carried",
    "tiff",
    "upright",
    "with_size",
    "xmp",
]

_INSPECT: dict[str, Callable[[Data], Inspection]] = {
    "avif": heif.inspect,
    "bmp": bmp.inspect,
    "heif": heif.inspect,
    "jpeg": jpeg.inspect,
    "jxl": jxl.inspect,
    "png": png.inspect,
    "raw": tiff.inspect_raw,
    "tiff": tiff.inspect,
    "webp": webp.inspect,
}
_CHECK: dict[str, Callable[[Data], None]] = {
    "avif": heif.check_whole,
    "bmp": bmp.check_whole,
    "heif": heif.check_whole,
    "jpeg": jpeg_blocks.check_whole,
    "jxl": jxl.check_whole,
    "png": png.check_whole,
    "tiff": tiff.check_whole,
    "webp": webp.check_whole,
}
CICP_FORMATS: dict[str, Callable[[bytes, Metadata, bytes | None, Cicp | None], bytes]] = {
    "avif": avif_blocks.embed,
    "png": png.embed,
}
_EMBED: dict[str, Callable[[bytes, Metadata, bytes | None], bytes]] = {
    "jpeg": jpeg_blocks.embed,
    "jxl": jxl.embed,
    "tiff": tiff_blocks.embed,
    "webp": webp.embed,
}
_RESOURCES = "Photoshop resources (copyright, URL)"
# What each format can store. Resolution is also in EXIF: see `not_carried`.
_PLACES = {
    "avif": {"EXIF", "XMP", "colour profile"},
    "jpeg": {"EXIF", "XMP", "IPTC", "comment", "resolution", "colour profile", _RESOURCES},
    "jxl": {"EXIF", "XMP", "colour profile"},
    "png": {"EXIF", "XMP", "IPTC", "comment", "resolution", "colour profile", _RESOURCES},
    "tiff": {"EXIF", "XMP", "IPTC", "resolution", "colour profile", _RESOURCES},
    "webp": {"EXIF", "XMP", "colour profile"},
}


def inspect(data: Data, format: str) -> Inspection:
    """Return everything except the pixels; empty for a format without a parser.

    Raises UnreadableImage if the structure cannot be parsed; a corrupt block is left out and noted. The result has
    copies of the blocks and no reference to *data*.
    """
    return _INSPECT[format](data) if format in _INSPECT else Inspection()


def check_whole(data: Data, format: str, *, deep: bool = True) -> None:
    """Raise UnreadableImage, with the reason, if the structure of the file is truncated or corrupt.

    *deep* also decompresses the image data of a PNG, which takes about as long as decoding it.
    """
    if format == "png" and not deep:
        png.check_whole(data, deep=False)
    elif format in _CHECK:
        _CHECK[format](data)


def embed(
    encoded: bytes, format: str, metadata: Metadata, profile: bytes | None, cicp: Cicp | None = None
) -> bytes:
    """Return the encoded image with these blocks, byte for byte; the coded pixels are unchanged.

    *encoded* is from one of the encoders here, without metadata. What the format cannot store is left out: see
    `not_carried`. The profile of a JPEG XL must be given to the encoder, because it is part of the coded image.
    *cicp* is only for the formats in `CICP_FORMATS`.
    """
    metadata = metadata if format == "png" else png.with_texts_in_xmp(metadata)
    if format in CICP_FORMATS:
        return CICP_FORMATS[format](encoded, metadata, profile, cicp)
    return _EMBED[format](encoded, metadata, profile) if format in _EMBED else encoded


def not_carried(format: str, metadata: Metadata, profile: bytes | None = None) -> tuple[str, ...]:
    """Return names of the blocks that `embed` leaves out in this format."""
    given = {
        "EXIF": metadata.exif,
        "XMP": metadata.xmp,
        "IPTC": metadata.iptc,
        "comment": metadata.comment,
        _RESOURCES: metadata.resources,
        "resolution": metadata.resolution if exif.resolution(metadata.exif) is None else None,
        "colour profile": profile,
    }
    places = _PLACES.get(format, set())
    words = [word for word, block in given.items() if block and word not in places]
    if format != "png":
        words += png.only_in_png(metadata.png)
    if format == "jpeg":
        words += jpeg_blocks.unheld(metadata, profile)
    if format == "tiff" and metadata.exif and not exif.is_block(metadata.exif):
        words.append("EXIF (corrupt, cannot be stored in TIFF)")
    return tuple(words)


def upright(metadata: Metadata, width: int, height: int, *, orientation: int = 1) -> Metadata:
    """Return the metadata for upright pixels of this size; *orientation* is that before they were turned."""
    exif_block = exif.with_orientation_reset(metadata.exif) if metadata.exif else None
    # If nothing was turned, an orientation in XMP still applies to these pixels.
    packet = xmp.with_orientation_reset(metadata.xmp) if metadata.xmp and orientation != 1 else metadata.xmp
    metadata = replace(metadata, exif=exif_block, xmp=packet)
    if orientation >= 5:  # width and height were swapped
        resolution = metadata.resolution
        metadata = with_size(metadata, width, height)
        metadata = replace(metadata, resolution=(resolution[1], resolution[0]) if resolution else None)
    return metadata


def with_size(metadata: Metadata, width: int, height: int) -> Metadata:
    """Return the metadata with this size in EXIF and XMP, where they have one."""
    exif_block = exif.with_size(metadata.exif, width, height) if metadata.exif else None
    packet = xmp.with_size(metadata.xmp, width, height) if metadata.xmp else None
    return replace(metadata, exif=exif_block, xmp=packet)
