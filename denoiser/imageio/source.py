"""Reads the bytes of regular files, never more than the limit; limits are checked before memory is allocated."""

from __future__ import annotations

import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from denoiser.errors import ImageTooLarge, UnreadableImage
from denoiser.imageio import formats
from denoiser.imageio.formats import Format
from denoiser.options import ReadOptions

# A file may be this much larger than the largest allowed image (4 channels of float).
_BYTES_PER_PIXEL = 16
_BYTES_BESIDE_PIXELS = 1 << 28


def refuse_pixels(width: int, height: int, limit: int) -> None:
    """Raise ImageTooLarge for an image of more pixels than the limit."""
    if width * height > limit:
        raise ImageTooLarge(f"has {width}x{height} pixels, more than the limit of {limit:,}")


def refuse_bytes(size: int, limit: int) -> None:
    """Raise ImageTooLarge for a file of more bytes than any image at the limit of pixels can need."""
    if size > limit * _BYTES_PER_PIXEL + _BYTES_BESIDE_PIXELS:
        raise ImageTooLarge(f"has {size:,} bytes, more than an image at the limit of {limit:,} pixels can need")


@dataclass(frozen=True, slots=True)
class SourceBytes:
    """A file in memory."""

    data: bytes
    format: Format
    times_ns: tuple[int, int] | None = None


def from_path(path: Path, options: ReadOptions) -> SourceBytes:
    """Return all bytes of a regular file, with its times; opened read-only, without blocking."""
    with opened(path) as file:
        status = os.fstat(file.fileno())
        try:
            head = file.read(formats.HEAD_BYTES)
            row = recognise(head, path.name)
            refuse_bytes(status.st_size, options.max_pixels)
            data = head + file.read()
        except OSError as error:
            raise UnreadableImage(f"cannot be read ({error.strerror or error})") from error
    if len(data) < status.st_size:
        raise UnreadableImage(f"was truncated while it was read ({status.st_size} to {len(data)} bytes)")
    return SourceBytes(data, row, (status.st_atime_ns, status.st_mtime_ns))


@contextmanager
def mapped(path: Path) -> Iterator[tuple[mmap.mmap, Format]]:
    """Yield a memory-mapped file and its format, for reading its header."""
    with opened(path) as file:
        row = recognise(file.read(formats.HEAD_BYTES), path.name)
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            yield data, row


def opened(path: Path) -> BinaryIO:
    """Open a regular file read-only without blocking; raise UnreadableImage for anything else."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    except (OSError, ValueError) as error:
        raise UnreadableImage(_why_not_opened(path, error), hint="Check the name and the permissions.") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        raise UnreadableImage(f"is {kind_of(status.st_mode)}, not a file", hint="Give the path of an image file.")
    return open(descriptor, "rb")


def from_bytes(data: bytes, name: str, options: ReadOptions) -> SourceBytes:
    """Do the same with bytes, for example from a pipe."""
    row = recognise(data[: formats.HEAD_BYTES], name)
    refuse_bytes(len(data), options.max_pixels)
    return SourceBytes(data, row)


def recognise(head: bytes, name: str) -> Format:
    """Return the format of these first bytes, or raise UnreadableImage."""
    if not head:
        raise UnreadableImage("is empty")
    return formats.sniff(head, name)


def _why_not_opened(path: Path, error: OSError | ValueError) -> str:
    if isinstance(error, ValueError):  # a NUL in the name
        return "is no possible file name"
    try:
        mode = os.stat(path).st_mode
    except OSError:
        mode = stat.S_IFREG
    if not stat.S_ISREG(mode):
        return f"is {kind_of(mode)}, not a file"
    return f"cannot be opened ({error.strerror or error})"


def kind_of(mode: int) -> str:
    """Return what a file of this mode is, if it is not a regular file."""
    kinds = {
        stat.S_IFDIR: "a folder",
        stat.S_IFIFO: "a pipe",
        stat.S_IFSOCK: "a socket",
        stat.S_IFCHR: "a device",
        stat.S_IFBLK: "a device",
    }
    return kinds.get(stat.S_IFMT(mode), "something else")
