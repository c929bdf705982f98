"""A file appears whole or not at all.

The bytes go into a temporary file in the target folder, are synced, and take the name in one step; the folder
is synced after it. A killed run leaves at most temporary files, known by their names; `remove_leftovers` takes
them away and spares those that a living process still holds.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from denoiser.errors import OutputFull, UnwritableImage

try:
    import fcntl
except ImportError:  # Windows: an open file cannot be removed there, which protects it just as well
    fcntl = None  # type: ignore[assignment]

PREFIX = ".denoise-"
SUFFIX = ".part"

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def whole_file(path: Path, *, times_ns: tuple[int, int] | None = None) -> Iterator[BinaryIO]:
    """Opens a file that takes the name *path* when the block ends, with all its bytes on the disk.

    An exception in the block, or while closing, leaves *path* as it was and no temporary file. Makes missing
    folders. Errors of the disk become UnwritableImage or OutputFull. Safe beside other writers of the same name:
    the last wins.
    """
    temporary = path.with_name(_temporary_name(path))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(temporary, "xb") as file:
            _hold(file)
            yield file
            file.flush()
            os.fsync(file.fileno())
            if times_ns is not None:
                os.utime(temporary, ns=times_ns)
            if fcntl:
                os.replace(temporary, path)  # while the lock is held: nobody takes it for a left-over in between
        if not fcntl:
            os.replace(temporary, path)  # Windows renames closed files only
        _sync_folder(path.parent)
    except OSError as error:
        raise _as_ours(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> list[Path]:
    """Removes temporary files that killed runs left in *folder* (not below it); returns what it removed."""
    removed = []
    with suppress(OSError):
        for entry in os.scandir(folder):
            if not (entry.name.startswith(PREFIX) and entry.name.endswith(SUFFIX)):
                continue
            if entry.is_file(follow_symlinks=False) and _is_abandoned(Path(entry.path)):
                with suppress(OSError):
                    os.unlink(entry.path)
                    removed.append(Path(entry.path))
    return removed


def append_line_durably(path: Path, line: str) -> None:
    """Adds one line to the end of *path* in one write, and syncs it. A torn line can only be the last."""
    if "\n" in line:
        raise ValueError("a line holds no line break")
    data = line.encode() + b"\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _as_ours(path, error) from error


def _temporary_name(path: Path) -> str:
    # A digest, not the name itself: a name of 255 bytes has no room for a suffix.
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:8]
    return f"{PREFIX}{digest}-{secrets.token_hex(6)}{SUFFIX}"


def _hold(file: BinaryIO) -> None:
    if fcntl:
        with suppress(OSError):  # some network file systems know no locks
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


def _is_abandoned(path: Path) -> bool:
    if not fcntl:
        return True
    try:
        with open(path, "rb") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _sync_folder(folder: Path) -> None:
    with suppress(OSError):  # not every system lets a folder be opened; the rename itself is done
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _as_ours(path: Path, error: OSError) -> UnwritableImage:
    if error.errno in _FULL:
        return OutputFull(f"{path}: no space left to write it.")
    reason = error.strerror or str(error)
    return UnwritableImage(
        f"{path}: cannot be written ({reason}).",
        hint="Check that the folder exists, is a folder, and may be written to.",
    )
