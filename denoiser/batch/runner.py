"""Carries out a plan: threads read ahead, the calling thread processes, other threads write.

    reader threads           calling thread              writer threads
    steps.read       ->      BatchWork.make      ->      steps.write
    record, decode           calls the listener          encode, sync, rename, record

Limits on threads and on waiting megapixels bound the memory, whatever the number of files. Each step of each file
runs in `_attempt`, where any exception fails that file and not the run.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from denoiser.atomicfile import remove_leftovers
from denoiser.batch import steps
from denoiser.batch.cleaning import RESULTS
from denoiser.batch.layout import Job
from denoiser.batch.manifest import Manifest
from denoiser.batch.plan import Plan
from denoiser.batch.report import Report
from denoiser.batch.series import SeriesFitting, found_event, without
from denoiser.batch.settings import Settings
from denoiser.batch.steps import LoadedFile
from denoiser.batch.trial import find_crashes
from denoiser.batch.work import Outcome, Worker
from denoiser.errors import Cancelled, DenoiserError, OutputFull, UnreadableImage, UnwritableImage
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

if TYPE_CHECKING:
    from denoiser.estimation.series import Series

# A few threads decode fast enough even for a GPU; more only use memory.
MOST_THREADS = 8
FEWEST_WRITERS = 2  # one of two images may be slow to compress
WAITING_TO_BE_WRITTEN = 1
WAITING_MEGAPIXELS = 64.0  # before and after processing each: two images of 24 MP, or one larger image

_Result = TypeVar("_Result")


def run_plan(
    plan: Plan,
    open_worker: Callable[[], Worker],
    settings: Settings = Settings(),
    *,
    listener: Listener = ignore,
    cancel: CancelToken | None = None,
    manifest: Manifest | None = None,
) -> Report:
    """Carry out *plan*; a file that fails is reported, and the others are processed.

    *open_worker* is called once, or not at all if there is nothing to do. The listener is called in the calling
    thread only. A cancel stops within one tile; images that are finished by then are written. A full disk stops the
    run, since every other file would fail, too. No thread and no temporary file is left. Records are written
    unless the output is a single file. A given *manifest* is shared by several runs: the first starts it, and the
    caller closes it.
    """
    run = _BatchRun(plan, settings, listener, cancel or CancelToken(), manifest, shared=manifest is not None)
    run.announce()
    if plan.jobs and not run.is_over():
        for folder in sorted({job.target.parent for job in plan.jobs}):
            remove_leftovers(folder)
        run.carry_out(open_worker)
    return run.report()


def threads(settings: Settings) -> int:
    """Return the number of reader threads; there are as many writers, but at least two."""
    return settings.batch.jobs or max(1, min(MOST_THREADS, (os.cpu_count() or 1) // 2))


@dataclass(frozen=True, slots=True)
class _Failed:
    error: DenoiserError


@dataclass(slots=True)
class _Writing:
    """An output that a thread is writing."""

    job: Job
    began: float
    megapixels: float


@dataclass(slots=True)
class _BatchRun:
    plan: Plan
    settings: Settings
    listener: Listener
    cancel: CancelToken
    manifest: Manifest | None = None
    shared: bool = False
    began: float = field(default_factory=time.perf_counter)
    writing: dict[Future[Outcome[None] | _Failed], _Writing] = field(default_factory=dict)
    failures: list[FileFailed] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    results: Counter[str] = field(default_factory=Counter)  # of cleaning
    series: dict[str, Series | None] = field(default_factory=dict)
    unsafe: frozenset[Path] = frozenset()  # targets of files that would crash this process
    done: int = 0
    megapixels: float = 0.0
    cancelled: bool = False
    stopped_by: DenoiserError | None = None

    def announce(self) -> None:
        plan = self.plan
        self.listener(Started(len(plan.jobs) + len(plan.blocked), plan.megapixels))
        for skipped in plan.skipped:
            self.listener(FileSkipped(skipped.path, skipped.reason))
        for job in plan.already_there:
            self.listener(FileSkipped(job.source, "done already", job.target))
        for job, error in plan.blocked:
            self._fail(job, error, recorded=True)  # nothing was tried: the records are still valid

    def carry_out(self, open_worker: Callable[[], Worker]) -> None:
        worker = open_worker()
        try:
            self._start_records(worker)
            jobs = self._without_crashes()
            with (
                _threads(threads(self.settings), "reader") as readers,
                _threads(max(FEWEST_WRITERS, threads(self.settings)), "writer") as writers,
            ):
                self._find_series(readers)
                self._stream(worker, self._read_ahead(jobs, readers), writers)
        except Cancelled:
            pass
        finally:
            self.cancelled = self.cancel.cancelled and self._left() > 0
            self._end_records()

    def report(self) -> Report:
        return Report(
            done=self.done,
            **{name: self.results[name] for name in RESULTS},
            already_there=len(self.plan.already_there),
            skipped=len(self.plan.skipped),
            left=self._left(),
            failures=tuple(self.failures),
            notes=tuple(self.notes.items()),
            megapixels=self.megapixels,
            seconds=time.perf_counter() - self.began,
            cancelled=self.cancelled,
            stopped_by=self.stopped_by,
        )

    def is_over(self) -> bool:
        return self.cancel.cancelled or self.stopped_by is not None

    def _start_records(self, worker: Worker) -> None:
        if self.plan.folder is None:
            return
        if self.manifest is None:
            self.manifest = Manifest(self.plan.folder, self.settings)
        elif self.manifest.is_open:
            return
        try:
            self.manifest.start(worker.model_digest, steps.facts_of_run(worker, self.plan))
        except UnwritableImage as error:
            self._fail(self.plan.jobs[0], error)
            self.stopped_by = error  # the outputs could not be written either

    def _end_records(self) -> None:
        manifest = self.manifest
        if manifest is not None and manifest.is_open and not self.shared:
            counts = {"done": self.done, "failed": len(self.failures), "left": self._left()}
            _attempt(self.plan.jobs[0], lambda: manifest.close(counts))

    def _without_crashes(self) -> list[Job]:
        """Return the jobs without those that crashed an earlier run and crash again when tried."""
        samples = (job for group in self.plan.groups for job in group.samples)
        suspects = {job.target: job for job in (*samples, *self.plan.jobs) if job.suspect}
        crashes = {} if self.is_over() else find_crashes([*suspects.values()], self.cancel, self.plan.work)
        self.unsafe = frozenset(job.target for job in crashes)
        mine = frozenset(job.target for job in self.plan.jobs) & self.unsafe
        for job, cause in crashes.items():
            if job.target not in mine:
                continue  # a sample of a series that is not cleaned now
            error = UnreadableImage(
                f"{job.source}: crashed an earlier run and a repeated trial ({cause}); skipped.",
                hint="The file may be corrupt. Use --retry-failed to try again.",
            )
            source = steps.source_of(job)
            if self.manifest is not None and source is not None:
                self.manifest.crashed(job.target, source, cause)
            self._fail(job, error, recorded=True)
        return [job for job in self.plan.jobs if job.target not in mine]

    def _find_series(self, readers: ThreadPoolExecutor) -> None:
        """Estimate the noise of each group from some of its images before the first is cleaned."""
        if self.plan.groups and self.manifest is not None and not self.is_over():
            fitting = SeriesFitting(self.settings, self.manifest, readers, self.cancel)
            for group in self.plan.groups:
                self.series[group.name] = fitting.fit(without(group, self.unsafe))
                self.listener(found_event(group, self.series[group.name]))

    def _stream(
        self,
        worker: Worker,
        files: Iterator[tuple[Job, Future[LoadedFile | _Failed]]],
        writers: ThreadPoolExecutor,
    ) -> None:
        try:
            while not self.is_over() and (following := next(files, None)) is not None:
                self._work(worker, *following, writers)
        except Cancelled:
            pass
        while self.writing:  # finished images are kept, even if the run is stopped
            self._gather(wait_for_one=True)

    def _read_ahead(
        self, jobs: list[Job], readers: ThreadPoolExecutor
    ) -> Iterator[tuple[Job, Future[LoadedFile | _Failed]]]:
        """Yield each job with its file, which may still be loading, while the next ones are being read."""
        ahead: deque[tuple[Job, Future[LoadedFile | _Failed]]] = deque()
        most = threads(self.settings)
        for job in jobs:
            waiting = sum(earlier.megapixels for earlier, _ in ahead)
            while ahead and (len(ahead) > most or waiting + job.megapixels > WAITING_MEGAPIXELS):
                waiting -= ahead[0][0].megapixels
                yield ahead.popleft()
            step = functools.partial(steps.read, job, self.plan, self.settings, self.manifest)
            ahead.append((job, readers.submit(_attempt, job, step)))
        yield from ahead

    def _work(
        self, worker: Worker, job: Job, coming: Future[LoadedFile | _Failed], writers: ThreadPoolExecutor
    ) -> None:
        loaded = self._awaited(coming)
        if isinstance(loaded, _Failed):
            self._fail(job, loaded.error)
            return
        self.cancel.raise_if_cancelled()
        content, megapixels = loaded.content, loaded.content.megapixels
        self.listener(FileStarted(job.source, megapixels))
        began = time.perf_counter()
        make = functools.partial(self.plan.work.make, content, self.settings, worker)
        series = self.series.get(job.series)
        outcome = _attempt(job, lambda: make(series=series, listener=self._hear, cancel=self.cancel))
        if isinstance(outcome, _Failed):
            self._fail(job, outcome.error)
            return
        if job.series:
            outcome = dataclasses.replace(outcome, facts={**outcome.facts, "series": job.series})
        self._make_room(megapixels)
        step = functools.partial(steps.write, job, outcome, loaded.source, self.plan, self.settings, self.manifest)
        future = writers.submit(_attempt, job, step)
        self.writing[future] = _Writing(job, began, megapixels)

    def _make_room(self, megapixels: float) -> None:
        """Wait until few enough images are waiting to be written."""
        most = max(FEWEST_WRITERS, threads(self.settings)) + WAITING_TO_BE_WRITTEN
        while self.writing and (
            len(self.writing) >= most
            or megapixels + sum(other.megapixels for other in self.writing.values()) > WAITING_MEGAPIXELS
        ):
            self._gather(wait_for_one=True)

    def _hear(self, event: Event) -> None:
        self._gather(wait_for_one=False)
        self.listener(event)

    def _awaited(self, coming: Future[LoadedFile | _Failed]) -> LoadedFile | _Failed:
        """Return the file once it is read; meanwhile report files that are written."""
        while not coming.done():
            both: list[Future[Any]] = [coming, *self.writing]
            wait(both, return_when=FIRST_COMPLETED)
            self._gather(wait_for_one=False)
        return coming.result()

    def _gather(self, *, wait_for_one: bool) -> None:
        """Report the outputs that are written."""
        finished, _ = wait(self.writing, timeout=None if wait_for_one else 0, return_when=FIRST_COMPLETED)
        for future in [future for future in self.writing if future in finished]:
            written, result = self.writing.pop(future), future.result()
            if isinstance(result, _Failed):
                self._fail(written.job, result.error)
                continue
            self.done += 1
            self.megapixels += written.megapixels
            self.notes.update(result.notes)
            self.results[result.facts.get("result", "")] += 1
            seconds = time.perf_counter() - written.began
            job = written.job
            self.listener(FileDone(job.source, job.target, written.megapixels, seconds, result.notes, result.facts))

    def _fail(self, job: Job, error: DenoiserError, *, recorded: bool = False) -> None:
        most = self.settings.batch.max_errors
        if isinstance(error, OutputFull):
            self.stopped_by = self.stopped_by or error
        failure = FileFailed(job.source, error)
        self.failures.append(failure)
        if most and len(self.failures) >= most:
            self.stopped_by = self.stopped_by or DenoiserError(f"{most} failed, the limit of --max-errors.")
        manifest = self.manifest
        if manifest is not None and manifest.is_open and not recorded:
            _attempt(job, lambda: manifest.failed(job.target, steps.source_of(job), error))
        self.listener(failure)
        _drop_frames(error)

    def _left(self) -> int:
        return len(self.plan.jobs) + len(self.plan.blocked) - self.done - len(self.failures)


def _attempt(job: Job, step: Callable[[], _Result]) -> _Result | _Failed:
    """Run a step of a file; an exception fails this file only."""
    try:
        return step()
    except Cancelled:
        raise
    except DenoiserError as error:
        return _Failed(error)
    except MemoryError:
        return _Failed(
            DenoiserError(
                f"{job.source}: out of memory.", hint="Close other programs, or set a limit with --memory."
            )
        )
    except Exception as error:  # noqa: BLE001 - one corrupt file must not end a run of ten thousand
        unexpected = DenoiserError(
            f"{job.source}: unexpected {type(error).__name__}: {error}",
            hint="This is a bug. Please report it, with the output of the same command with -vv.",
        )
        unexpected.__cause__ = error
        return _Failed(unexpected)


def _drop_frames(error: BaseException | None) -> None:
    """Drop the frames of an error that is kept for the report: they refer to the pixels of its file."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


@contextmanager
def _threads(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Yield threads that end with the block; on an exception, steps that have not begun are dropped."""
    pool = ThreadPoolExecutor(count, thread_name_prefix=f"denoise-{name}")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
