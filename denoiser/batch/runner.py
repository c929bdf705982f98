"""Carries out a plan: threads read ahead, the calling thread processes, other threads write.

    reader threads           calling thread              writer threads
    steps.read       ->      steps.make          ->      steps.write
    record, decode           calls the listener          encode, sync, rename, record

Limits on threads and on waiting megapixels bound the memory, whatever the number of files. Each step of each file
runs in `attempt`, where any exception fails that file and not the run.
"""

from __future__ import annotations

import functools
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from denoiser.atomicfile import remove_leftovers
from denoiser.batch import staging, steps
from denoiser.batch.layout import Job
from denoiser.batch.manifest import Manifest
from denoiser.batch.plan import Plan
from denoiser.batch.report import Report
from denoiser.batch.series import SeriesFitting, found_event, without
from denoiser.batch.settings import Settings
from denoiser.batch.steps import Failed, LoadedFile, attempt
from denoiser.batch.tally import Tally
from denoiser.batch.trial import find_crashes
from denoiser.batch.work import Outcome, Worker
from denoiser.errors import Cancelled
from denoiser.events import (
    CancelToken,
    Event,
    FileStarted,
    Listener,
    ignore,
)
from denoiser.storage import Url

if TYPE_CHECKING:
    from denoiser.estimation.series import Series

# A few threads decode fast enough even for a GPU; more only use memory.
MOST_THREADS = 8
FEWEST_WRITERS = 2  # one of two images may be slow to compress
FEWEST_AT_A_STORE = 4
WAITING_TO_BE_WRITTEN = 1
WAITING_MEGAPIXELS = 64.0  # before and after processing each: two images of 24 MP, or one larger image


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
    tally = Tally(plan, settings, listener, manifest)
    run = _BatchRun(tally, cancel or CancelToken(), shared=manifest is not None)
    tally.announce()
    if plan.jobs and not run.is_over():
        for folder in sorted({job.target.parent for job in plan.jobs if not isinstance(job.target, Url)}):
            remove_leftovers(folder)
        with staging.session():
            run.carry_out(open_worker)
    return tally.report(cancelled=run.cancelled)


def threads(settings: Settings) -> int:
    """Return the number of reader threads; there are as many writers, but at least two."""
    return settings.batch.jobs or max(1, min(MOST_THREADS, (os.cpu_count() or 1) // 2))


def _threads_for(tally: Tally) -> int:
    """Return the same for a plan: more for a store, since most of the time they wait for it."""
    staged = bool(tally.plan.jobs) and staging.is_staged(tally.plan.jobs[0])
    return max(threads(tally.settings), FEWEST_AT_A_STORE if staged and not tally.settings.batch.jobs else 1)


@dataclass(slots=True)
class _Writing:
    """An output that a thread is writing."""

    job: Job
    began: float
    megapixels: float


@dataclass(slots=True)
class _BatchRun:
    tally: Tally
    cancel: CancelToken
    shared: bool  # whether other runs use the same records
    writing: dict[Future[Outcome[None] | Failed], _Writing] = field(default_factory=dict)
    series: dict[str, Series | None] = field(default_factory=dict)
    unsafe: frozenset[Path] = frozenset()  # targets of files that would crash this process
    cancelled: bool = False

    def carry_out(self, open_worker: Callable[[], Worker]) -> None:
        worker = open_worker()
        try:
            self.tally.start_records(worker.model_digest, steps.facts_of_run(worker, self.tally.plan))
            jobs = self._without_crashes()
            with (
                _threads(_threads_for(self.tally), "reader") as readers,
                _threads(max(FEWEST_WRITERS, _threads_for(self.tally)), "writer") as writers,
            ):
                self._find_series(readers)
                self._stream(worker, self._read_ahead(jobs, readers), writers)
        except Cancelled:
            pass
        finally:
            self.cancelled = self.cancel.cancelled and self.tally.left > 0
            if not self.shared:
                self.tally.end_records()

    def is_over(self) -> bool:
        return self.cancel.cancelled or self.tally.stopped_by is not None

    def _without_crashes(self) -> list[Job]:
        """Return the jobs without those that crashed an earlier run and crash again when tried."""
        plan = self.tally.plan
        samples = (job for group in plan.groups for job in group.samples)
        suspects = {job.target: job for job in (*samples, *plan.jobs) if job.suspect}
        crashes = {} if self.is_over() else find_crashes([*suspects.values()], self.cancel, plan.work)
        self.unsafe = frozenset(job.target for job in crashes)
        mine = frozenset(job.target for job in plan.jobs) & self.unsafe
        for job, cause in crashes.items():
            if job.target not in mine:
                continue  # a sample of a series that is not cleaned now
            self.tally.crash(job, cause)
        return [job for job in plan.jobs if job.target not in mine]

    def _find_series(self, readers: ThreadPoolExecutor) -> None:
        """Estimate the noise of each group from some of its images before the first is cleaned."""
        if self.tally.plan.groups and self.tally.manifest is not None and not self.is_over():
            fitting = SeriesFitting(self.tally.settings, self.tally.manifest, readers, self.cancel)
            for group in self.tally.plan.groups:
                self.series[group.name] = fitting.fit(without(group, self.unsafe))
                self.tally.listener(found_event(group, self.series[group.name]))

    def _stream(
        self,
        worker: Worker,
        files: Iterator[tuple[Job, Future[LoadedFile | Failed]]],
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
    ) -> Iterator[tuple[Job, Future[LoadedFile | Failed]]]:
        """Yield each job with its file, which may still be loading, while the next ones are being read."""
        ahead: deque[tuple[Job, Future[LoadedFile | Failed]]] = deque()
        work, settings, manifest = self.tally.plan.work, self.tally.settings, self.tally.manifest
        most = _threads_for(self.tally)
        for job in jobs:
            waiting = sum(earlier.megapixels for earlier, _ in ahead)
            while ahead and (len(ahead) > most or waiting + job.megapixels > WAITING_MEGAPIXELS):
                waiting -= ahead[0][0].megapixels
                yield ahead.popleft()
            step = functools.partial(steps.read, job, work, settings, manifest, wait=self.cancel.wait)
            ahead.append((job, readers.submit(attempt, job, step)))
        yield from ahead

    def _work(
        self, worker: Worker, job: Job, coming: Future[LoadedFile | Failed], writers: ThreadPoolExecutor
    ) -> None:
        loaded = self._awaited(coming)
        if isinstance(loaded, Failed):
            self.tally.fail(job, loaded.error)
            return
        self.cancel.raise_if_cancelled()
        content, megapixels = loaded.content, loaded.content.megapixels
        self.tally.listener(FileStarted(job.source, megapixels))
        began = time.perf_counter()
        make = functools.partial(steps.make, job, content, self.tally.plan.work, self.tally.settings, worker)
        series = self.series.get(job.series)
        outcome = attempt(job, lambda: make(series=series, listener=self._hear, cancel=self.cancel))
        if isinstance(outcome, Failed):
            self.tally.fail(job, outcome.error)
            return
        self._make_room(megapixels)
        step = functools.partial(
            steps.write, job, outcome, loaded.source, self.tally.plan.work, self.tally.settings, self.tally.manifest
        )
        future = writers.submit(attempt, job, functools.partial(step, wait=self.cancel.wait))
        self.writing[future] = _Writing(job, began, megapixels)

    def _make_room(self, megapixels: float) -> None:
        """Wait until few enough images are waiting to be written."""
        most = max(FEWEST_WRITERS, _threads_for(self.tally)) + WAITING_TO_BE_WRITTEN
        while self.writing and (
            len(self.writing) >= most
            or megapixels + sum(other.megapixels for other in self.writing.values()) > WAITING_MEGAPIXELS
        ):
            self._gather(wait_for_one=True)

    def _hear(self, event: Event) -> None:
        self._gather(wait_for_one=False)
        self.tally.listener(event)

    def _awaited(self, coming: Future[LoadedFile | Failed]) -> LoadedFile | Failed:
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
            if isinstance(result, Failed):
                self.tally.fail(written.job, result.error)
                continue
            seconds = time.perf_counter() - written.began
            self.tally.finish(written.job, written.megapixels, seconds, result.notes, result.facts)


@contextmanager
def _threads(count: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """Yield threads that end with the block; on an exception, steps that have not begun are dropped."""
    pool = ThreadPoolExecutor(count, thread_name_prefix=f"denoise-{name}")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
