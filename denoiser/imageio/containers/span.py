"""Bounded reading of a file's bytes: what lies outside of it is an error, never a surprise or an allocation."""

from __future__ import annotations

import mmap
import zlib

from denoiser.errors import UnreadableImage

Data = bytes | bytearray | memoryview | mmap.mmap

MAX_BLOCK_BYTES = 32 << 20  # profile, EXIF, XMP, IPTC: the largest that are met have a few megabytes
MAX_PARTS = 1 << 20  # chunks, boxes, directories: libpng's 8 KB chunks reach 8 GB with as many


def broken(reason: str) -> UnreadableImage:
    """Return the error for a corrupt structure; the caller adds the file name."""
    return UnreadableImage(reason)


class Span:
    """A stretch of a file that reads cannot leave; makes no copy but of what is taken. Works on a memory map."""

    __slots__ = ("data", "end", "start")

    def __init__(self, data: Data, start: int = 0, end: int | None = None) -> None:
        self.data = data
        self.start = start
        self.end = len(data) if end is None else end

    def __len__(self) -> int:
        return self.end - self.start

    def has(self, at: int, size: int) -> bool:
        """Whether *size* bytes from *at* lie inside; true for none at the very end."""
        return size >= 0 and self.start <= at and at + size <= self.end

    def take(self, at: int, size: int) -> bytes:
        """The bytes from *at*, all of them or UnreadableImage."""
        if not self.has(at, size):
            raise broken("truncated: its structure points beyond the end of the file")
        return bytes(self.data[at : at + size])

    def number(self, at: int, size: int, order: str = ">") -> int:
        """The unsigned number of *size* bytes; *order* is "<" or ">" as in struct."""
        return int.from_bytes(self.take(at, size), "little" if order == "<" else "big")

    def inner(self, at: int, size: int) -> Span:
        """The same for a stretch inside this one."""
        if not self.has(at, size):
            raise broken("truncated: its structure points beyond the end of the file")
        return Span(self.data, at, at + size)


def inflate(data: bytes, limit: int = MAX_BLOCK_BYTES) -> bytes | None:
    """The bytes of a zlib stream, or None when it is broken, cut, or grows beyond *limit*."""
    engine = zlib.decompressobj()
    try:
        plain = engine.decompress(data, limit)
    except zlib.error:
        return None
    return plain if engine.eof else None
