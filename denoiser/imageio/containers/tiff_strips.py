"""Whether a TIFF is whole: its directories, and as many strips or tiles inside of the file as the image needs."""

from __future__ import annotations

from denoiser.imageio.containers import ifd
from denoiser.imageio.containers.ifd import Directory, Layout
from denoiser.imageio.containers.span import Data, Span, broken

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIPS, SAMPLES, ROWS, STRIP_SIZES, PLANES = 273, 277, 278, 279, 284
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_SIZES = 322, 323, 324, 325
# Without any of these an image cannot be made, or would be another one: predictor, palette, JPEG tables …
_NEEDED = {WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, STRIPS, SAMPLES, ROWS, STRIP_SIZES, PLANES}
_NEEDED |= {TILE_WIDTH, TILE_HEIGHT, TILES, TILE_SIZES, 266, 317, 320, 338, 339, 347, 529, 530, 532}
_JPEG_STREAM = 513  # old-style JPEG keeps its data outside of strips
_UNCOMPRESSED, _YCBCR, _SEPARATE = 1, 6, 2
MAX_PIECES = 1 << 22  # strips and tiles of all pages together that are looked at; a gigapixel has 15,000 tiles


def check_whole(data: Data) -> None:
    """Raises UnreadableImage when a directory, a strip or a tile is missing or lies outside of the file."""
    span = Span(data)
    layout = ifd.read_layout(span)
    pages = ifd.chain(span, layout)
    if not pages:
        raise broken("truncated: a TIFF without an image")
    left = MAX_PIECES
    for index, page in enumerate(pages):
        if left > 0 and (index == 0 or TILES in page.entries or STRIPS in page.entries):
            left -= _check_page(span, layout, page)


def _check_page(span: Span, layout: Layout, page: Directory) -> int:
    """How many pieces the page has, after all of them were found to be there."""
    if not _NEEDED.isdisjoint(page.lost):
        raise broken("truncated: the image header extends beyond the end of the file")
    width, height = (ifd.integer(span, layout, page.entries.get(tag)) for tag in (WIDTH, HEIGHT))
    if not 0 < width < 1 << 31 or not 0 < height < 1 << 31:
        raise broken("a TIFF page without a valid size")
    tiled = TILES in page.entries
    places_tag, sizes_tag = (TILES, TILE_SIZES) if tiled else (STRIPS, STRIP_SIZES)
    if places_tag not in page.entries:
        if _JPEG_STREAM in page.entries:
            return 1
        raise broken("truncated: a TIFF page without image data")
    needed = _pieces_needed(span, layout, page, (width, height), tiled)
    if needed > MAX_PIECES:
        raise broken("more strips than any image needs")
    places = ifd.integers(span, layout, page.entries[places_tag], needed)
    sizes = ifd.integers(span, layout, page.entries.get(sizes_tag), needed)
    if len(places) < needed or (sizes_tag in page.entries and len(sizes) < needed):
        raise broken(f"truncated: {min(len(places), len(sizes))} of {needed} strips are listed")
    compression = ifd.integer(span, layout, page.entries.get(COMPRESSION), _UNCOMPRESSED)
    least = _least_bytes(span, layout, page, (width, height), tiled) if compression == _UNCOMPRESSED else None
    _check_pieces(span, places, sizes, least, tiled)
    return needed


def _check_pieces(span: Span, places: list[int], sizes: list[int], least: list[int] | None, tiled: bool) -> None:
    """*least* is what a plane's pieces need, where that is known; without *sizes* they are taken to have it."""
    if not sizes and least is None:
        raise broken("a TIFF page without strip lengths")
    for index, at in enumerate(places):
        needed = least[index % len(least)] if least else 1
        size = sizes[index] if sizes else needed
        if not size and tiled:
            continue  # a tile that was never written: readers take it for empty
        if not size or not span.has(at, size):
            raise broken("truncated: image data are beyond the end of the file")
        if size < needed:
            raise broken("truncated: a strip is shorter than its rows")


def _rows(span: Span, layout: Layout, page: Directory, height: int) -> int:
    return min(height, ifd.integer(span, layout, page.entries.get(ROWS), height) or height)


def _planes(span: Span, layout: Layout, page: Directory) -> int:
    separate = ifd.integer(span, layout, page.entries.get(PLANES), 1) == _SEPARATE
    return max(1, ifd.integer(span, layout, page.entries.get(SAMPLES), 1)) if separate else 1


def _pieces_needed(span: Span, layout: Layout, page: Directory, size: tuple[int, int], tiled: bool) -> int:
    width, height = size
    planes = _planes(span, layout, page)
    if not tiled:
        return -(-height // _rows(span, layout, page, height)) * planes
    across, down = (ifd.integer(span, layout, page.entries.get(tag)) for tag in (TILE_WIDTH, TILE_HEIGHT))
    if not across or not down:
        raise broken("a TIFF page of tiles without a size")
    return -(-width // across) * -(-height // down) * planes


def _least_bytes(
    span: Span, layout: Layout, page: Directory, size: tuple[int, int], tiled: bool
) -> list[int] | None:
    """The bytes that each strip or tile of one plane needs uncompressed; None where that is not known."""
    width, height = size
    if ifd.integer(span, layout, page.entries.get(PHOTOMETRIC)) == _YCBCR:
        return None  # colour may be kept at a lower resolution
    samples = max(1, ifd.integer(span, layout, page.entries.get(SAMPLES), 1))
    bits = ifd.integers(span, layout, page.entries.get(BITS), min(samples, 64)) or [1]
    a_pixel = bits[0] if _planes(span, layout, page) > 1 else sum(bits) + bits[-1] * (samples - len(bits))
    if tiled:
        across, down = (ifd.integer(span, layout, page.entries.get(tag)) for tag in (TILE_WIDTH, TILE_HEIGHT))
        return [(across * a_pixel + 7) // 8 * down]
    rows = _rows(span, layout, page, height)
    row = (width * a_pixel + 7) // 8
    full, rest = divmod(height, rows)
    return [row * rows] * full + ([row * rest] if rest else [])
