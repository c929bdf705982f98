"""The steps of one file: reading with its checksum, writing with its record. No threads here.

`attempt` runs a step so that any exception fails that file and not the run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from denoiser import imageio
from denoiser.batch import staging
from denoiser.batch.file_settings import NO_MASK
from denoiser.batch.layout import Job
from denoiser.batch.manifest import Made, SourceFile, sha256_of, stamp_of
from denoiser.batch.plan import AnyWork, Plan
from denoiser.batch.settings import Settings
from denoiser.batch.work import Content, Outcome, Worker
from denoiser.errors import Cancelled, DenoiserError, UnreadableImage, UnwritableImage
from denoiser.events import CancelToken, Listener
from denoiser.imageio.formats import Format
from denoiser.storage import Url, Wait
from denoiser.version import __version__

if TYPE_CHECKING:
    from denoiser.estimation.series import Series

_Result = TypeVar("_Result")


class Records(Protocol):
    """Takes the records of files, for example a Manifest."""

    def begun(self, target: Path, source: SourceFile) -> None: ...

    def done(self, target: Path, source: SourceFile, made: Made) -> None: ...


@dataclass(frozen=True, slots=True)
class Failed:
    """A step that failed."""

    error: DenoiserError

    def __str__(self) -> str:
        return self.error.message


@dataclass(frozen=True, slots=True)
class LoadedFile:
    """Content that was read; *source* is None if no records are kept."""

    content: Content
    source: SourceFile | None


def read(
    job: Job, work: AnyWork, settings: Settings, records: Records | None, *, wait: Wait | None = None
) -> LoadedFile:
    """Record the file as begun and decode it. An object of a store is downloaded first; *wait* pauses its attempts.

    Raises UnreadableImage if it changes meanwhile, UnwritableImage if the format of the target cannot store it.
    """
    before = stamp_of(job.source, wait)
    if records is not None and before is not None:
        records.begun(job.target, SourceFile(job.source, before))
    path = staging.fetch(job, before, wait)
    with staging.naming(job):
        content = work.read(path, job.settings or settings)
    if isinstance(job.source, Url) and job.name:
        _refuse_misnamed(job, work.row_of(content, job.settings or settings), work.row(job.target))
    with imageio.naming(job.target):
        work.check(content, work.row(job.target))
    digest = sha256_of(path) if records is not None else ""
    if before is not None and stamp_of(job.source, wait) != before:
        raise UnreadableImage(
            f"{job.source}: changed while it was read.", hint="Run again when no other program is writing to it."
        )
    return LoadedFile(content, SourceFile(job.source, before, digest) if before is not None and records else None)


def _refuse_misnamed(job: Job, row: Format, planned: Format) -> None:
    """Raise UnreadableImage if the content asks for another format than the name, which the plan relied on."""
    if row.key != planned.key:
        raise UnreadableImage(
            f"{job.source}: would be written as {row.name}, but its name suggests {planned.name}.",
            hint="Rename it, or choose a format with --format.",
        )


def make(  # noqa: PLR0913 - what BatchWork.make takes, with the job
    job: Job,
    content: Any,
    work: AnyWork,
    settings: Settings,
    worker: Worker,
    *,
    series: Series | None,
    listener: Listener,
    cancel: CancelToken,
) -> Outcome[Any]:
    """Process the content of a file with its settings; add what depends on the run to facts and notes."""
    own = job.settings or settings
    outcome = work.make(content, own, worker, series=series, listener=listener, cancel=cancel)
    if job.series:
        outcome = dataclasses.replace(outcome, facts={**outcome.facts, "series": job.series})
    if settings.batch.mask and own.mask is None:
        outcome = dataclasses.replace(outcome, notes=(*outcome.notes, NO_MASK))
    return outcome


def write(
    job: Job,
    outcome: Outcome[Any],
    source: SourceFile | None,
    work: AnyWork,
    settings: Settings,
    records: Records | None,
    *,
    wait: Wait | None = None,
) -> Outcome[None]:
    """Write the output, then its record; return the outcome without its result, to free memory."""
    copy = staging.local(job)
    with staging.naming(job):
        written = work.write(outcome, copy, job.settings or settings)
    staging.publish(job, wait)
    if records is not None and source is not None:
        stamp = stamp_of(job.target, wait)
        if stamp is None:
            raise UnwritableImage(f"{job.target}: was removed immediately after it was written.", hint="Run again.")
        facts = dict(written.facts) | ({"notes": list(written.notes)} if written.notes else {})
        key = job.settings.key if job.settings else ""
        made = Made(stamp, sha256_of(copy.target), outcome.megapixels, facts, key, job.digest)
        records.done(job.target, source, made)
    staging.discard(job)
    return dataclasses.replace(written, result=None)


def source_of(job: Job) -> SourceFile | None:
    """Return the source of a job as it is now, or None if it no longer exists."""
    stamp = stamp_of(job.source)
    return SourceFile(job.source, stamp) if stamp else None


def facts_of_run(worker: Worker, plan: Plan) -> dict[str, Any]:
    """Return what the first record of a run contains about the weights and the device."""
    facts: dict[str, Any] = {
        "version": __version__,
        "model": plan.choice.model if plan.choice else worker.model_name,
    }
    places = {name: getattr(worker, name, None) for name in ("device", "precision", "tile")}
    return facts | {name: value for name, value in places.items() if value is not None}


def attempt(job: Job, step: Callable[[], _Result]) -> _Result | Failed:
    """Run a step of a file; an exception fails this file only."""
    try:
        return step()
    except Cancelled:
        raise
    except DenoiserError as error:
        return Failed(error)
    except MemoryError:
        return Failed(
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
        return Failed(unexpected)
