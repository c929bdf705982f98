"""Serialise and parse the payloads of the small chunks."""

from __future__ import annotations

import math

import numpy as np

from denoiser.codec.container import layout
from denoiser.codec.container.latent import Exact, SourceFacts, TileStream
from denoiser.errors import DamagedLatent, NewerLatent
from denoiser.image import Cicp, JpegTables
from denoiser.imageio import jpeg_tables

_CODE_OF_CODEC = {name: code for code, name in layout.EXACT_CODECS.items()}
_CODE_OF_FORMAT = {name: code for code, name in layout.SOURCE_FORMATS.items()}
_CODE_OF_MODE = {name: code for code, name in layout.SOURCE_MODES.items()}


def tile_to_bytes(tile: TileStream) -> bytes:
    """Serialise a tile: the CRC of its symbols, then its stream."""
    return layout.TILE_HEAD.pack(tile.symbols_crc) + tile.stream


def tile_of_bytes(payload: bytes) -> TileStream:
    """Parse a tile; raises DamagedLatent if it is truncated."""
    if len(payload) < layout.TILE_HEAD.size:
        raise DamagedLatent("truncated: a tile without the checksum of its symbols")
    if payload.endswith(b"\0") and len(payload) > layout.TILE_HEAD.size:
        raise DamagedLatent("corrupt: a symbol stream ends with zeros")
    (crc,) = layout.TILE_HEAD.unpack_from(payload)
    return TileStream(payload[layout.TILE_HEAD.size :], crc)


def exact_to_bytes(exact: Exact) -> bytes:
    """Serialise a lossless image: the number of its coder, then its data."""
    return bytes([_CODE_OF_CODEC[exact.codec]]) + exact.data


def exact_of_bytes(payload: bytes) -> Exact:
    """Parse a lossless image; raises NewerLatent if its coder is unknown."""
    if payload[0] not in layout.EXACT_CODECS:
        raise NewerLatent(f"contains a lossless image of unknown coder {payload[0]}")
    return Exact(layout.EXACT_CODECS[payload[0]], payload[1:])


def resolution_to_bytes(dots: tuple[float, float]) -> bytes:
    """Serialise dots per inch, horizontal and vertical; empty if invalid."""
    return layout.RESOLUTION_FIELDS.pack(*dots) if _is_resolution(dots) else b""


def resolution_of_bytes(payload: bytes) -> tuple[float, float]:
    """Parse a resolution; raises DamagedLatent if it is invalid."""
    dots = layout.RESOLUTION_FIELDS.unpack(payload) if len(payload) == layout.RESOLUTION_FIELDS.size else (0.0, 0.0)
    if not _is_resolution(dots):
        raise DamagedLatent("corrupt: the resolution is not two positive numbers")
    return dots


def _is_resolution(dots: tuple[float, float]) -> bool:
    return all(math.isfinite(number) and number > 0 for number in dots)


def cicp_to_bytes(cicp: Cicp) -> bytes:
    """Serialise code points: primaries, transfer, matrix 0, and whether the range is full."""
    return layout.CICP_FIELDS.pack(cicp.primaries, cicp.transfer, 0, cicp.full_range)


def cicp_of_bytes(payload: bytes) -> Cicp:
    """Parse code points; raises DamagedLatent if they are not those of an RGB image."""
    values = layout.CICP_FIELDS.unpack(payload) if len(payload) == layout.CICP_FIELDS.size else (0, 0, 0, 2)
    if values[2] or values[3] > 1:
        raise DamagedLatent("corrupt: the code points of the colours are not those of an RGB image")
    return Cicp(values[0], values[1], 0, bool(values[3]))


def source_to_bytes(source: SourceFacts) -> bytes:
    """Serialise format, mode and flags of the source."""
    flags = layout.SOURCE_LOSSLESS if source.lossless else 0
    return layout.SOURCE_FIELDS.pack(_CODE_OF_FORMAT[source.format], _CODE_OF_MODE[source.mode], flags)


def source_of_bytes(payload: bytes) -> SourceFacts | None:
    """Parse the source chunk; None if format or mode is unknown."""
    if len(payload) != layout.SOURCE_FIELDS.size:
        raise DamagedLatent("corrupt: the source chunk does not have three bytes")
    format_, mode, flags = layout.SOURCE_FIELDS.unpack(payload)
    if format_ not in layout.SOURCE_FORMATS or mode not in layout.SOURCE_MODES:
        return None
    return SourceFacts(
        layout.SOURCE_FORMATS[format_], layout.SOURCE_MODES[mode], bool(flags & layout.SOURCE_LOSSLESS)
    )


def jpeg_to_bytes(jpeg: JpegTables) -> bytes:
    """Serialise the tables of a JPEG, of which standard ones take one byte; empty if they are invalid."""
    if len(jpeg.sampling) not in (1, 3) or not all(map(all, (*jpeg.quantisation, *jpeg.sampling))):
        return b""  # a JPEG in CMYK, or a corrupt one
    factors = bytes(16 * across + down for across, down in jpeg.sampling)
    kind, values = jpeg_tables.standard_quality(jpeg.quantisation), b""
    if kind is None:
        tables = np.array(jpeg.quantisation)
        if len(tables) == 3 and np.array_equal(tables[1], tables[2]):
            tables = tables[:2]
        kind = layout.JPEG_BYTES if tables.max() < 256 else layout.JPEG_WORDS
        values = tables.astype(layout.JPEG_VALUES[kind]).tobytes()
    progressive = layout.JPEG_PROGRESSIVE if jpeg.progressive else 0
    return bytes([kind, len(factors) + progressive]) + factors + values


def jpeg_of_bytes(payload: bytes) -> JpegTables:
    """Parse the tables of a JPEG; raises DamagedLatent if they are invalid."""
    kind, number = payload[:2].ljust(2, b"\0")
    count = number % layout.JPEG_PROGRESSIVE
    factors, values = payload[2 : 2 + count], payload[2 + count :]
    sampling = tuple(divmod(both, 16) for both in factors)
    if (
        count not in (1, 3)
        or len(factors) != count
        or not all(1 <= side <= 4 for pair in sampling for side in pair)
    ):
        raise DamagedLatent("corrupt: the components of the JPEG are invalid")
    return JpegTables(_tables_of(kind, values, count), sampling, progressive=number >= layout.JPEG_PROGRESSIVE)


def _tables_of(kind: int, values: bytes, count: int) -> tuple[tuple[int, ...], ...]:
    """Return a table for each of *count* components; the last stored table is that of all further ones."""
    if 1 <= kind <= 100 and not values:
        return jpeg_tables.standard(kind, count)
    dtype = np.dtype(layout.JPEG_VALUES.get(kind, "u1"))
    stored, rest = divmod(len(values), 64 * dtype.itemsize)
    if kind not in layout.JPEG_VALUES or rest or not 1 <= stored <= count:
        raise DamagedLatent("corrupt: the quantisation tables of the JPEG are incomplete")
    tables = [tuple(table) for table in np.frombuffer(values, dtype).reshape(-1, 64).tolist()]
    if not all(map(all, tables)):
        raise DamagedLatent("corrupt: a quantisation table of the JPEG contains 0")
    return tuple(tables + tables[-1:] * (count - stored))
