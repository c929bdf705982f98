"""Carries out a plan: one thread reads ahead, the caller's thread cleans, a few threads write.

    reader thread            calling thread              writer threads
    imageio.read     ->      session.clean       ->      imageio.write
    one ahead                tells the listener          as many as there are, and one waiting

At most READ_AHEAD + 1 sources and WRITERS + WAITING_TO_BE_WRITTEN + 1 results are in memory, whatever the number
of files. Each step of each file stands in `_attempt`, the one place where any exception is taken for the end of one
file and not of the run.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from denoiser import imageio
from denoiser.atomicfile import remove_leftovers
from denoiser.batch.layout import Job
from denoiser.batch.plan import Plan
from denoiser.batch.report import Report
from denoiser.errors import Cancelled, DenoiserError, OutputFull, UnreadableImage
from denoiser.events import (
    CancelToken,
    Event,
    FileDone,
    FileFailed,
    FileSkipped,
    FileStarted,
    Listener,
    Started,
    ignore,
)
from denoiser.imageio import formats
from denoiser.options import ReadOptions, WriteOptions

if TYPE_CHECKING:
    from denoiser.image import Image

READ_AHEAD = 1
WRITERS = 2  # compression is slower than a network on a GPU, and takes turns with one on a CPU
WAITING_TO_BE_WRITTEN = 1

_Result = TypeVar("_Result")


class Cleaned(Protocol):
    """What a cleaner gives back: denoiser.engine.Cleaned is one."""

    @property
    def image(self) -> Image: ...
    @property
    def notes(self) -> tuple[str, ...]: ...


class Cleaner(Protocol):
    """Whoever cleans one picture after another: denoiser.engine.Session is one."""

    def clean(self, image: Image, *, listener: Listener, cancel: CancelToken) -> Cleaned: ...


def run_plan(
    plan: Plan,
    open_cleaner: Callable[[], Cleaner],
    *,
    read: ReadOptions = ReadOptions(),
    write: WriteOptions = WriteOptions(),
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
) -> Report:
    """Carries out *plan* file by file; a file that fails is reported and the others go on.

    *open_cleaner* is called once, while the first picture is being read, and not at all when there is nothing to
    do. The listener is called in the calling thread only. A cancel stops within one tile; pictures that are clean
    by then are written. A full disk stops the run, since it would fail every other file as well. Leaves no thread
    and no temporary file behind, whatever happens.
    """
    run = _Run(plan, read, write, listener, cancel or CancelToken())
    run.announce()
    if plan.jobs:
        for folder in sorted({job.target.parent for job in plan.jobs}):
            remove_leftovers(folder)
        run.carry_out(open_cleaner)
    return run.report()


@dataclass(frozen=True, slots=True)
class _Failed:
    error: DenoiserError


@dataclass(slots=True)
class _Writing:
    """A clean picture on its way to the disk; the pixels are the writer's alone."""

    job: Job
    began: float
    megapixels: float
    notes: tuple[str, ...]


@dataclass(slots=True)
class _Run:
    plan: Plan
    read: ReadOptions
    write: WriteOptions
    listener: Listener
    cancel: CancelToken
    began: float = field(default_factory=time.perf_counter)
    writing: dict[Future[tuple[str, ...] | _Failed], _Writing] = field(default_factory=dict)
    failures: list[FileFailed] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    done: int = 0
    megapixels: float = 0.0
    cancelled: bool = False
    stopped_by: DenoiserError | None = None

    def announce(self) -> None:
        plan = self.plan
        self.listener(Started(len(plan.jobs) + len(plan.blocked), plan.megapixels))
        for passed in plan.passed:
            self.listener(FileSkipped(passed.path, passed.reason))
        for job in plan.already_there:
            self.listener(FileSkipped(job.source, "its output is there already", job.target))
        for job, error in plan.blocked:
            self._fail(job, error)

    def carry_out(self, open_cleaner: Callable[[], Cleaner]) -> None:
        with _threads(1, "reader") as readers, _threads(WRITERS, "writer") as writers:
            pictures = self._pictures(readers)
            first = next(pictures, None)  # reading has begun, and goes on while the weights are loaded
            cleaner = open_cleaner()
            try:
                while first is not None and not self._is_over():
                    job, coming = first
                    self._clean(cleaner, job, coming, writers)
                    first = next(pictures, None)
            except Cancelled:
                pass
            while self.writing:  # finished pictures are kept, also when the run is stopped
                self._gather(wait_for_one=True)
            self.cancelled = self.cancel.cancelled and self._left() > 0

    def report(self) -> Report:
        return Report(
            done=self.done,
            already_there=len(self.plan.already_there),
            passed=len(self.plan.passed),
            left=self._left(),
            failures=tuple(self.failures),
            notes=tuple(self.notes.items()),
            megapixels=self.megapixels,
            seconds=time.perf_counter() - self.began,
            cancelled=self.cancelled,
            stopped_by=self.stopped_by,
        )

    def _pictures(self, readers: ThreadPoolExecutor) -> Iterator[tuple[Job, Future[Image | _Failed]]]:
        """Each job with its picture on the way, and the next already begun."""
        ahead: deque[tuple[Job, Future[Image | _Failed]]] = deque()
        for job in self.plan.jobs:
            ahead.append((job, readers.submit(_attempt, job, lambda job=job: _read(job.source, self.read))))
            if len(ahead) > READ_AHEAD:
                yield ahead.popleft()
        yield from ahead

    def _clean(
        self, cleaner: Cleaner, job: Job, coming: Future[Image | _Failed], writers: ThreadPoolExecutor
    ) -> None:
        image = self._awaited(coming)
        if isinstance(image, _Failed):
            self._fail(job, image.error)
            return
        self.cancel.raise_if_cancelled()
        self.listener(FileStarted(job.source, image.megapixels))
        began = time.perf_counter()
        cleaned = _attempt(job, lambda: cleaner.clean(image, listener=self._heard, cancel=self.cancel))
        if isinstance(cleaned, _Failed):
            self._fail(job, cleaned.error)
            return
        while len(self.writing) >= WRITERS + WAITING_TO_BE_WRITTEN:
            self._gather(wait_for_one=True)
        clean = cleaned.image
        future = writers.submit(_attempt, job, lambda: _write(clean, job.target, self.write))
        self.writing[future] = _Writing(job, began, image.megapixels, (*image.notes, *cleaned.notes))

    def _heard(self, event: Event) -> None:
        self._gather(wait_for_one=False)
        self.listener(event)

    def _awaited(self, coming: Future[Image | _Failed]) -> Image | _Failed:
        """The picture when it is read; tells meanwhile of what is written."""
        while not coming.done():
            both: list[Future[Any]] = [coming, *self.writing]
            wait(both, return_when=FIRST_COMPLETED)
            self._gather(wait_for_one=False)
        return coming.result()

    def _gather(self, *, wait_for_one: bool) -> None:
        """Takes in what the writers have finished."""
        finished, _ = wait(self.writing, timeout=None if wait_for_one else 0, return_when=FIRST_COMPLETED)
        for future in [future for future in self.writing if future in finished]:
            written, result = self.writing.pop(future), future.result()
            if isinstance(result, _Failed):
                self._fail(written.job, result.error)
                continue
            self.done += 1
            self.megapixels += written.megapixels
            notes = tuple(dict.fromkeys((*written.notes, *result)))
            self.notes.update(notes)
            seconds = time.perf_counter() - written.began
            self.listener(FileDone(written.job.source, written.job.target, written.megapixels, seconds, notes))

    def _fail(self, job: Job, error: DenoiserError) -> None:
        if isinstance(error, OutputFull):
            self.stopped_by = self.stopped_by or error
        failure = FileFailed(job.source, error)
        self.failures.append(failure)
        self.listener(failure)
        _let_go(error)

    def _is_over(self) -> bool:
        return self.cancel.cancelled or self.stopped_by is not None

    def _left(self) -> int:
        return len(self.plan.jobs) + len(self.plan.blocked) - self.done - len(self.failures)


def _attempt(job: Job, step: Callable[[], _Result]) -> _Result | _Failed:
    """The per-file boundary: whatever a file does to a step, it is the end of that file only."""
    try:
        return step()
    except Cancelled:
        raise
    except DenoiserError as error:
        return _Failed(error)
    except MemoryError:
        return _Failed(
            DenoiserError(f"{job.source}: there is not enough memory for it.", hint="Close other programs first.")
        )
    except Exception as error:  # noqa: BLE001 - one broken file must not end the run of ten thousand
        unexpected = DenoiserError(
            f"{job.source}: unexpected {type(error).__name__}: {error}",
            hint="This is a bug, please report it with what the same command says with -v.",
        )
        unexpected.__cause__ = error
        return _Failed(unexpected)


def _let_go(error: BaseException | None) -> None:
    """Drops the frames of an error that is kept for the report: they hold the bytes and pixels of its file."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


def _read(path: Path, options: ReadOptions) -> Image:
    before = _fingerprint(path)
    image = imageio.read(path, options)
    if before is not None and _fingerprint(path) != before:
        raise UnreadableImage(
            f"{path}: changed while it was read.", hint="Run again when it is no longer written to."
        )
    return image


def _write(image: Image, target: Path, options: WriteOptions) -> tuple[str, ...]:
    """Writes, and says what the file could not hold."""
    imageio.write(image, target, options)
    return imageio.losses(image, formats.by_suffix(target).key)


def _fingerprint(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns


@contextmanager
def _threads(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Threads that are gone when the block ends; on an exception, what has not begun is dropped."""
    pool = ThreadPoolExecutor(count, thread_name_prefix=f"denoise-{name}")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
