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
import stat
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

_BINARY = getattr(os, "O_BINARY", 0)  # Windows would write two bytes for a line break

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

# Errors that mean "this folder cannot be synced", not "data was lost". Windows opens no folders (EACCES), and a
# folder may allow writing without reading. Some network file systems have no sync of folders.
_NO_OPEN_OF_FOLDERS = {errno.EACCES}
_NO_SYNC_OF_FOLDERS = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextmanager
def whole_file(path: Path, *, times_ns: tuple[int, int] | None = None) -> Iterator[BinaryIO]:
    """Opens a file that takes the name *path* when the block ends, with all its bytes on the disk.

    An exception in the block, or while closing, leaves *path* as it was and no temporary file. Makes missing
    folders. Errors of the disk become UnwritableImage or OutputFull; if only the sync of the folder fails, the new
    file already has its name, but may not survive a power cut. Safe beside other writers of the same name:
    the last wins. A link gives its name to the new file, and what it led to stays; a folder, pipe or device is
    never replaced.
    """
    _refuse_special(path)
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary, opened = _open_held(path)
        with opened as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if times_ns is not None:
                os.utime(temporary, ns=times_ns)
            if fcntl:
                os.replace(temporary, path)  # while the lock is held, so no other process removes it as a left-over
        if not fcntl:
            os.replace(temporary, path)  # Windows renames closed files only
        _sync_folder(path.parent)
    except OSError as error:
        raise as_unwritable(path, error) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> list[Path]:
    """Removes temporary files that killed runs left in *folder* (not below it); returns what it removed."""
    removed = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not (entry.name.startswith(PREFIX) and entry.name.endswith(SUFFIX)):
                continue
            if entry.is_file(follow_symlinks=False) and _removed_if_abandoned(Path(entry.path)):
                removed.append(Path(entry.path))
    return removed


def append_line_durably(path: Path, line: str) -> None:
    """Adds one line to the end of *path* in one write, and syncs it.

    Lines of several writers never mix. What a full disk or a power cut left of a line stays a line of its own, and
    empty lines may stand between: a reader drops both. Neither ever spoils the next line.
    """
    if "\n" in line:
        raise ValueError("a line holds no line break")
    data = line.encode() + b"\n"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | _BINARY, 0o666)
        try:
            size = os.fstat(descriptor).st_size
            if size and not _ends_with_break(descriptor, size):
                data = b"\n" + data
            if os.write(descriptor, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if not size:
            _sync_folder(path.parent)
    except OSError as error:
        raise as_unwritable(path, error) from error


def _temporary_name(path: Path) -> str:
    # A digest, not the name itself: a name of 255 bytes has no room for a suffix.
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:8]
    return f"{PREFIX}{digest}-{secrets.token_hex(6)}{SUFFIX}"


def _refuse_special(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # nothing there, or nothing that can be seen: writing will tell
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe, socket or device"
        raise UnwritableImage(f"{path}: cannot be written ({kind} has that name).", hint="Choose another name.")


def _open_held(path: Path) -> tuple[Path, BinaryIO]:
    """A new temporary file for *path*, locked as long as it is open."""
    while True:
        temporary = path.with_name(_temporary_name(path))
        file = open(temporary, "xb")  # noqa: SIM115 - the caller closes it
        if not fcntl:
            return temporary, file
        with suppress(OSError):  # some network file systems know no locks
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        if temporary.exists():
            return temporary, file
        file.close()  # remove_leftovers of another run was quicker than the lock


def _removed_if_abandoned(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            if fcntl:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()  # while the lock is held: its writer could take the lock in between
        if not fcntl:
            path.unlink()  # Windows removes closed files only, and no file that its writer has open
    except OSError:
        return False
    return True


def _ends_with_break(descriptor: int, size: int) -> bool:
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) == b"\n"


def _sync_folder(folder: Path) -> None:
    """Syncs the names in *folder*. Raises OSError unless the system merely has no way to do so."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError as error:
        if error.errno in _NO_OPEN_OF_FOLDERS:
            return
        raise
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC_OF_FOLDERS:
            raise
    finally:
        os.close(descriptor)


def as_unwritable(path: Path, error: OSError) -> UnwritableImage:
    """What the disk said about writing *path*, as an error for people."""
    if error.errno in _FULL:
        return OutputFull(f"{path}: no space left to write it.")
    reason = error.strerror or str(error)
    return UnwritableImage(
        f"{path}: cannot be written ({reason}).",
        hint="Check that the folder exists, is a folder, and may be written to.",
    )
