"""Finds images below the paths of a call, in a stable order, and lists skipped files."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from denoiser.errors import UsageError

# Our own folder of records and our temporary files; what other systems leave beside pictures.
_OWN = ".denoise"
_JUNK_NAMES = frozenset({"thumbs.db", "desktop.ini", ".ds_store", "__macosx"})
_JUNK_PREFIX = "._"  # AppleDouble: named like the picture, and holds none

_KINDS = {
    stat.S_IFIFO: "a pipe, not a file",
    stat.S_IFSOCK: "a socket, not a file",
    stat.S_IFCHR: "a device, not a file",
    stat.S_IFBLK: "a device, not a file",
}

NameTest = Callable[[Path], bool]


@dataclass(frozen=True, slots=True)
class Find:
    """A file that may be a picture, and where it stands below the path that was given."""

    path: Path
    below: PurePath
    identity: tuple[int, int]  # of the file itself, whatever its name: device and inode


@dataclass(frozen=True, slots=True)
class Passed:
    """A skipped file or folder, and the reason."""

    path: Path
    reason: str


@dataclass(frozen=True, slots=True)
class Discovery:
    """Everything that was met; *folders* are the sources that are folders, *others* counts files of other kinds."""

    finds: tuple[Find, ...]
    passed: tuple[Passed, ...]
    folders: tuple[Path, ...]
    others: int
    absent: tuple[Path, ...] = ()  # listed, and not there


def discover(
    sources: Sequence[Path],
    *,
    is_picture_name: NameTest,
    recursive: bool = True,
    leave_out: Path | None = None,
    listed: Iterable[Path] = (),
) -> Discovery:
    """Looks at names and kinds only, never into a file; follows links, but in no circle.

    A file that is named itself is taken whatever its suffix; *leave_out* (the output folder) is not walked.
    A source that does not exist is a UsageError. What is *listed* keeps the folders of its name, and one of
    many thousand names that leads nowhere does not end the call.
    """
    walk = _Walk(is_picture_name, recursive, leave_out)
    for source in sources:
        walk.take_source(source, below=PurePath(source.name), top=PurePath())
    absent = []
    for source in listed:
        below = _below(source)
        try:
            walk.take_source(source, below=below, top=below)
        except UsageError:
            absent.append(source)
    return Discovery(tuple(walk.finds), tuple(walk.passed), tuple(walk.folders), walk.others, tuple(absent))


def _below(listed: Path) -> PurePath:
    """The place of a listed file below the output folder: its own folders, without root or drive."""
    if ".." in listed.parts:
        raise UsageError(
            f"{listed}: names in a list must not contain '..'.",
            hint="Use paths relative to the current folder, or absolute paths.",
        )
    return PurePath(*listed.parts[1:]) if listed.is_absolute() else PurePath(listed)


class _Walk:
    def __init__(self, is_picture_name: NameTest, recursive: bool, leave_out: Path | None) -> None:
        self.finds: list[Find] = []
        self.passed: list[Passed] = []
        self.folders: list[Path] = []
        self.others = 0
        self._is_picture_name = is_picture_name
        self._recursive = recursive
        self._left_out = _identity(leave_out) if leave_out else None
        self._walked: dict[tuple[int, int], Path] = {}
        self._taken: set[tuple[str, PurePath]] = set()
        self._real: dict[Path, str] = {}

    def take_source(self, source: Path, *, below: PurePath, top: PurePath) -> None:
        """Takes a file for the place *below*, or what lies in a folder for places below *top*."""
        try:
            status = source.stat()
        except OSError as error:
            raise _not_there(source, error) from error
        if stat.S_ISDIR(status.st_mode):
            self.folders.append(source)
            self._walk_folder(source, top)
        elif stat.S_ISREG(status.st_mode):
            self._take(Find(source, below, (status.st_dev, status.st_ino)))
        else:
            self.passed.append(Passed(source, _kind(status.st_mode)))

    def _walk_folder(self, top: Path, below_top: PurePath) -> None:
        # A list of folders still to do, not recursion: trees are deeper than Python's stack.
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
        identity = _identity(folder)
        if identity is not None and identity == self._left_out:
            return
        if identity in self._walked:
            self.passed.append(Passed(folder, f"the same folder as {self._walked[identity]}, processed once"))
            return
        if identity is not None:
            self._walked[identity] = folder
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            self.passed.append(Passed(folder, f"cannot be listed ({error.strerror})"))
            return
        yield from (entry for entry in found if not _is_junk(entry.name))

    def _look_at(self, path: Path, below: PurePath) -> tuple[Path, PurePath] | None:
        """Takes a file; gives back a folder."""
        try:
            status = path.stat()
        except OSError as error:
            reason = "a broken link" if path.is_symlink() else f"cannot be accessed ({error.strerror})"
            self.passed.append(Passed(path, reason))
            return None
        if stat.S_ISDIR(status.st_mode):
            return path, below
        if not stat.S_ISREG(status.st_mode):
            self.passed.append(Passed(path, _kind(status.st_mode)))
        elif self._is_picture_name(path):
            self._take(Find(path, below, (status.st_dev, status.st_ino)))
        else:
            self.others += 1
        return None

    def _take(self, find: Find) -> None:
        parent = find.path.parent
        if parent not in self._real:  # asked once per folder: it looks at every link on the way
            self._real[parent] = os.path.realpath(parent)
        once = (self._real[parent] + os.sep + find.path.name, find.below)
        if once not in self._taken:
            self._taken.add(once)
            self.finds.append(find)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_junk(name: str) -> bool:
    return name.startswith((_JUNK_PREFIX, _OWN)) or name.lower() in _JUNK_NAMES


def _kind(mode: int) -> str:
    return _KINDS.get(stat.S_IFMT(mode), "not a file")


def _not_there(source: Path, error: OSError) -> UsageError:
    if isinstance(error, FileNotFoundError) and not source.is_symlink():
        return UsageError(f"{source}: no such file or folder.", hint="Check the spelling and the current folder.")
    if isinstance(error, FileNotFoundError):
        return UsageError(f"{source}: a broken link.", hint="Give the path of the file itself.")
    return UsageError(f"{source}: cannot be accessed ({error.strerror}).", hint="Check the permissions.")
