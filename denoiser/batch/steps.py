"""What is done with one file, step by step: read with its fingerprint, written with its record. No threads here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from denoiser import __version__
from denoiser.batch.journal import sha256_of, stamp_of
from denoiser.batch.layout import Job
from denoiser.batch.manifest import Made, Manifest, Source
from denoiser.batch.plan import work_of
from denoiser.batch.settings import Choice, Settings
from denoiser.batch.work import Content, Outcome
from denoiser.errors import UnreadableImage, UnwritableImage


@dataclass(frozen=True, slots=True)
class Picture:
    """Content that was read; *source* is None if no records are kept."""

    content: Content
    source: Source | None


def read(job: Job, settings: Settings, manifest: Manifest | None) -> Picture:
    """Journals the file as begun and decodes it; UnreadableImage if it changes meanwhile."""
    before = stamp_of(job.source)
    if manifest is not None and before is not None:
        manifest.begun(job.target, Source(job.source, before))
    content = work_of(settings).read(job.source, settings)
    digest = sha256_of(job.source) if manifest is not None else ""
    if before is not None and stamp_of(job.source) != before:
        raise UnreadableImage(
            f"{job.source}: changed while it was read.", hint="Run again when no other program is writing to it."
        )
    return Picture(content, Source(job.source, before, digest) if before is not None and manifest else None)


def write(
    job: Job, outcome: Outcome, source: Source | None, settings: Settings, manifest: Manifest | None
) -> tuple[str, ...]:
    """Writes the output, then its record; returns in words what the file could not hold."""
    lost = work_of(settings).write(outcome, job, settings)
    if manifest is not None and source is not None:
        stamp = stamp_of(job.target)
        if stamp is None:
            raise UnwritableImage(f"{job.target}: was removed immediately after it was written.", hint="Run again.")
        notes = list(dict.fromkeys((*outcome.notes, *lost)))
        facts = dict(outcome.facts) | ({"notes": notes} if notes else {})
        manifest.done(job.target, source, Made(stamp, sha256_of(job.target), outcome.megapixels, facts))
    return lost


def source_of(job: Job) -> Source | None:
    """The source of a job as it is now, or None where it is gone."""
    stamp = stamp_of(job.source)
    return Source(job.source, stamp) if stamp else None


def facts_of_run(cleaner: Any, choice: Choice | None) -> dict[str, Any]:
    """What the first line of a manifest says of the weights and of where they run."""
    words = {"version": __version__, "model": choice.model if choice else cleaner.model_name}
    return words | {
        name: value
        for name in ("device", "precision", "tile")
        if (value := getattr(cleaner, name, None)) is not None
    }
