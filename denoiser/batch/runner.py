"""Carries out a plan: threads read ahead, the caller's thread works, other threads write.

    reader threads           calling thread              writer threads
    steps.read       ->      Work.make           ->      steps.write
    journal, decode          tells the listener          encode, sync, rename, record

The number of threads and the megapixels that wait bound the memory, whatever the number of files. Each step of each
file stands in `_attempt`, the one place where any exception is taken for the end of one file and not of the run.
"""

from __future__ import annotations

import dataclasses
import functools
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from denoiser.atomicfile import remove_leftovers
from denoiser.batch import steps
from denoiser.batch.layout import Job
from denoiser.batch.manifest import Manifest
from denoiser.batch.plan import Plan, work_of
from denoiser.batch.report import Report
from denoiser.batch.series import Fitting, told, without
from denoiser.batch.settings import Settings
from denoiser.batch.steps import Picture
from denoiser.batch.trial import find_crashes
from denoiser.batch.work import Worker
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
    from denoiser.estimation import Series

# A network on a CPU leaves decoding little to do, and one on a GPU is fed by a few threads; more only hold memory.
MOST_THREADS = 8
FEWEST_WRITERS = 2  # compression takes turns with the network, and one of two pictures may be slow
WAITING_TO_BE_WRITTEN = 1
WAITING_MEGAPIXELS = 64.0  # ahead of the network, and again behind it: two of 24 megapixels, or a single large one

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
    """Carries out *plan* file by file; a file that fails is reported and the others go on.

    *open_worker* is called once, and not at all when there is nothing to do. The listener is called in the calling
    thread only. A cancel stops within one tile; pictures that are clean by then are written. A full disk stops the
    run, since it would fail every other file as well. Leaves no thread and no temporary file behind, whatever
    happens. What is done is recorded beside the outputs, unless the output is a single file. A *manifest* that is
    given is shared by several runs: started by the first of them, and closed by the caller.
    """
    run = _Run(plan, settings, listener, cancel or CancelToken(), manifest, shared=manifest is not None)
    run.announce()
    if plan.jobs and not run.is_over():
        for folder in sorted({job.target.parent for job in plan.jobs}):
            remove_leftovers(folder)
        run.carry_out(open_worker)
    return run.report()


def threads(settings: Settings) -> int:
    """How many threads read files; as many write them, and two at least."""
    return settings.batch.jobs or max(1, min(MOST_THREADS, (os.cpu_count() or 1) // 2))


@dataclass(frozen=True, slots=True)
class _Failed:
    error: DenoiserError


@dataclass(slots=True)
class _Writing:
    """An output on its way to the disk; what it holds is the writer's alone."""

    job: Job
    began: float
    megapixels: float
    notes: tuple[str, ...]
    facts: Mapping[str, Any]


@dataclass(slots=True)
class _Run:
    plan: Plan
    settings: Settings
    listener: Listener
    cancel: CancelToken
    manifest: Manifest | None = None
    shared: bool = False
    began: float = field(default_factory=time.perf_counter)
    writing: dict[Future[tuple[str, ...] | _Failed], _Writing] = field(default_factory=dict)
    failures: list[FileFailed] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    series: dict[str, Series | None] = field(default_factory=dict)
    unsafe: frozenset[Path] = frozenset()  # targets of what must not be decoded in this process
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
            self.listener(FileSkipped(job.source, "done already", job.target))
        for job, error in plan.blocked:
            self._fail(job, error, recorded=True)  # nothing was tried: what stands on record is still so

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
                self._stream(worker, self._pictures(jobs, readers), writers)
        except Cancelled:
            pass
        finally:
            self.cancelled = self.cancel.cancelled and self._left() > 0
            self._end_records()

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
            self.manifest.start(worker.model_digest, steps.facts_of_run(worker, self.plan.choice))
        except UnwritableImage as error:
            self._fail(self.plan.jobs[0], error)
            self.stopped_by = error  # the outputs would fare no better

    def _end_records(self) -> None:
        manifest = self.manifest
        if manifest is not None and manifest.is_open and not self.shared:
            counts = {"done": self.done, "failed": len(self.failures), "left": self._left()}
            _attempt(self.plan.jobs[0], lambda: manifest.close(counts))

    def _without_crashes(self) -> list[Job]:
        """The jobs, less those that took an earlier run down and would do so again."""
        samples = (job for group in self.plan.groups for job in group.samples)
        suspects = {job.target: job for job in (*samples, *self.plan.jobs) if job.suspect}
        crashes = (
            find_crashes([*suspects.values()], self.cancel, work_of(self.settings))
            if suspects and not self.is_over()
            else {}
        )
        self.unsafe = frozenset(job.target for job in crashes)
        mine = frozenset(job.target for job in self.plan.jobs) & self.unsafe
        for job, cause in crashes.items():
            if job.target not in mine:
                continue  # it would have been looked at for its series, and is not to be cleaned now
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
        """Looks at some pictures of each group before the first of any is cleaned."""
        if self.plan.groups and self.manifest is not None and not self.is_over():
            fitting = Fitting(self.settings, self.manifest, readers, self.cancel)
            for group in self.plan.groups:
                self.series[group.name] = fitting.fit(without(group, self.unsafe))
                self.listener(told(group, self.series[group.name]))

    def _stream(
        self,
        worker: Worker,
        pictures: Iterator[tuple[Job, Future[Picture | _Failed]]],
        writers: ThreadPoolExecutor,
    ) -> None:
        try:
            while not self.is_over() and (following := next(pictures, None)) is not None:
                self._work(worker, *following, writers)
        except Cancelled:
            pass
        while self.writing:  # finished pictures are kept, also when the run is stopped
            self._gather(wait_for_one=True)

    def _pictures(
        self, jobs: list[Job], readers: ThreadPoolExecutor
    ) -> Iterator[tuple[Job, Future[Picture | _Failed]]]:
        """Each job with its picture on the way, and the next ones already begun."""
        ahead: deque[tuple[Job, Future[Picture | _Failed]]] = deque()
        most = threads(self.settings)
        for job in jobs:
            waiting = sum(earlier.megapixels for earlier, _ in ahead)
            while ahead and (len(ahead) > most or waiting + job.megapixels > WAITING_MEGAPIXELS):
                waiting -= ahead[0][0].megapixels
                yield ahead.popleft()
            step = functools.partial(steps.read, job, self.settings, self.manifest)
            ahead.append((job, readers.submit(_attempt, job, step)))
        yield from ahead

    def _work(
        self, worker: Worker, job: Job, coming: Future[Picture | _Failed], writers: ThreadPoolExecutor
    ) -> None:
        picture = self._awaited(coming)
        if isinstance(picture, _Failed):
            self._fail(job, picture.error)
            return
        self.cancel.raise_if_cancelled()
        content, source, megapixels = picture.content, picture.source, picture.content.megapixels
        self.listener(FileStarted(job.source, megapixels))
        began = time.perf_counter()
        make = functools.partial(work_of(self.settings).make, content, self.settings, worker)
        series = self.series.get(job.series)
        outcome = _attempt(job, lambda: make(series=series, listener=self._heard, cancel=self.cancel))
        if isinstance(outcome, _Failed):
            self._fail(job, outcome.error)
            return
        if job.series:
            outcome = dataclasses.replace(outcome, facts={**outcome.facts, "series": job.series})
        self._make_room(megapixels)
        step = functools.partial(steps.write, job, outcome, source, self.settings, self.manifest)
        future = writers.submit(_attempt, job, step)
        self.writing[future] = _Writing(job, began, megapixels, outcome.notes, outcome.facts)

    def _make_room(self, megapixels: float) -> None:
        """Waits until as many pictures are written as memory allows to wait."""
        most = max(FEWEST_WRITERS, threads(self.settings)) + WAITING_TO_BE_WRITTEN
        while self.writing and (
            len(self.writing) >= most
            or megapixels + sum(other.megapixels for other in self.writing.values()) > WAITING_MEGAPIXELS
        ):
            self._gather(wait_for_one=True)

    def _heard(self, event: Event) -> None:
        self._gather(wait_for_one=False)
        self.listener(event)

    def _awaited(self, coming: Future[Picture | _Failed]) -> Picture | _Failed:
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
            job = written.job
            self.listener(FileDone(job.source, job.target, written.megapixels, seconds, notes, written.facts))

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
        _let_go(error)

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
            DenoiserError(
                f"{job.source}: out of memory.", hint="Close other programs, or set a limit with --memory."
            )
        )
    except Exception as error:  # noqa: BLE001 - one broken file must not end the run of ten thousand
        unexpected = DenoiserError(
            f"{job.source}: unexpected {type(error).__name__}: {error}",
            hint="This is a bug. Please report it, with the output of the same command with -v.",
        )
        unexpected.__cause__ = error
        return _Failed(unexpected)


def _let_go(error: BaseException | None) -> None:
    """Drops the frames of an error that is kept for the report: they hold the bytes and pixels of its file."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__


@contextmanager
def _threads(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Threads that are gone when the block ends; on an exception, what has not begun is dropped."""
    pool = ThreadPoolExecutor(count, thread_name_prefix=f"denoise-{name}")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
