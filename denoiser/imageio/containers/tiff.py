"""TIFF, classic and big: pages, metadata, and the tags that tell image from description.

    header | strips … | directory: tags of the image, tags about it, Exif and GPS directories | next page

Directories may lie anywhere; only the first page is read.
"""

from __future__ import annotations

from denoiser.errors import UnreadableImage
from denoiser.image import Metadata
from denoiser.imageio.containers import ifd, inspection, tiff_exif, xmp
from denoiser.imageio.containers.exif import ORIENTATION
from denoiser.imageio.containers.ifd import Directory, Layout
from denoiser.imageio.containers.inspection import Inspection, distinct
from denoiser.imageio.containers.span import Data, Span

XMP, IPTC, PHOTOSHOP, PROFILE, LAYERS = 700, 33723, 34377, 34675, 37724
_SUBFILE, _OLD_SUBFILE, _WIDTH, _HEIGHT, _BITS = 254, 255, 256, 257, 258
_REDUCED, _MASK = 1, 4


def inspect(data: Data) -> Inspection:
    """All that stands beside the pixels of a TIFF's first page."""
    span = Span(data)
    layout = ifd.read_layout(span)
    directories = ifd.chain(span, layout)
    if not directories:
        raise UnreadableImage("truncated: a TIFF without an image")
    first = directories[0]
    metadata, words, notes = read_metadata(span, layout, first)
    if first.lost:
        notes.append(f"tags {', '.join(map(str, first.lost[:8]))} are beyond the end or invalid, and were removed")
    kinds = [_kind(span, layout, directory) for directory in directories]
    if any(kind & _MASK for kind in kinds):
        words.append("transparency mask")
    orientation = ifd.integer(span, layout, first.entries.get(ORIENTATION), 1)
    bits = ifd.integer(span, layout, first.entries.get(_BITS), 1)
    return Inspection(
        metadata=metadata,
        orientation=orientation if 1 <= orientation <= 8 else 1,
        profile=ifd.value_bytes(span, first.entries.get(PROFILE)),
        frames=max(1, sum(not kind & (_REDUCED | _MASK) for kind in kinds)),
        hidden=distinct(words + inspection.in_xmp(metadata.xmp)),
        width=ifd.integer(span, layout, first.entries.get(_WIDTH)),
        height=ifd.integer(span, layout, first.entries.get(_HEIGHT)),
        bits=bits if bits <= 64 else 0,
        notes=distinct(notes),
    )


def inspect_raw(data: Data) -> Inspection:
    """Metadata of a camera's RAW file: most are TIFF inside; the size is left to the decoder that develops it."""
    span = Span(data)
    try:
        layout = ifd.read_layout(span)
        if layout.big:
            return Inspection()
        first = ifd.read_directory(span, layout, layout.first)
        metadata, _, notes = read_metadata(span, layout, first)
    except UnreadableImage:
        return Inspection(notes=("its metadata have a vendor-specific layout and were not read",))
    orientation = ifd.integer(span, layout, first.entries.get(ORIENTATION), 1)
    return Inspection(
        metadata=metadata, orientation=orientation if 1 <= orientation <= 8 else 1, notes=distinct(notes)
    )


def read_metadata(span: Span, layout: Layout, first: Directory) -> tuple[Metadata, list[str], list[str]]:
    """The metadata of a directory, what is hidden there, and what was odd about it."""
    block, notes = tiff_exif.exif_block(span, layout, first)
    resources = ifd.value_bytes(span, first.entries.get(PHOTOSHOP)) or b""
    records = ifd.value_bytes(span, first.entries.get(IPTC)) or xmp.unwrapped(resources)
    words = ["Photoshop layers"] if LAYERS in first.entries else []
    words += ["clipping paths"] if xmp.has_paths(resources) else []
    metadata = Metadata(
        exif=block,
        xmp=ifd.value_bytes(span, first.entries.get(XMP)),
        iptc=records,
        resolution=ifd.dots_per_inch(span, layout, first),
    )
    return metadata, words, notes


def byte_order_wanted(metadata: Metadata) -> str:
    """The byte order, "<" or ">", in which `embed` can take the EXIF block over as it is."""
    return ">" if metadata.exif and metadata.exif.startswith(b"MM") else "<"


def _kind(span: Span, layout: Layout, directory: Directory) -> int:
    """The subfile bits; the old tag says 2 for a reduced image."""
    if directory.entries.get(_SUBFILE):
        return ifd.integer(span, layout, directory.entries[_SUBFILE])
    return _REDUCED if ifd.integer(span, layout, directory.entries.get(_OLD_SUBFILE)) == 2 else 0
