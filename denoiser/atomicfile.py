"""Writes files atomically: completely, or not at all.

The data is written to a temporary file in the target folder, synced, and renamed; then the folder is synced. A
killed run leaves only temporary files, which `remove_leftovers` deletes unless a running process still holds them.
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
except ImportError:  # Windows: open files cannot be removed there, which protects them as well
    fcntl = None  # type: ignore[assignment]

PREFIX = ".denoise-"
SUFFIX = ".part"

_BINARY = getattr(os, "O_BINARY", 0)  # otherwise Windows writes two bytes for a line break

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

# Errors that mean "folders cannot be synced here", not "data was lost". Windows cannot open folders (EACCES), and a
# folder may be writable but not readable. Some network file systems cannot sync folders.
_NO_OPEN_OF_FOLDERS = {errno.EACCES}
_NO_SYNC_OF_FOLDERS = {errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP}


@contextmanager
def whole_file(path: Path, *, times_ns: tuple[int, int] | None = None) -> Iterator[BinaryIO]:
    """Open a file that is renamed to *path* when the block ends, after a sync.

    An exception in the block, or while closing, leaves *path* unchanged and removes the temporary file. Creates
    missing folders. Disk errors become UnwritableImage or OutputFull; if only the sync of the folder fails, the new
    file already exists, but may be lost in a power failure. With several writers of the same name the last wins. A
    symbolic link is replaced, not its target; folders, pipes and devices are never replaced.
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
                os.replace(temporary, path)  # while the lock is held, so no other process removes it as a leftover
        if not fcntl:
            os.replace(temporary, path)  # Windows can only rename closed files
        _sync_folder(path.parent)
    except OSError as error:
        raise as_unwritable(path, error) from error
    finally:
        if temporary is not None:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> list[Path]:
    """Remove and return the temporary files that killed runs left in *folder*, not in its subfolders."""
    removed = []
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not (entry.name.startswith(PREFIX) and entry.name.endswith(SUFFIX)):
                continue
            if entry.is_file(follow_symlinks=False) and _removed_if_abandoned(Path(entry.path)):
                removed.append(Path(entry.path))
    return removed


def append_line_durably(path: Path, line: str) -> None:
    """Append one line to *path* in one write, and sync it.

    Lines of several writers never mix. If a full disk or a power failure truncated the last line, a line break is
    added first; readers must ignore invalid and empty lines.
    """
    if "\n" in line:
        raise ValueError("a line must not contain a line break")
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
    # A digest, because a name of 255 bytes cannot be extended.
    digest = hashlib.sha256(os.fsencode(path.name)).hexdigest()[:8]
    return f"{PREFIX}{digest}-{secrets.token_hex(6)}{SUFFIX}"


def _refuse_special(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError:
        return  # does not exist, or is not accessible: writing reports it
    if not stat.S_ISREG(mode):
        kind = "a folder" if stat.S_ISDIR(mode) else "a pipe, socket or device"
        raise UnwritableImage(f"{path}: cannot be written ({kind} has that name).", hint="Choose another name.")


def _open_held(path: Path) -> tuple[Path, BinaryIO]:
    """Create a temporary file for *path*, locked while it is open."""
    while True:
        temporary = path.with_name(_temporary_name(path))
        file = open(temporary, "xb")  # noqa: SIM115 - the caller closes it
        if not fcntl:
            return temporary, file
        with suppress(OSError):  # some network file systems do not support locks
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
        if temporary.exists():
            return temporary, file
        file.close()  # another run removed it before it was locked


def _removed_if_abandoned(path: Path) -> bool:
    try:
        with open(path, "rb") as file:
            if fcntl:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()  # while the lock is held, or its writer could take the lock in between
        if not fcntl:
            path.unlink()  # Windows can only remove closed files
    except OSError:
        return False
    return True


def _ends_with_break(descriptor: int, size: int) -> bool:
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) == b"\n"


def _sync_folder(folder: Path) -> None:
    """Sync the entries of *folder*. Ignores errors that mean that the system does not support it."""
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
    """An OSError while writing *path* as an error with message and hint."""
    if error.errno in NO_SPACE:
        return OutputFull(f"{path}: no space left to write it.")
    reason = error.strerror or str(error)
    return UnwritableImage(
        f"{path}: cannot be written ({reason}).",
        hint="Check that the folder exists, is a folder, and may be written to.",
    )
