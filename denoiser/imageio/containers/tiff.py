"""TIFF, classic and big: pages, metadata, and whether all strips or tiles are in the file.

    header | strips … | directory: tags of the image, tags about it, Exif and GPS directories | next page

Directories may be anywhere; only the first page is read.
"""

from __future__ import annotations

import zlib

from denoiser.errors import UnreadableImage
from denoiser.image import Metadata
from denoiser.imageio.containers import ifd, inspection, tiff_exif, xmp
from denoiser.imageio.containers.exif import ORIENTATION
from denoiser.imageio.containers.ifd import Directory
from denoiser.imageio.containers.inspection import Inspection, distinct
from denoiser.imageio.containers.span import ByteOrder, ByteSpan, Data, broken

XMP, IPTC, PHOTOSHOP, PROFILE, LAYERS = 700, 33723, 34377, 34675, 37724
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIPS, SAMPLES, ROWS, STRIP_SIZES, PLANES = 273, 277, 278, 279, 284
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_SIZES, EXTRA_SAMPLES = 322, 323, 324, 325, 338
# Tags without which the image cannot be decoded, or looks different: predictor, palette, JPEG tables …
_NEEDED = {WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIPS, SAMPLES, ROWS, STRIP_SIZES, PLANES}
_NEEDED |= {TILE_WIDTH, TILE_HEIGHT, TILES, TILE_SIZES, EXTRA_SAMPLES, 266, 317, 320, 339, 347, 529, 530, 532}
_SUBFILE, _OLD_SUBFILE = 254, 255
_REDUCED, _MASK = 1, 4
_JPEG_STREAM = 513  # old-style JPEG keeps its data outside of strips
_UNCOMPRESSED, _DEFLATE, _YCBCR, _SEPARATE = 1, (8, 32946), 6, 2
MAX_PIECES = 1 << 22  # strips and tiles of all pages that are checked; a gigapixel has 15,000 tiles


def inspect(data: Data) -> Inspection:
    """Return everything except the pixels of the first page."""
    directories = ifd.chain(ByteSpan(data))
    if not directories:
        raise UnreadableImage("truncated: a TIFF without an image")
    first = directories[0]
    metadata, words, notes = _metadata(first)
    if first.lost:
        notes.append(f"tags {', '.join(map(str, first.lost[:8]))} are beyond the end or invalid, and were removed")
    kinds = [_kind(directory) for directory in directories]
    if any(kind & _MASK for kind in kinds):
        words.append("transparency mask")
    bits = first.integer(BITS, 1)
    return Inspection(
        metadata=metadata,
        orientation=_orientation(first),
        profile=first.value(PROFILE),
        frames=max(1, sum(not kind & (_REDUCED | _MASK) for kind in kinds)),
        hidden=distinct(words + inspection.in_xmp(metadata.xmp)),
        width=first.integer(WIDTH),
        height=first.integer(HEIGHT),
        bits=bits if bits <= 64 else 0,
        notes=distinct(notes),
    )


def inspect_raw(data: Data) -> Inspection:
    """Return the metadata of a camera RAW file, if it is a TIFF inside. The decoder returns the size."""
    try:
        first = ifd.read_first(ByteSpan(data))
        if first.layout.big:
            return Inspection()
        metadata, _, notes = _metadata(first)
    except UnreadableImage:
        return Inspection(notes=("its metadata have a vendor-specific layout and were not read",))
    return Inspection(metadata=metadata, orientation=_orientation(first), notes=distinct(notes))


def _metadata(first: Directory) -> tuple[Metadata, list[str], list[str]]:
    """Return the metadata, hidden content, and notes of a directory."""
    block, notes = tiff_exif.exif_block(first)
    resources = first.value(PHOTOSHOP) or b""
    words = ["Photoshop layers"] if LAYERS in first.entries else []
    words += ["clipping paths"] if xmp.has_paths(resources) else []
    metadata = Metadata(
        exif=block,
        xmp=first.value(XMP),
        iptc=first.value(IPTC) or xmp.unwrapped(resources),
        resolution=first.dots_per_inch(),
        resources=xmp.carried_resources(resources),
    )
    return metadata, words, notes


def byte_order_wanted(metadata: Metadata) -> ByteOrder:
    """Return the byte order in which `tiff_blocks.embed` copies the EXIF block unchanged."""
    return "big" if metadata.exif and metadata.exif.startswith(b"MM") else "little"


def _orientation(page: Directory) -> int:
    orientation = page.integer(ORIENTATION, 1)
    return orientation if 1 <= orientation <= 8 else 1


def _kind(page: Directory) -> int:
    """Return the subfile bits; the old tag has the value 2 for a reduced image."""
    if _SUBFILE in page.entries:
        return page.integer(_SUBFILE)
    return _REDUCED if page.integer(_OLD_SUBFILE) == 2 else 0


def check_whole(data: Data) -> None:
    """Raise UnreadableImage if a directory, strip or tile is missing, or outside of the file."""
    pages = ifd.chain(ByteSpan(data))
    if not pages:
        raise broken("truncated: a TIFF without an image")
    left = MAX_PIECES
    for index, page in enumerate(pages):
        if left > 0 and (index == 0 or TILES in page.entries or STRIPS in page.entries):
            left -= _check_page(page)


def piece_tags(page: Directory) -> tuple[int, int]:
    """Return the tags of the positions and of the sizes of tiles or strips."""
    return (TILES, TILE_SIZES) if TILES in page.entries else (STRIPS, STRIP_SIZES)


def _check_page(page: Directory) -> int:
    """Check a page; return its number of strips or tiles."""
    if not _NEEDED.isdisjoint(page.lost):
        raise broken("truncated: the image header extends beyond the end of the file")
    if not all(0 < page.integer(tag) < 1 << 31 for tag in (WIDTH, HEIGHT)):
        raise broken("a TIFF page without a valid size")
    places_tag, sizes_tag = piece_tags(page)
    if places_tag not in page.entries:
        if _JPEG_STREAM in page.entries:
            return 1
        raise broken("truncated: a TIFF page without image data")
    needed = _pieces_needed(page)
    if needed > MAX_PIECES:
        raise broken("more strips than any image needs")
    places, sizes = page.integers(places_tag, needed), page.integers(sizes_tag, needed)
    if len(places) < needed or (sizes_tag in page.entries and len(sizes) < needed):
        raise broken(f"truncated: {min(len(places), len(sizes))} of {needed} strips are listed")
    least = _least_bytes(page) if page.integer(COMPRESSION, _UNCOMPRESSED) == _UNCOMPRESSED else None
    _check_pieces(page, places, sizes, least)
    return needed


def _check_pieces(page: Directory, places: list[int], sizes: list[int], least: list[int] | None) -> None:
    """Check the pieces; *least* is the number of bytes that each needs, if known. It replaces missing *sizes*."""
    if not sizes and least is None:
        raise broken("a TIFF page without strip lengths")
    for index, at in enumerate(places):
        needed = least[index % len(least)] if least else 1
        size = sizes[index] if sizes else needed
        if not size and TILES in page.entries:
            continue  # a tile that was never written is empty
        if not size or not page.span.has(at, size):
            raise broken("truncated: image data are beyond the end of the file")
        if size < needed:
            raise broken("truncated: a strip is shorter than its rows")


def _rows(page: Directory) -> int:
    height = page.integer(HEIGHT)
    return min(height, page.integer(ROWS, height) or height)


def _planes(page: Directory) -> int:
    return max(1, page.integer(SAMPLES, 1)) if page.integer(PLANES, 1) == _SEPARATE else 1


def _pieces_needed(page: Directory) -> int:
    width, height = page.integer(WIDTH), page.integer(HEIGHT)
    if TILES not in page.entries:
        return -(-height // _rows(page)) * _planes(page)
    across, down = page.integer(TILE_WIDTH), page.integer(TILE_HEIGHT)
    if not across or not down:
        raise broken("a TIFF page of tiles without a size")
    return -(-width // across) * -(-height // down) * _planes(page)


def _least_bytes(page: Directory) -> list[int] | None:
    """Return the bytes that each uncompressed strip or tile of a plane needs; None if unknown."""
    if page.integer(PHOTOMETRIC) == _YCBCR:
        return None  # colour may be stored at a lower resolution
    samples = max(1, page.integer(SAMPLES, 1))
    bits = page.integers(BITS, min(samples, 64)) or [1]
    pixel = bits[0] if _planes(page) > 1 else sum(bits) + bits[-1] * (samples - len(bits))
    if TILES in page.entries:
        return [(page.integer(TILE_WIDTH) * pixel + 7) // 8 * page.integer(TILE_HEIGHT)]
    row = (page.integer(WIDTH) * pixel + 7) // 8
    full, rest = divmod(page.integer(HEIGHT), _rows(page))
    return [row * _rows(page)] * full + ([row * rest] if rest else [])


_STEP = 1 << 20  # bytes decompressed at a time
_PIECE = 1 << 16  # bytes passed to zlib at a time: it copies what it has not used


def check_checksums(tiff: bytes, image_bytes: int) -> None:
    """Raise UnreadableImage if the checksum of a deflated strip or tile of the first page is wrong.

    libtiff stops at the last pixel, before the checksum. Decompresses about *image_bytes*, the size of the decoded
    image, and never much more.
    """
    page = ifd.read_first(ByteSpan(tiff))
    if page.integer(COMPRESSION) not in _DEFLATE:
        return
    places, sizes = (page.integers(tag, MAX_PIECES) for tag in piece_tags(page))
    left = 2 * image_bytes + _STEP  # tiles extend beyond the edges
    for place, size in zip(places, sizes, strict=False):
        left = _decompress(memoryview(tiff)[place : place + size], left)


def _decompress(packed: memoryview, left: int) -> int:
    """Decompress at most *left* bytes, so that zlib compares the checksum; return what is left."""
    inflater = zlib.decompressobj()
    try:
        for at in range(0, len(packed), _PIECE):
            rest: bytes | memoryview = packed[at : at + _PIECE]
            while left > 0 and len(rest) and not inflater.eof:
                left -= len(inflater.decompress(rest, _STEP))
                rest = inflater.unconsumed_tail
    except zlib.error as error:
        raise UnreadableImage(f"is corrupt: checksum mismatch ({error})") from error
    return left
