"""Finds images below the paths of a call, in a stable order, and lists skipped files."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from denoiser.errors import DenoiserError, UsageError
from denoiser.imageio import formats
from denoiser.imageio.source import kind_of, opened

# Records and temporary files of denoise, and files that other systems leave beside images.
_OWN = ".denoise"
_JUNK_NAMES = frozenset({"thumbs.db", "desktop.ini", ".ds_store", "__macosx"})
_MASK = ".denoise.mask.png"  # of the desktop app
_JUNK_PREFIX = "._"  # AppleDouble: named like the image, but without its pixels

NameTest = Callable[[Path], bool]
Identity = tuple[int, int]  # device and inode


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file that may be an image, and its path relative to the given source."""

    path: Path
    below: PurePath
    identity: Identity


@dataclass(frozen=True, slots=True)
class Skipped:
    """A skipped file or folder, and the reason; *is_error* if it may contain images that cannot be read."""

    path: Path
    reason: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Discovery:
    """The files that were found; *folders* are sources, *others* counts files of other kinds."""

    finds: tuple[FoundFile, ...]
    skipped: tuple[Skipped, ...]
    folders: tuple[Path, ...]
    others: int
    absent: tuple[Path, ...] = ()  # listed, but missing


def discover(
    sources: Sequence[Path],
    *,
    is_image_name: NameTest,
    recursive: bool = True,
    leave_out: Path | None = None,
    listed: Iterable[Path] = (),
) -> Discovery:
    """Find images by name and file type. Follows links, each folder once.

    A file that is a source itself is taken whatever its suffix; *leave_out* (the output folder) is not searched.
    Raises UsageError for a source that does not exist. *listed* files keep the folders of their names; missing ones
    are in `absent`.
    """
    walk = _Walk(is_image_name, recursive, leave_out)
    for source in sources:
        walk.take_source(source, below=PurePath(source.name), top=PurePath())
    absent = []
    for source in listed:
        below = _below(source)
        try:
            walk.take_source(source, below=below, top=below)
        except UsageError:
            absent.append(source)
    return Discovery(tuple(walk.finds), tuple(walk.skipped), tuple(walk.folders), walk.others, tuple(absent))


def _below(listed: Path) -> PurePath:
    """Return the path of a listed file below the output folder: its own folders, without root or drive."""
    if ".." in listed.parts:
        raise UsageError(
            f"{listed}: names in a list must not contain '..'.",
            hint="Use paths relative to the current folder, or absolute paths.",
        )
    return PurePath(*listed.parts[1:]) if listed.is_absolute() else PurePath(listed)


class _Walk:
    def __init__(self, is_image_name: NameTest, recursive: bool, leave_out: Path | None) -> None:
        self.finds: list[FoundFile] = []
        self.skipped: list[Skipped] = []
        self.folders: list[Path] = []
        self.others = 0
        self._is_image_name = is_image_name
        self._recursive = recursive
        self._left_out = identity_of(leave_out) if leave_out else None
        self._walked: dict[tuple[int, int], Path] = {}
        self._taken: set[tuple[str, PurePath]] = set()
        self._real: dict[Path, str] = {}

    def take_source(self, source: Path, *, below: PurePath, top: PurePath) -> None:
        """Take a file as *below*, or the files of a folder as paths below *top*."""
        try:
            status = source.stat()
        except OSError as error:
            raise _not_there(source, error) from error
        if stat.S_ISDIR(status.st_mode):
            self.folders.append(source)
            self._walk_folder(source, top)
        elif stat.S_ISREG(status.st_mode):
            self._take(FoundFile(source, below, (status.st_dev, status.st_ino)))
        else:
            self.skipped.append(Skipped(source, f"{kind_of(status.st_mode)}, not a file"))

    def _walk_folder(self, top: Path, below_top: PurePath) -> None:
        # No recursion: trees may be deeper than Python's stack.
        waiting = [(top, below_top)]
        while waiting:
            folder, below = waiting.pop()
            inner = []
            for entry in self._entries(folder):
                found = self._look_at(Path(entry.path), below / entry.name)
                if found is not None and self._recursive:
                    inner.append(found)
            waiting.extend(reversed(inner))

    def _entries(self, folder: Path) -> Iterator[os.DirEntry[str]]:
        identity = identity_of(folder)
        if identity is not None and identity == self._left_out:
            return
        if identity in self._walked:
            self.skipped.append(Skipped(folder, f"the same folder as {self._walked[identity]}, processed once"))
            return
        if identity is not None:
            self._walked[identity] = folder
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self.skipped.append(Skipped(folder, f"cannot be listed ({error.strerror})", is_error=True))
            return
        yield from (entry for entry in found if not is_junk(entry.name))

    def _look_at(self, path: Path, below: PurePath) -> tuple[Path, PurePath] | None:
        """Take a file, or return a folder."""
        try:
            status = path.stat()
        except OSError as error:
            reason = f"cannot be accessed ({error.strerror})"
            broken = path.is_symlink()
            self.skipped.append(Skipped(path, "a broken link" if broken else reason, is_error=not broken))
            return None
        if stat.S_ISDIR(status.st_mode):
            return path, below
        if not stat.S_ISREG(status.st_mode):
            self.skipped.append(Skipped(path, f"{kind_of(status.st_mode)}, not a file"))
        elif self._is_image_name(path):
            self._take(FoundFile(path, below, (status.st_dev, status.st_ino)))
        else:
            self.others += 1
        return None

    def _take(self, find: FoundFile) -> None:
        parent = find.path.parent
        if parent not in self._real:  # cached, because it resolves every link of the path
            self._real[parent] = os.path.realpath(parent)
        once = (self._real[parent] + os.sep + find.path.name, find.below)
        if once not in self._taken:
            self._taken.add(once)
            self.finds.append(find)


def looks_like_image(path: Path) -> bool:
    """Return whether a file in a folder is an image: by its suffix, or without one by its first bytes."""
    if path.suffix or path.name.startswith("."):
        return formats.is_image_name(path)
    try:
        with opened(path) as file:
            formats.sniff(file.read(formats.HEAD_BYTES))
    except (DenoiserError, OSError):
        return False  # of another kind, or not readable
    return True


def identity_of(path: Path) -> Identity | None:
    """Return device and inode of a file, or None if it cannot be accessed."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def is_junk(name: str) -> bool:
    """Return whether this is the name of a file that denoise or a system keeps beside images."""
    return name.startswith((_JUNK_PREFIX, _OWN)) or name.endswith(_MASK) or name.lower() in _JUNK_NAMES


def _not_there(source: Path, error: OSError) -> UsageError:
    if isinstance(error, FileNotFoundError) and not source.is_symlink():
        return UsageError(f"{source}: no such file or folder.", hint="Check the spelling and the current folder.")
    if isinstance(error, FileNotFoundError):
        return UsageError(f"{source}: a broken link.", hint="Give the path of the file itself.")
    return UsageError(f"{source}: cannot be accessed ({error.strerror}).", hint="Check the permissions.")
