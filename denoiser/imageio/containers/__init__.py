"""What stands beside the pixels, read and written as bytes: no decoder runs here, and none is imported.

Three doors, for every format by its key in `denoiser.imageio.formats`:

- `inspect` says what a file holds: metadata as raw blocks, profile, orientation, frames, size, hidden content;
- `check_whole` raises UnreadableImage when a file's structure shows that something is missing or damaged;
- `embed` puts metadata into a file that an encoder wrote bare. `not_carried` names what the format cannot hold.

`upright` makes metadata fit for pixels that were turned upright. Reasons in errors name the cause and not the
file, whose name the caller knows. Every loop is bounded; nothing is allocated by a length that the file does
not bear out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from denoiser.image import Metadata
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
    "Data",
    "Inspection",
    "check_whole",
    "embed",
    "exif",
    "inspect",
    "not_carried",
    "tiff",
    "upright",
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
_EMBED: dict[str, Callable[[bytes, Metadata, bytes | None], bytes]] = {
    "avif": avif_blocks.embed,
    "jpeg": jpeg_blocks.embed,
    "jxl": jxl.embed,
    "png": png.embed,
    "tiff": tiff_blocks.embed,
    "webp": webp.embed,
}
# What each format has a place for. Resolution is also in EXIF: see `not_carried`.
_PLACES = {
    "avif": {"EXIF", "XMP", "colour profile"},
    "jpeg": {"EXIF", "XMP", "IPTC", "comment", "resolution", "colour profile"},
    "jxl": {"EXIF", "XMP", "colour profile"},
    "png": {"EXIF", "XMP", "IPTC", "comment", "resolution", "colour profile"},
    "tiff": {"EXIF", "XMP", "IPTC", "resolution", "colour profile"},
    "webp": {"EXIF", "XMP", "colour profile"},
}


def inspect(data: Data, format: str) -> Inspection:
    """What a file of this format holds beside its pixels; empty for a format whose structure is not known here.

    Raises UnreadableImage only where the structure cannot be walked; a broken block is left out and noted. Keeps
    nothing of *data* but copies of the blocks.
    """
    return _INSPECT[format](data) if format in _INSPECT else Inspection()


def check_whole(data: Data, format: str, *, deep: bool = True) -> None:
    """Raises UnreadableImage, with the reason, when the structure shows that the file is not whole.

    *deep* also unpacks the image data of a PNG and compares their length: about as much work as decoding it.
    """
    if format == "png" and not deep:
        png.check_whole(data, deep=False)
    elif format in _CHECK:
        _CHECK[format](data)


def embed(encoded: bytes, format: str, metadata: Metadata, profile: bytes | None) -> bytes:
    """The encoded image with these blocks in it, byte for byte; the coded pixels are not touched.

    Takes what an encoder here wrote, without metadata of its own. What the format cannot hold is left out:
    ask `not_carried`. Gives *encoded* back for a format that cannot be written. The profile of a JPEG XL must be
    given to the encoder: there it is part of the coded image.
    """
    return _EMBED[format](encoded, metadata, profile) if format in _EMBED else encoded


def not_carried(format: str, metadata: Metadata, profile: bytes | None = None) -> tuple[str, ...]:
    """In words, what of these blocks `embed` leaves out of a file of this format."""
    given = {
        "EXIF": metadata.exif,
        "XMP": metadata.xmp,
        "IPTC": metadata.iptc,
        "comment": metadata.comment,
        "resolution": metadata.resolution if exif.resolution(metadata.exif) is None else None,
        "colour profile": profile,
    }
    places = _PLACES.get(format, set())
    words = [word for word, block in given.items() if block and word not in places]
    if format == "jpeg":
        words += jpeg_blocks.unheld(metadata, profile)
    if format == "tiff" and metadata.exif and not exif.is_block(metadata.exif):
        words.append("EXIF (corrupt, cannot be stored in TIFF)")
    return tuple(words)


def upright(metadata: Metadata, width: int, height: int, *, orientation: int = 1) -> Metadata:
    """The metadata for pixels that stand upright now and have this size; *orientation* is what they had before."""
    exif_block = exif.with_orientation_reset(metadata.exif) if metadata.exif else None
    # Where nothing was turned, what XMP says alone is what it said of these very pixels.
    packet = xmp.with_orientation_reset(metadata.xmp) if metadata.xmp and orientation != 1 else metadata.xmp
    resolution = metadata.resolution
    if orientation >= 5:  # width and height have changed places
        exif_block = exif.with_size(exif_block, width, height) if exif_block else None
        packet = xmp.with_size(packet, width, height) if packet else None
        resolution = (resolution[1], resolution[0]) if resolution else None
    return replace(metadata, exif=exif_block, xmp=packet, resolution=resolution)
