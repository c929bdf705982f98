"""How a file is known again: by size and time at a glance, by its content where that is not enough."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from denoiser.errors import UnreadableImage

_CHUNK = 1 << 20  # bytes at a time: large enough for the disk, small beside a picture


@dataclass(frozen=True, slots=True)
class Stamp:
    """Size and time of the last change; another one means another content."""

    size: int
    mtime_ns: int


def stamp_of(path: Path) -> Stamp | None:
    """The stamp of a file, or None where none can be looked at."""
    try:
        status = path.stat()
    except OSError:
        return None
    return Stamp(status.st_size, status.st_mtime_ns)


def sha256_of(path: Path) -> str:
    """The digest of all bytes of a file, as `sha256sum` prints it."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        raise UnreadableImage(f"{path}: cannot be read again ({error.strerror}).") from error
    return digest.hexdigest()
