"""Runs a batch with the planner, runner and manifest of the command line, and a gate to pause it."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from denoiser.batch.settings import Settings
from denoiser.errors import Cancelled, DenoiserError, UnreadableImage
from denoiser.events import CancelToken, Event, FileFailed

if TYPE_CHECKING:
    from denoiser.batch import Plan, Report

FILE_GONE = "The file was moved or deleted after it was added."
_POLL_SECONDS = 0.05  # delay until a stop takes effect while paused


@dataclass(frozen=True, slots=True)
class BatchPart:
    """One call of the batch runner: sources with the same settings and output folder."""

    sources: tuple[Path, ...]
    folder: Path
    settings: Settings
    root: Path | None = None  # the folder to walk; outputs mirror its tree


@dataclass(frozen=True, slots=True)
class PartPlanned:
    """A part was planned: the sizes of its images."""

    megapixels: Mapping[Path, float]


@dataclass(frozen=True, slots=True)
class BatchPaused:
    """The batch is paused between two tiles."""


@dataclass(frozen=True, slots=True)
class BatchEnded:
    """The batch has ended: no thread runs, no file is open. *stopped_by* is an error that affects all files."""

    reports: tuple[Report, ...] = ()
    stopped_by: DenoiserError | None = None
    cancelled: bool = False


BatchEvent = Event | PartPlanned | BatchPaused | BatchEnded
Listener = Callable[[BatchEvent], None]


class PauseGate:
    """Pauses a run between two tiles while it is shut. Thread-safe."""

    def __init__(self) -> None:
        self._open = threading.Event()
        self.open()

    def shut(self) -> None:
        """Pause at the next tile."""
        self._open.clear()

    def open(self) -> None:
        """Continue."""
        self._open.set()

    def pass_through(self, cancel: CancelToken, listener: Listener) -> None:
        """Wait until the gate is open or *cancel* is set; report BatchPaused once before waiting."""
        if self._open.is_set() or cancel.cancelled:
            return
        listener(BatchPaused())
        while not self._open.wait(_POLL_SECONDS) and not cancel.cancelled:
            pass


def run_batch(parts: Sequence[BatchPart], listener: Listener, gate: PauseGate, cancel: CancelToken) -> None:
    """Run the parts in turn; ends with BatchEnded, also after an error. Calls *listener* in the calling thread."""
    reports: list[Report] = []
    stopped_by: DenoiserError | None = None
    try:
        for part in parts:
            cancel.raise_if_cancelled()
            report = _run_part(part, listener, gate, cancel)
            if report is not None:
                reports.append(report)
                stopped_by = report.stopped_by
            if stopped_by is not None:
                break
    except Cancelled:
        pass
    except DenoiserError as error:
        stopped_by = error
    finally:
        listener(BatchEnded(tuple(reports), stopped_by, cancel.cancelled))


def find_photos(root: Path, cancel: CancelToken) -> list[Path]:
    """The photos below a folder, in processing order; opens only files without a suffix."""
    from denoiser.batch.discover import discover, looks_like_image

    cancel.raise_if_cancelled()
    return [find.path for find in discover([root], is_image_name=looks_like_image).finds]


def _run_part(part: BatchPart, listener: Listener, gate: PauseGate, cancel: CancelToken) -> Report | None:
    from denoiser.batch import carry_out, plan_folder  # imports decoders; the window opens without them

    # The planner raises UsageError for a missing file, which would end the whole batch.
    there = tuple(source for source in part.sources if source.exists())
    for source in part.sources:
        if source not in there:
            listener(FileFailed(source, UnreadableImage(f"{source}: no such file.", hint=FILE_GONE)))
    if not there:
        return None
    sources = there if part.root is None else (part.root,)
    try:
        plan = _only(plan_folder(sources, part.folder, part.settings, cancel=cancel), there)
    except Cancelled:
        raise
    except DenoiserError as error:
        for source in there:
            listener(FileFailed(source, error))
        return None
    listener(PartPlanned({job.source: job.megapixels for job in (*plan.jobs, *plan.already_there)}))

    def forward(event: Event) -> None:
        listener(event)
        gate.pass_through(cancel, listener)

    return carry_out(plan, part.settings, listener=forward, cancel=cancel)


def _only(plan: Plan, sources: tuple[Path, ...]) -> Plan:
    """The plan of a tree, restricted to the files in the queue."""
    wanted = frozenset(sources)
    return dataclasses.replace(
        plan,
        jobs=tuple(job for job in plan.jobs if job.source in wanted),
        already_there=tuple(job for job in plan.already_there if job.source in wanted),
        skipped=tuple(skipped for skipped in plan.skipped if skipped.path in wanted),
        blocked=tuple((job, error) for job, error in plan.blocked if job.source in wanted),
    )
