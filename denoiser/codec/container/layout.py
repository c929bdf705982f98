"""Constants and structures of the latent file format, as specified in docs/format.md.

    header (36 bytes) | chunk | chunk | … | DONE

Numbers are big-endian. A chunk is its type (4 letters), the size of its payload, the payload, and the CRC-32 of
all three. Readers may skip unknown types that begin with a small letter, but no others. Definitions here
are permanent: later versions read all earlier files, and no value changes its meaning.
"""

from __future__ import annotations

import struct

MAGIC = b"\x89DLF\r\n\x1a\n"  # a non-ASCII byte and line ends reveal transfers in text mode
FORMAT_VERSION = 1

# magic, format version, coder version, channels, bits, width, height, step, flags, tile width and height, weights
HEADER = struct.Struct(">8sBBBBIIBBBB8s")
CRC = struct.Struct(">I")
HEADER_BYTES = 36

CHUNK = struct.Struct(">4sI")
CHUNK_BYTES = 12  # type, size and CRC of a chunk
MAX_UNKNOWN_CHUNKS = 64  # bounds the time to read a file of empty chunks

FLAG_ALPHA = 1
FLAG_CLEANED = 2
KNOWN_FLAGS = 3

MAX_SIDE = (1 << 31) - 1
BITS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 32)  # 32: float, where 1.0 is white
STEPS = 64
TILE_UNIT = 64  # pixels; sides of tiles are counted in these
MAX_TILE_PIXELS = 1 << 21  # bounds the memory to decode a tile
MAX_TILES = 8192  # bounds the time to decode tiny tiles
WEIGHTS_BYTES = 8  # of the SHA-256 of the weights file

PROFILE = b"ICCP"
CICP = b"cicp"
RESOLUTION = b"reso"
SOURCE = b"orig"
EXIF = b"exif"
XMP = b"xmpp"
IPTC = b"iptc"
COMMENT = b"note"
PNG = b"pngc"
RESOURCES = b"phot"
JPEG = b"jpgt"
NOISE = b"nois"
THUMBNAIL = b"thmb"
ALPHA = b"ALPH"
TILE = b"TILE"
EXACT = b"EXAC"
DONE = b"DONE"

# The order of chunks. Only tiles may occur more than once.
ORDER = {
    PROFILE: 1,
    CICP: 2,
    RESOLUTION: 3,
    SOURCE: 4,
    EXIF: 5,
    XMP: 6,
    IPTC: 7,
    COMMENT: 8,
    PNG: 9,
    RESOURCES: 10,
    JPEG: 11,
    NOISE: 12,
    THUMBNAIL: 13,
    ALPHA: 14,
    TILE: 15,
    EXACT: 16,
    DONE: 17,
}

TILE_HEAD = struct.Struct(">I")  # CRC-32 of the symbols; the stream follows
RESOLUTION_FIELDS = struct.Struct(">dd")
SOURCE_FIELDS = struct.Struct(">BBB")
CICP_FIELDS = struct.Struct(">BBBB")
SOURCE_LOSSLESS = 1
JPEG_PROGRESSIVE = 128
JPEG_BYTES, JPEG_WORDS = 0, 255  # in place of a quality: tables follow
JPEG_VALUES = {JPEG_BYTES: "u1", JPEG_WORDS: ">u2"}
NOISE_BYTES = 154

EXACT_CODECS = {1: "webp", 2: "png"}
EXACT_SIGNS = {"webp": b"RIFF", "png": b"\x89PNG\r\n\x1a\n"}
SOURCE_FORMATS = {
    1: "png",
    2: "jpeg",
    3: "tiff",
    4: "webp",
    5: "avif",
    6: "jxl",
    7: "bmp",
    8: "heif",
    9: "raw",
}
SOURCE_MODES = {
    1: "bilevel",
    2: "palette",
    3: "grey",
    4: "grey+alpha",
    5: "rgb",
    6: "rgba",
    7: "cmyk",
    8: "raw",
    9: "lab",
}
