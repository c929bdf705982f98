"""Decides which outputs are done, which are made again and why, and which must not be replaced.

An output is done if its newest record says so and source, options, weights and output are unchanged. Everything
else is made again, except that files of unknown origin, and existing outputs of other images, are replaced only
with --overwrite.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from denoiser.batch.digest import Stamp, sha256_of, stamp_of
from denoiser.batch.history import History, Past
from denoiser.batch.layout import Job
from denoiser.batch.settings import Choice, Settings
from denoiser.errors import DenoiserError, ForeignOutput, UnreadableImage, UnsafeOutput
from denoiser.events import CancelToken

# Coarse file systems round times; FAT to two seconds.
_SAME_TIME_NS = 2_000_000_000
_APART = "Clean them into different folders, or rename one."


@dataclass(frozen=True, slots=True)
class Standing:
    """The jobs of a plan by what is left to do of them."""

    to_do: tuple[Job, ...]
    done: tuple[Job, ...]
    blocked: tuple[tuple[Job, DenoiserError], ...]


def sort_by_history(
    jobs: Iterable[Job],
    history: History,
    settings: Settings,
    choice: Choice,
    cancel: CancelToken,
    *,
    folder: Path | None = None,
) -> Standing:
    """Looks at outputs and records; with --verify at the bytes of outputs and sources, too. Writes nothing.

    *folder* is where the records stand.
    """
    to_do, done, blocked = [], [], []
    for job in jobs:
        cancel.raise_if_cancelled()
        past = history.of(job.name) or Past()
        crash = _crash(job, past, settings)
        if crash is not None:
            blocked.append((job, crash))
            continue
        job = dataclasses.replace(job, suspect=history.is_suspect(past) or past.state == "crashed")
        verdict: str | DenoiserError | None = _why_new(past)
        if os.path.lexists(job.target):
            verdict = _why_again(job, past, settings, choice)
            other = made_of_another(job, past, folder) if verdict and not settings.batch.overwrite else None
            if other is not None:
                verdict = UnsafeOutput(
                    f"{job.source} would be written to {job.target}, which was made from {other}.", hint=_APART
                )
        if isinstance(verdict, DenoiserError):
            blocked.append((job, verdict))
        elif verdict is None:
            done.append(dataclasses.replace(job, record=past.done))
        else:
            to_do.append(dataclasses.replace(job, again=verdict))
    return Standing(tuple(to_do), tuple(done), tuple(blocked))


def made_of_another(job: Job, past: Past, folder: Path | None) -> Path | None:
    """The picture that the output of *job* was made of, where that is another one and still there."""
    if folder is None or past.done is None:
        return None
    first = Path(os.path.normpath(folder / past.done["source"]))
    try:
        return None if first.samefile(job.source) else first
    except OSError:
        return None  # one of them is gone


def _crash(job: Job, past: Past, settings: Settings) -> DenoiserError | None:
    if past.state != "crashed" or settings.batch.retry_failed or past.source_stamp != stamp_of(job.source):
        return None
    return UnreadableImage(
        f"{job.source}: crashed an earlier run ({past.cause}); skipped.",
        hint="The file may be corrupt. Use --retry-failed to try again.",
    )


def _why_new(past: Past) -> str:
    return "the output is missing" if past.done else ""


def _why_again(job: Job, past: Past, settings: Settings, choice: Choice) -> str | DenoiserError | None:
    """Why an output that is there is made again; None when it is done; an error when it is not ours."""
    if settings.batch.overwrite:
        return "--overwrite"
    there = stamp_of(job.target)
    if there is None or (past.made != there and not _left_by_a_dead_run(past, there)):
        return _foreign(job, past)
    if past.done is None or past.state != "done" or past.made != there:
        return "an earlier run did not finish it"
    if past.source_stamp != stamp_of(job.source):
        return "the source has changed"
    if past.done["options"] != settings.key:
        return "made with other options"
    if past.done["digest"] != choice.digest:
        return "made with other weights"
    return _differs(job, past.done["source_sha256"], past.done["sha256"]) if settings.batch.verify else None


def _left_by_a_dead_run(past: Past, there: Stamp) -> bool:
    """Whether the output was written, and its writer killed before it could say so: it has the source's time."""
    if past.begun_at <= past.done_at or past.source_stamp is None:
        return False
    return abs(there.mtime_ns - past.source_stamp.mtime_ns) <= _SAME_TIME_NS


def _foreign(job: Job, past: Past) -> ForeignOutput:
    if past.done is not None:
        return ForeignOutput(f"{job.target}: was modified after it was written.")
    return ForeignOutput(f"{job.target}: already exists, and no record shows that it was made from {job.source}.")


def _differs(job: Job, source: str, target: str) -> str | None:
    if sha256_of(job.target) != target:
        return "the output was modified"
    return "the content of the source has changed" if sha256_of(job.source) != source else None
