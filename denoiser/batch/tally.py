"""Counts what happens to the files of a run, tells its listener, and records failures."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from denoiser.batch import staging, steps
from denoiser.batch.cleaning import RESULTS
from denoiser.batch.layout import Job
from denoiser.batch.manifest import Manifest
from denoiser.batch.object_records import records_for
from denoiser.batch.plan import Plan
from denoiser.batch.report import Report
from denoiser.batch.settings import Settings
from denoiser.errors import DenoiserError, OutputFull, StoreUnavailable, UnreadableImage, UnwritableImage
from denoiser.events import FileDone, FileFailed, FileSkipped, Listener, Started


@dataclass(slots=True)
class Tally:
    """What happened so far in a run. For the calling thread only, as its listener."""

    plan: Plan
    settings: Settings
    listener: Listener
    manifest: Manifest | None = None
    began: float = field(default_factory=time.perf_counter)
    failures: list[FileFailed] = field(default_factory=list)
    notes: Counter[str] = field(default_factory=Counter)
    results: Counter[str] = field(default_factory=Counter)  # of cleaning
    done: int = 0
    megapixels: float = 0.0
    stopped_by: DenoiserError | None = None

    def announce(self) -> None:
        """Tell the listener what the plan contains; files that are known to fail count as failed."""
        plan = self.plan
        self.listener(Started(len(plan.jobs) + len(plan.blocked), plan.megapixels))
        for skipped in plan.skipped:
            self.listener(FileSkipped(skipped.path, skipped.reason))
        for job in plan.already_there:
            self.listener(FileSkipped(job.source, "done already", job.target))
        for job, error in plan.blocked:
            self.fail(job, error, recorded=True)  # nothing was tried: the records are still valid

    def start_records(self, digest: str, facts: Mapping[str, Any]) -> None:
        """Start the records, unless another run has; stop the run if they cannot be written."""
        if self.plan.folder is None:
            return
        if self.manifest is None:
            self.manifest = records_for(self.plan.folder, self.settings)
        elif self.manifest.is_open:
            return
        try:
            self.manifest.start(digest, facts)
        except (UnwritableImage, StoreUnavailable) as error:
            self.fail(self.plan.jobs[0], error)
            self.stopped_by = error  # the outputs could not be written either

    def end_records(self) -> None:
        """Record the end of the run."""
        manifest = self.manifest
        if manifest is not None and manifest.is_open:
            counts = {"done": self.done, "failed": len(self.failures), "left": self.left}
            steps.attempt(self.plan.jobs[0], lambda: manifest.close(counts))

    def finish(
        self, job: Job, megapixels: float, seconds: float, notes: tuple[str, ...], facts: Mapping[str, Any]
    ) -> None:
        """Count a file that is written."""
        self.done += 1
        self.megapixels += megapixels
        self.notes.update(notes)
        self.results[facts.get("result", "")] += 1
        self.listener(FileDone(job.source, job.target, megapixels, seconds, notes, facts))

    def fail(self, job: Job, error: DenoiserError, *, recorded: bool = False) -> None:
        """Count and record a file that failed.

        A full disk, a store that does not answer, or too many failures stop the run.
        """
        most = self.settings.batch.max_errors
        staging.discard(job)
        if isinstance(error, OutputFull | StoreUnavailable):
            self.stopped_by = self.stopped_by or error
            recorded = recorded or isinstance(error, StoreUnavailable)
        failure = FileFailed(job.source, error)
        self.failures.append(failure)
        if most and len(self.failures) >= most:
            self.stopped_by = self.stopped_by or DenoiserError(f"{most} failed, the limit of --max-errors.")
        manifest = self.manifest
        if manifest is not None and manifest.is_open and not recorded:
            steps.attempt(job, lambda: manifest.failed(job.target, steps.source_of(job), error))
        self.listener(failure)
        _drop_frames(error)

    def crash(self, job: Job, cause: str) -> None:
        """Count and record a file that ended an earlier run, and a second process that tried it alone."""
        error = UnreadableImage(
            f"{job.source}: crashed an earlier run and a repeated trial ({cause}); skipped.",
            hint="The file may be corrupt. Use --retry-failed to try again.",
        )
        source = steps.source_of(job)
        if self.manifest is not None and self.manifest.is_open and source is not None:
            self.manifest.crashed(job.target, source, cause)
        self.fail(job, error, recorded=True)

    @property
    def left(self) -> int:
        """The number of files that were neither finished nor failed."""
        return len(self.plan.jobs) + len(self.plan.blocked) - self.done - len(self.failures)

    def report(self, *, cancelled: bool) -> Report:
        """Return the report of the run, which ends now."""
        return Report(
            done=self.done,
            **{name: self.results[name] for name in RESULTS},
            already_there=len(self.plan.already_there),
            skipped=len(self.plan.skipped),
            left=self.left,
            failures=tuple(self.failures),
            notes=tuple(self.notes.items()),
            megapixels=self.megapixels,
            seconds=time.perf_counter() - self.began,
            cancelled=cancelled,
            stopped_by=self.stopped_by,
        )


def _drop_frames(error: BaseException | None) -> None:
    """Drop the frames of an error that is kept for the report: they refer to the pixels of its file."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
