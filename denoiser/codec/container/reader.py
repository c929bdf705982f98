"""Parses latent files. Every field is validated, and sizes are checked before memory is allocated.

Raises DamagedLatent for truncated, corrupt or inconsistent files, NewerLatent for features of later versions, and
ImageTooLarge above the pixel limit. Checks checksums only; no pixels are decoded.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from denoiser.codec.container import blocks, layout
from denoiser.codec.container.grid import TileGrid
from denoiser.codec.container.latent import Exact, LatentFile, TileStream
from denoiser.codec.entropy.symbols import CODER_VERSION
from denoiser.errors import DamagedLatent, NewerLatent, UnreadableImage, UnsupportedFormat
from denoiser.image import Metadata
from denoiser.imageio import source
from denoiser.imageio.reader import named
from denoiser.options import ReadOptions


def read(path: Path, options: ReadOptions = ReadOptions()) -> LatentFile:
    """Read and validate the latent file at *path*; errors name it."""
    with named(str(path)):
        with source.opened(path) as file:
            size = os.fstat(file.fileno()).st_size
            try:
                head = file.read(len(layout.MAGIC))
                _check_magic(head)
                source.refuse_bytes(size, options.max_pixels)
                data = head + file.read()
            except OSError as error:
                raise UnreadableImage(f"cannot be read ({error.strerror or error})") from error
        return _parsed(data, options)


def read_bytes(data: bytes, name: str, options: ReadOptions = ReadOptions()) -> LatentFile:
    """Parse a latent file from bytes; *name* is used in messages."""
    with named(name):
        return _parsed(data, options)


@dataclass(frozen=True, slots=True)
class Probe:
    """The image properties in the header of a file."""

    width: int
    height: int
    bits: int


def probe(path: Path) -> Probe:
    """Size and bit depth of the latent file at *path*, from its header only; nothing else is validated."""
    with named(str(path)):
        with source.opened(path) as file:
            try:
                head = file.read(layout.HEADER_BYTES)
            except OSError as error:
                raise UnreadableImage(f"cannot be read ({error.strerror or error})") from error
        _check_magic(head)
        fields = _header(head)
        return Probe(fields["width"], fields["height"], fields["bits"])


def is_latent(head: bytes) -> bool:
    """Whether a file that starts with these bytes is a latent file."""
    return head.startswith(layout.MAGIC)


def _parsed(data: bytes, options: ReadOptions) -> LatentFile:
    _check_magic(data)
    fields = _header(data, options.max_pixels)
    grid = fields["grid"]
    if grid is not None and len(grid) * (layout.CHUNK_BYTES + layout.TILE_HEAD.size) > len(data):
        raise DamagedLatent(f"truncated: {len(data)} bytes cannot contain {len(grid)} tiles")
    found = _ChunkContents()
    for kind, payload in _chunks(data):
        found.take(kind, payload)
    return LatentFile(
        **fields,
        tiles=tuple(found.tiles),
        alpha=found.alpha,
        exact=found.exact,
        metadata=Metadata(**found.metadata),
        passed_over=tuple(found.passed_over),
        **found.others,
    )


def _check_magic(data: bytes) -> None:
    if not data:
        raise DamagedLatent("is empty")
    if not data.startswith(layout.MAGIC[: len(data)]):
        raise UnsupportedFormat(
            "is not a latent file", hint="`denoise decode` reads the .dlf files that `denoise encode` writes."
        )


def _header(data: bytes, max_pixels: int = layout.MAX_SIDE**2) -> dict[str, Any]:
    """The fields of the header, by the names of LatentFile."""
    if len(data) < layout.HEADER_BYTES:
        raise DamagedLatent("truncated within the header")
    values = layout.HEADER.unpack_from(data)
    _, version, coder, channels, bits, width, height, step, flags, across, down, weights = values
    if version > layout.FORMAT_VERSION:
        raise NewerLatent(f"has format version {version}; this program reads version {layout.FORMAT_VERSION}")
    (crc,) = layout.CRC.unpack_from(data, layout.HEADER.size)
    if version != layout.FORMAT_VERSION or crc != zlib.crc32(data[: layout.HEADER.size]):
        raise DamagedLatent("corrupt: the header checksum does not match")
    if coder > CODER_VERSION or flags & ~layout.KNOWN_FLAGS:
        raise NewerLatent(f"needs unknown features (coder version {coder}, flags {flags:#x})")
    if not 1 <= width <= layout.MAX_SIDE or not 1 <= height <= layout.MAX_SIDE:
        raise DamagedLatent(f"invalid size of {width}x{height} pixels")
    source.refuse_pixels(width, height, max_pixels)
    exact = coder == 0
    if exact and (across or down or any(weights)):
        raise DamagedLatent("a lossless image cannot have tiles or weights")
    unit = layout.TILE_UNIT
    return {
        "width": width,
        "height": height,
        "channels": channels,
        "bits": bits,
        "step": step,
        "has_alpha": bool(flags & layout.FLAG_ALPHA),
        "cleaned": bool(flags & layout.FLAG_CLEANED),
        "weights": "" if exact else weights.hex(),
        "grid": None if exact else TileGrid(width, height, across * unit, down * unit),
    }


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and payload of each chunk before the end, validated for checksum and order."""
    view, at, rank = memoryview(data), layout.HEADER_BYTES, 0
    while True:
        if len(data) - at < layout.CHUNK_BYTES:
            raise DamagedLatent("truncated: the end chunk is missing")
        kind, size = layout.CHUNK.unpack_from(data, at)
        if not kind.isalpha():
            raise DamagedLatent("corrupt: a chunk type is not four letters")
        end = at + layout.CHUNK.size + size
        if size > len(data) - at - layout.CHUNK_BYTES:
            raise DamagedLatent(f"truncated within the {kind.decode()} chunk")
        if layout.CRC.unpack_from(data, end)[0] != zlib.crc32(view[at:end]):
            raise DamagedLatent(f"corrupt: the checksum of the {kind.decode()} chunk does not match")
        payload = bytes(view[at + layout.CHUNK.size : end])
        rank = _in_order(kind, rank)
        if kind == layout.DONE:
            _check_end(view, at, end, payload)
            return
        yield kind, payload
        at = end + layout.CRC.size


def _in_order(kind: bytes, rank: int) -> int:
    own = layout.ORDER.get(kind)
    if own is None:
        if kind[:1].isupper():
            raise NewerLatent(f"needs the unknown chunk {kind.decode()}")
        return rank
    if own < rank or (own == rank and kind != layout.TILE):
        raise DamagedLatent(f"the {kind.decode()} chunk is duplicate or out of order")
    return own


def _check_end(data: memoryview, at: int, end: int, payload: bytes) -> None:
    if len(payload) != layout.CRC.size or layout.CRC.unpack(payload)[0] != zlib.crc32(data[:at]):
        raise DamagedLatent("corrupt: the file checksum does not match")
    if end + layout.CRC.size != len(data):
        raise DamagedLatent("has data after the end chunk")


@dataclass
class _ChunkContents:
    """The contents of the chunks read so far."""

    tiles: list[TileStream] = field(default_factory=list)
    alpha: Exact | None = None
    exact: Exact | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    others: dict[str, Any] = field(default_factory=dict)
    passed_over: list[str] = field(default_factory=list)

    def take(self, kind: bytes, payload: bytes) -> None:
        """Store one chunk."""
        if not payload:
            raise DamagedLatent(f"the {kind.decode()} chunk is empty")
        if kind == layout.TILE:
            self.tiles.append(blocks.tile_of_bytes(payload))
        elif kind == layout.ALPHA:
            self.alpha = blocks.exact_of_bytes(payload)
        elif kind == layout.EXACT:
            self.exact = blocks.exact_of_bytes(payload)
        elif kind in _METADATA:
            self.metadata[_METADATA[kind]] = payload
        elif kind == layout.COMMENT:
            self.metadata["comment"] = _text(payload)
        elif kind == layout.RESOLUTION:
            self.metadata["resolution"] = blocks.resolution_of_bytes(payload)
        elif kind in _PARSED:
            name, parse = _PARSED[kind]
            self.others[name] = parse(payload)
        elif kind in _OTHERS:
            self.others[_OTHERS[kind]] = payload
        else:
            self.passed_over.append(kind.decode())
            if len(self.passed_over) > layout.MAX_UNKNOWN_CHUNKS:
                raise DamagedLatent(f"more than {layout.MAX_UNKNOWN_CHUNKS} unknown chunks")


_METADATA = {
    layout.EXIF: "exif",
    layout.XMP: "xmp",
    layout.IPTC: "iptc",
    layout.PNG: "png",
    layout.RESOURCES: "resources",
}
_PARSED: dict[bytes, tuple[str, Callable[[bytes], Any]]] = {
    layout.CICP: ("cicp", blocks.cicp_of_bytes),
    layout.SOURCE: ("source", blocks.source_of_bytes),
    layout.JPEG: ("jpeg", blocks.jpeg_of_bytes),
}
_OTHERS = {layout.PROFILE: "profile", layout.THUMBNAIL: "thumbnail", layout.NOISE: "noise"}


def _text(payload: bytes) -> str:
    try:
        return payload.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DamagedLatent("the comment is not UTF-8") from error
