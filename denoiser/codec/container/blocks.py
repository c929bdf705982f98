"""The payloads of the small chunks: values to bytes and back."""

from __future__ import annotations

import math

from denoiser.codec.container import layout
from denoiser.codec.container.latent import Exact, SourceFacts, Tile
from denoiser.errors import DamagedLatent, NewerLatent

_CODE_OF_CODEC = {name: code for code, name in layout.EXACT_CODECS.items()}
_CODE_OF_FORMAT = {name: code for code, name in layout.SOURCE_FORMATS.items()}
_CODE_OF_MODE = {name: code for code, name in layout.SOURCE_MODES.items()}


def tile_to_bytes(tile: Tile) -> bytes:
    """The CRC of the symbols, then the stream."""
    return layout.TILE_HEAD.pack(tile.symbols_crc) + tile.stream


def tile_of_bytes(payload: bytes) -> Tile:
    """The same backwards; DamagedLatent where there is too little of it."""
    if len(payload) < layout.TILE_HEAD.size:
        raise DamagedLatent("a tile without the checksum of its symbols")
    if payload.endswith(b"\0") and len(payload) > layout.TILE_HEAD.size:
        raise DamagedLatent("a stream of symbols with zeros at its end")
    (crc,) = layout.TILE_HEAD.unpack_from(payload)
    return Tile(payload[layout.TILE_HEAD.size :], crc)


def exact_to_bytes(exact: Exact) -> bytes:
    """The number of the coder, then what it wrote."""
    return bytes([_CODE_OF_CODEC[exact.codec]]) + exact.data


def exact_of_bytes(payload: bytes) -> Exact:
    """The same backwards; NewerLatent where the coder is not known yet."""
    if payload[0] not in layout.EXACT_CODECS:
        raise NewerLatent(f"holds an exact picture by coder {payload[0]}, which is not known yet")
    return Exact(layout.EXACT_CODECS[payload[0]], payload[1:])


def resolution_to_bytes(dots: tuple[float, float]) -> bytes:
    """Dots per inch across and down; nothing where a number says nothing."""
    return layout.RESOLUTION_FIELDS.pack(*dots) if _is_resolution(dots) else b""


def resolution_of_bytes(payload: bytes) -> tuple[float, float]:
    """The same backwards."""
    dots = layout.RESOLUTION_FIELDS.unpack(payload) if len(payload) == layout.RESOLUTION_FIELDS.size else (0.0, 0.0)
    if not _is_resolution(dots):
        raise DamagedLatent("a resolution that is not two numbers above zero")
    return dots


def _is_resolution(dots: tuple[float, float]) -> bool:
    return all(math.isfinite(number) and number > 0 for number in dots)


def source_to_bytes(source: SourceFacts) -> bytes:
    """Numbers of format and mode, and a flag."""
    flags = layout.SOURCE_LOSSLESS if source.lossless else 0
    return layout.SOURCE_FIELDS.pack(_CODE_OF_FORMAT[source.format], _CODE_OF_MODE[source.mode], flags)


def source_of_bytes(payload: bytes) -> SourceFacts | None:
    """The same backwards; None where a number is of a later list."""
    if len(payload) != layout.SOURCE_FIELDS.size:
        raise DamagedLatent("facts of a source that are not three bytes")
    format_, mode, flags = layout.SOURCE_FIELDS.unpack(payload)
    if format_ not in layout.SOURCE_FORMATS or mode not in layout.SOURCE_MODES:
        return None
    return SourceFacts(
        layout.SOURCE_FORMATS[format_], layout.SOURCE_MODES[mode], bool(flags & layout.SOURCE_LOSSLESS)
    )
