"""Local copies of objects while they are processed: a source from its download, an output until it is uploaded.

Each process has one folder of copies below the temporary folder of the system. It holds no more than the files in
flight. It is removed when the last run of the process ends, and by the next run after a kill.
"""

from __future__ import annotations

import atexit
import dataclasses
import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from denoiser import storage
from denoiser.atomicfile import NO_SPACE
from denoiser.batch.layout import Job
from denoiser.batch.manifest import Stamp, locked, locked_if_free, sha256_of, stamp_of
from denoiser.errors import ForeignOutput, OutputFull, UnreadableImage
from denoiser.storage import Url, Wait

try:
    import fcntl
except ImportError:  # Windows: open files cannot be removed there
    fcntl = None  # type: ignore[assignment]

UNRECORDED = "a killed run did not record it"  # a job whose output must be as this run makes it

_PREFIX = "denoise-staging-"
_LOCK = "lock"
_SOURCE, _TARGET = "source", "target"


class _Folder:
    """The folder of this process, locked while the process lives. Thread-safe."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._path: Path | None = None
        self._held: BinaryIO | None = None
        self._runs = 0

    def path(self) -> Path:
        with self._mutex:
            if self._path is None or not self._path.is_dir():
                self._remove()
                path = Path(tempfile.mkdtemp(prefix=_PREFIX))
                new = path / ("new" if fcntl else _LOCK)  # Windows cannot rename open files
                self._held = locked(new)
                if fcntl:  # locked before it has its name, so that no other process takes it for a leftover
                    os.rename(new, path / _LOCK)
                self._path = path
            return self._path

    @property
    def is_there(self) -> bool:
        return self._path is not None

    def enter(self) -> None:
        with self._mutex:
            self._runs += 1

    def leave(self) -> None:
        with self._mutex:
            self._runs -= 1
            if self._runs <= 0:
                self._remove()

    def remove(self) -> None:
        with self._mutex:
            self._remove()

    def _remove(self) -> None:
        if self._held is not None:
            self._held.close()
        if self._path is not None:
            shutil.rmtree(self._path, ignore_errors=True)
        self._path = self._held = None


_FOLDER = _Folder()
atexit.register(_FOLDER.remove)


@contextmanager
def session() -> Iterator[None]:
    """Remove what killed processes have left; at the end of the last run of this process, also its own copies."""
    for path in _leftovers():
        shutil.rmtree(path, ignore_errors=True)
    _FOLDER.enter()
    try:
        yield
    finally:
        _FOLDER.leave()


def is_staged(job: Job) -> bool:
    """Return whether source or target is an object of a store."""
    return isinstance(job.source, Url) or isinstance(job.target, Url)


def local(job: Job) -> Job:
    """Return the job with local paths in place of URLs."""
    if not is_staged(job):
        return job
    source = _copy_of(job, _SOURCE, job.source) if isinstance(job.source, Url) else job.source
    target = _copy_of(job, _TARGET, job.target) if isinstance(job.target, Url) else job.target
    return dataclasses.replace(job, source=source, target=target)


def fetch(job: Job, stamp: Stamp | None, wait: Wait | None = None) -> Path:
    """Return the source, downloaded if it is an object, with its time of last change.

    Raises UnreadableImage, StoreUnavailable, or OutputFull for a full disk.
    """
    path = local(job).source
    if not isinstance(job.source, Url):
        return path
    try:
        storage.fetch(job.source, path, wait=wait)
        size = path.stat().st_size
        if stamp is not None:
            os.utime(path, ns=(stamp.mtime_ns, stamp.mtime_ns))
    except OSError as error:
        if error.errno in NO_SPACE:
            raise _full(job.source) from error
        raise UnreadableImage(f"{job.source}: cannot be copied to {path.parent} ({error.strerror}).") from error
    if stamp is not None and size != stamp.size:
        raise UnreadableImage(
            f"{job.source}: has {stamp.size} bytes, but {size} were downloaded.", hint="Run again."
        )
    return path


def publish(job: Job, wait: Wait | None = None) -> None:
    """Upload the output if its target is an object.

    Raises ForeignOutput if it would replace an output without a record that differs from this one.
    """
    if not isinstance(job.target, Url):
        return
    path = local(job).target
    if job.again == UNRECORDED and stamp_of(job.target, wait) is not None:
        if sha256_of(job.target) == sha256_of(path):
            return
        raise ForeignOutput(f"{job.target}: already exists, and is not what this run makes from {job.source}.")
    storage.publish(path, job.target, wait=wait)


def discard(job: Job) -> None:
    """Remove the local copies of a job."""
    if is_staged(job) and _FOLDER.is_there:
        copies = local(job)
        for path, url in ((copies.source, job.source), (copies.target, job.target)):
            if isinstance(url, Url):
                with suppress(OSError):
                    path.unlink(missing_ok=True)


@contextmanager
def naming(job: Job) -> Iterator[None]:
    """Put the URLs in place of the local copies in errors; a full disk is that of the copies."""
    if not is_staged(job):
        yield
        return
    copies = local(job)
    try:
        with storage.renamed_in_errors({copies.source: job.source, copies.target: job.target}):
            yield
    except OutputFull as error:
        if isinstance(job.target, Url):
            raise _full(job.target) from error
        raise


def left_behind(jobs: Iterable[Job]) -> frozenset[Job]:
    """Return the jobs that a killed process on this machine was working on."""
    names = {file.name.split("-")[0] for folder in _leftovers() for file in folder.iterdir()}
    return frozenset(job for job in jobs if _name(job) in names) if names else frozenset()


def _leftovers() -> Iterator[Path]:
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if _is_abandoned(path / _LOCK):
                yield path


def _is_abandoned(lock: Path) -> bool:
    """Return whether the process that made this file has ended; False if it has not yet made it."""
    if not lock.exists():
        return False
    if not fcntl:
        lock.unlink()  # fails while a process has it open
        lock.touch()
        return True
    held = locked_if_free(lock)
    if held is not None:
        held.close()
    return held is not None


def _copy_of(job: Job, kind: str, url: Path) -> Path:
    return _FOLDER.path() / f"{_name(job)}-{kind}{url.suffix}"


def _name(job: Job) -> str:
    return hashlib.sha256(f"{job.source}\0{job.target}".encode(errors="surrogateescape")).hexdigest()[:32]


def _full(url: Path) -> OutputFull:
    return OutputFull(f"{_FOLDER.path()}: no space left for a copy of {url}.", hint=storage.FULL_HINT)
