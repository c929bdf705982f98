"""Bounded reading of a file's bytes: reading beyond the end is an error, and nothing is allocated before."""

from __future__ import annotations

import mmap
import zlib
from dataclasses import dataclass
from typing import Literal

from denoiser.errors import UnreadableImage

Data = bytes | bytearray | memoryview | mmap.mmap
ByteOrder = Literal["little", "big"]

MAX_BLOCK_BYTES = 32 << 20  # of a profile, EXIF, XMP or IPTC block; real ones have a few megabytes at most
MAX_PARTS = 1 << 20  # chunks, boxes or directories; with libpng's chunks of 8 KB these are 8 GB


def broken(reason: str) -> UnreadableImage:
    """Return the error for a corrupt structure; the caller adds the file name."""
    return UnreadableImage(reason)


class ByteSpan:
    """A range of bytes that reads cannot leave. Copies only what is taken; works on a memory map, too."""

    __slots__ = ("data", "end", "start")

    def __init__(self, data: Data, start: int = 0, end: int | None = None) -> None:
        self.data = data
        self.start = start
        self.end = len(data) if end is None else end

    def __len__(self) -> int:
        return self.end - self.start

    def has(self, at: int, size: int) -> bool:
        """Return whether *size* bytes from *at* are inside; an empty range at the end is."""
        return size >= 0 and self.start <= at and at + size <= self.end

    def take(self, at: int, size: int) -> bytes:
        """Return *size* bytes from *at*, or raise UnreadableImage."""
        inner = self.inner(at, size)
        return bytes(self.data[inner.start : inner.end])

    def number(self, at: int, size: int, order: ByteOrder = "big") -> int:
        """Return the unsigned number of *size* bytes."""
        return int.from_bytes(self.take(at, size), order)

    def inner(self, at: int, size: int) -> ByteSpan:
        """Return a range inside this one."""
        if not self.has(at, size):
            raise broken("truncated: its structure points beyond the end of the file")
        return ByteSpan(self.data, at, at + size)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk of a PNG or WebP: its name, and *size* bytes of data from *at*."""

    name: bytes
    at: int
    size: int


def inflate(data: bytes, limit: int = MAX_BLOCK_BYTES) -> bytes | None:
    """Decompress a zlib stream; return None if it is corrupt, truncated, or larger than *limit*."""
    engine = zlib.decompressobj()
    try:
        plain = engine.decompress(data, limit)
    except zlib.error:
        return None
    return plain if engine.eof else None
