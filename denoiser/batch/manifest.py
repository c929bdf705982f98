"""The records of an output folder: a file per run with one JSON object per line, and what the next run reads.

Each run, and so each shard, writes a file of its own in `.denoise/` of the output folder; `read_history` merges
them, and the newest line on an output counts. A line is appended in one piece and synced; a truncated last line is
ignored. A file of records is locked while its run is alive. docs/manifest.md names every key.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from denoiser import storage
from denoiser.atomicfile import append_line_durably, as_unwritable
from denoiser.batch.settings import Settings
from denoiser.errors import DenoiserError, UnreadableImage, UnwritableImage
from denoiser.storage import Url, Wait

try:
    import fcntl
except ImportError:  # Windows: every other run counts as interrupted, and the files it has begun are tried alone
    fcntl = None  # type: ignore[assignment]

FOLDER = ".denoise"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Stamp:
    """Size and time of the last change of a file. If both are the same, the content counts as unchanged."""

    size: int
    mtime_ns: int


def stamp_of(path: Path, wait: Wait | None = None) -> Stamp | None:
    """Return the stamp of a file, or None if it cannot be accessed.

    A store is asked for that of an object; *wait* pauses between the attempts.
    """
    if isinstance(path, Url):
        found = storage.stat(path, wait=wait)
        return Stamp(found.size, found.mtime_ns) if found else None
    try:
        status = path.stat()
    except OSError:
        return None
    return Stamp(status.st_size, status.st_mtime_ns)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, as `sha256sum` prints it; that of an object is downloaded."""
    if isinstance(path, Url):
        return storage.sha256(path)
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableImage(f"{path}: cannot be read again ({error.strerror}).") from error


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A source as it was when it was read."""

    path: Path
    stamp: Stamp
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Made:
    """An output as it was written."""

    stamp: Stamp
    sha256: str
    megapixels: float
    facts: Mapping[str, Any]  # noise estimate, device, seconds, notes
    options: str = ""  # the key of its settings, and the digest of its weights, if not those of the run
    digest: str = ""


class Manifest:
    """The file of records of one run. Thread-safe; nothing is written before `start`.

    `denoiser.batch.object_records` has the same for stores.
    """

    def __init__(self, out: Path, settings: Settings) -> None:
        self._out = out
        self._settings = settings
        self._relative = Relative(out)
        self._key = settings.key
        self._path = out / FOLDER / f"run-{secrets.token_hex(6)}.jsonl"
        self._lock = threading.Lock()
        self._held: BinaryIO | None = None
        self._digest = ""
        self._opening = ""

    def start(self, digest: str, words: Mapping[str, Any]) -> None:
        """Create the file with the options of the run and *words*; *digest* is that of the weights."""
        self._digest = digest
        settings = {"options": self._key, "look": self._settings.look, "asked": self._settings.asked}
        opening = {"state": "run", "at": time.time_ns(), "v": VERSION, "digest": digest} | settings | dict(words)
        opening["overwrite"] = self._settings.batch.overwrite
        self._opening = as_line(opening)
        self._create()

    def begun(self, target: Path, source: SourceFile) -> None:
        """Record that a file is about to be decoded, so that a crash of the decoder can be traced to it."""
        self._append("begun", self._of(target, source))

    def done(self, target: Path, source: SourceFile, made: Made) -> None:
        """Record an output that is complete and synced."""
        words = {
            "source_sha256": source.sha256,
            "size": made.stamp.size,
            "mtime_ns": made.stamp.mtime_ns,
            "sha256": made.sha256,
            "options": made.options or self._key,
            "digest": made.digest or self._digest,
            "megapixels": round(made.megapixels, 6),
            "facts": dict(made.facts),
        }
        self._append("done", self._of(target, source) | words)

    def failed(self, target: Path, source: SourceFile | None, error: DenoiserError) -> None:
        """Record a file that failed, and why."""
        words = {"kind": type(error).__name__, "message": error.message}
        of = self._of(target, source) if source else {"target": self._name(target)}
        self._append("failed", of | words)

    def looking(self, target: Path, source: SourceFile) -> None:
        """Record that a file is about to be decoded for its series; for the same reason as `begun`."""
        self._append("looking", self._of(target, source))

    def looked(self, target: Path, source: SourceFile) -> None:
        """Record that it was decoded, or failed, without a crash."""
        self._append("looked", self._of(target, source))

    def series(self, name: str, words: Mapping[str, Any]) -> None:
        """Record the noise that the frames of a series have in common."""
        self._append("series", {"series": name} | dict(words))

    def crashed(self, target: Path, source: SourceFile, cause: str) -> None:
        """Record a file that crashed the process that tried it."""
        self._append("crashed", self._of(target, source) | {"cause": cause})

    def close(self, counts: Mapping[str, int]) -> None:
        """Record that the run has ended without a crash: files that it has begun are not suspects."""
        if not self.is_open:
            return
        try:
            self._append("ended", counts)
        finally:
            self._close()

    @property
    def is_open(self) -> bool:
        """Whether `start` was called and `close` was not."""
        return self._held is not None

    def _of(self, target: Path, source: SourceFile) -> dict[str, Any]:
        return {
            "target": self._name(target),
            "source": self._relative(source.path),
            "source_size": source.stamp.size,
            "source_mtime_ns": source.stamp.mtime_ns,
        }

    def _name(self, target: Path) -> str:
        return target.relative_to(self._out).as_posix()

    def _append(self, state: str, words: Mapping[str, Any]) -> None:
        self._write(as_line({"state": state, "at": time.time_ns()} | dict(words)))

    def _create(self) -> None:
        """Create the file with its first line."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._held = locked(self._path)
        except OSError as error:
            raise as_unwritable(self._path, error) from error
        append_line_durably(self._path, self._opening)

    def _write(self, line: str) -> None:
        with self._lock:
            try:
                append_line_durably(self._path, line)
            except UnwritableImage:
                if self._path.parent.is_dir():
                    raise
                self._start_again(line)

    def _close(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None

    def _start_again(self, line: str) -> None:
        """Start new records after the output folder was removed during the run."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise as_unwritable(self._path, error) from error
        append_line_durably(self._path, self._opening)
        append_line_durably(self._path, line)


class Relative:
    """Names of files relative to the output folder, so that both can be moved together.

    Where only one of both is in a store, or both in different ones, the name is a URL or an absolute path.
    """

    def __init__(self, out: Path) -> None:
        self._out = out if isinstance(out, Url) else Path(os.path.abspath(out))
        self._folders: dict[Path, str] = {}

    def __call__(self, path: Path) -> str:
        """Return the name of *path*; links are not followed."""
        if path.parent not in self._folders:
            self._folders[path.parent] = self._of(path.parent)
        return f"{self._folders[path.parent]}/{path.name}"

    def _of(self, folder: Path) -> str:
        if not isinstance(self._out, Url) and not isinstance(folder, Url):
            return Path(os.path.relpath(folder, self._out)).as_posix()
        if not isinstance(folder, Url):
            return Path(os.path.abspath(folder)).as_posix()
        if folder.parts[:2] != self._out.parts[:2]:
            return str(folder)
        return posixpath.relpath("/".join(folder.parts[2:]) or ".", "/".join(self._out.parts[2:]) or ".")


def resolved(out: Path, name: str) -> Path:
    """Return the file that `Relative(out)` has given that name."""
    if storage.is_url(name):
        return storage.location(name)
    if isinstance(out, Url) and not os.path.isabs(name):
        key = posixpath.normpath("/".join((*out.parts[2:], name)))
        return Url("/".join(out.parts[:2])) / key
    return Path(os.path.normpath(name if isinstance(out, Url) else out / name))


def as_line(words: Mapping[str, Any]) -> str:
    """Return a record as one line of ASCII; undecodable bytes of names are kept."""
    return json.dumps(words, separators=(",", ":"), default=str)


def lines_from(path: Path, start: int = 0) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield each record after *start* bytes, with the position of its end; skip invalid lines."""
    try:
        file = path.open("rb")
    except OSError:
        return
    with file:
        file.seek(start)
        for raw in file:
            if not raw.endswith(b"\n"):
                return  # being written, or truncated by a power cut
            start += len(raw)
            try:
                words = json.loads(raw)
            except (ValueError, RecursionError):
                continue
            if isinstance(words, dict):
                yield start, words


def locked(path: Path) -> BinaryIO:
    """Open the file and lock it until it is closed, or the process ends in any way."""
    file = open(path, "ab")  # noqa: SIM115 - open as long as the run
    if fcntl:
        with suppress(OSError):  # some network file systems have no locks
            fcntl.flock(file.fileno(), fcntl.LOCK_EX)
    return file


def locked_if_free(path: Path) -> BinaryIO | None:
    """Do the same without waiting; return None if another process has locked the file."""
    file = open(path, "ab")  # noqa: SIM115 - open as long as it is locked
    if fcntl:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return None
        except OSError:
            pass  # some network file systems have no locks
    return file


def is_locked(path: Path) -> bool:
    """Return whether a living process, here or on another machine that shares its locks, writes this file."""
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
