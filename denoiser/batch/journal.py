"""Files of records, one JSON object per line: appended by one process, read by all, and possibly truncated.

A `Stamp` (size and time) or a checksum says whether a file has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from denoiser.errors import UnreadableImage

try:
    import fcntl
except ImportError:  # Windows: every other run counts as dead, and what it has begun is tried alone, in vain
    fcntl = None  # type: ignore[assignment]


@dataclass(slots=True)
class Held:
    """A journal that its writer is alive to."""

    file: BinaryIO

    def release(self) -> None:
        """Release the journal for other processes."""
        self.file.close()


def hold(path: Path) -> Held:
    """Makes the file, and marks it as that of a living process until the process ends, however it ends."""
    file = open(path, "ab")  # noqa: SIM115 - open as long as the run is
    if fcntl:
        with suppress(OSError):  # some network file systems know no locks
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
    return Held(file)


def try_to_hold(path: Path) -> Held | None:
    """The same without waiting: None where another living process holds it."""
    file = open(path, "ab")  # noqa: SIM115 - open as long as it is held
    if fcntl:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        except OSError:
            pass  # some network file systems know no locks
    return Held(file)


def is_held(path: Path) -> bool:
    """Whether a living process, here or on another machine with a common lock, writes this file."""
    if not fcntl:
        return False
    try:
        with path.open("rb") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def line(words: Mapping[str, Any]) -> str:
    """One fact as one line of ASCII; bytes of names that are no text come back as they were."""
    return json.dumps(words, separators=(",", ":"), default=str)


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a file in order; skip truncated, empty and invalid lines."""
    return (words for _, words in lines_from(path, 0))


def lines_from(path: Path, start: int) -> Iterator[tuple[int, dict[str, Any]]]:
    """The facts after *start* bytes, which is where a line ends, each with the place where it ends itself."""
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        file.seek(start)
        for raw in file:
            if not raw.endswith(b"\n"):
                return  # being written, or torn by a power cut
            start += len(raw)
            try:
                words = json.loads(raw)
            except (ValueError, RecursionError):
                continue
            if isinstance(words, dict):
                yield start, words


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
