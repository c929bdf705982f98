"""Carrying out a batch: the very plan, runner and manifest of the command line, with a gate that can be shut."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from denoiser.batch.settings import Settings
from denoiser.errors import Cancelled, DenoiserError, UnreadableImage
from denoiser.events import CancelToken, Event

if TYPE_CHECKING:
    from denoiser.batch import Plan, Report

GONE = "The file was moved or deleted after it was added."
_POLL_SECONDS = 0.05  # a stop is heard within this while the batch is paused


@dataclass(frozen=True, slots=True)
class BatchPart:
    """What one run of the runner does: these sources, cleaned in one way, into one folder."""

    sources: tuple[Path, ...]
    folder: Path
    settings: Settings
    root: Path | None = None  # the folder that is walked for them, and whose tree is mirrored


@dataclass(frozen=True, slots=True)
class BatchOrder:
    """A batch that can be carried out."""

    parts: tuple[BatchPart, ...]


@dataclass(frozen=True, slots=True)
class PartPlanned:
    """A part is planned: how large its pictures are."""

    megapixels: Mapping[Path, float]


@dataclass(frozen=True, slots=True)
class PartFailed:
    """These cannot be begun; the others go on."""

    sources: tuple[Path, ...]
    error: DenoiserError


@dataclass(frozen=True, slots=True)
class BatchPaused:
    """The network stands still, and waits at the gate."""


@dataclass(frozen=True, slots=True)
class BatchEnded:
    """Nothing runs any more, no thread and no file is left open; *stopped_by* would have failed all else, too."""

    reports: tuple[Report, ...] = ()
    stopped_by: DenoiserError | None = None
    cancelled: bool = False


BatchEvent = Event | PartPlanned | PartFailed | BatchPaused | BatchEnded
Listener = Callable[[BatchEvent], None]


@dataclass(slots=True)
class PauseGate:
    """Where a run waits while it is shut: between two tiles. Any thread may shut and open it."""

    _open: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._open.set()

    @property
    def is_shut(self) -> bool:
        return not self._open.is_set()

    def shut(self) -> None:
        """Whoever comes by waits from now on."""
        self._open.clear()

    def open(self) -> None:
        """Whoever waits goes on."""
        self._open.set()

    def pass_through(self, cancel: CancelToken, listener: Listener) -> None:
        """Returns at once, or when the gate is opened again or *cancel* comes; says once that it waits."""
        if self._open.is_set() or cancel.cancelled:
            return
        listener(BatchPaused())
        while not self._open.wait(_POLL_SECONDS) and not cancel.cancelled:
            pass


def carry_out_order(order: BatchOrder, listener: Listener, gate: PauseGate, cancel: CancelToken) -> None:
    """Runs the parts in turn; ends with BatchEnded, also after an error. Calls *listener* in the calling thread."""
    reports: list[Report] = []
    stopped_by: DenoiserError | None = None
    try:
        for part in order.parts:
            cancel.raise_if_cancelled()
            report = _carry_out_part(part, listener, gate, cancel)
            if report is not None:
                reports.append(report)
                stopped_by = stopped_by or report.stopped_by
            if stopped_by is not None:
                break
    except Cancelled:
        pass
    except DenoiserError as error:
        stopped_by = error
    finally:
        listener(BatchEnded(tuple(reports), stopped_by, cancel.cancelled))


def find_pictures(root: Path, cancel: CancelToken) -> list[Path]:
    """The pictures below a folder, in the order in which a run takes them; looks at names alone."""
    from denoiser.batch.discover import discover
    from denoiser.imageio import formats

    cancel.raise_if_cancelled()
    return [find.path for find in discover([root], is_picture_name=formats.is_picture_name).finds]


def _carry_out_part(part: BatchPart, listener: Listener, gate: PauseGate, cancel: CancelToken) -> Report | None:
    from denoiser.batch import carry_out, plan_folder  # decoders come with it, and the window opens without them

    # One file that is gone would be wrong usage to the plan, and the end of all.
    there = tuple(source for source in part.sources if source.exists())
    for source in (source for source in part.sources if source not in there):
        listener(PartFailed((source,), UnreadableImage(f"{source}: no such file.", hint=GONE)))
    if not there:
        return None
    sources = there if part.root is None else (part.root,)
    try:
        plan = _only(plan_folder(sources, part.folder, part.settings, cancel=cancel), there)
    except Cancelled:
        raise
    except DenoiserError as error:
        listener(PartFailed(there, error))
        return None
    listener(PartPlanned({job.source: job.megapixels for job in (*plan.jobs, *plan.already_there)}))

    def forward(event: Event) -> None:
        listener(event)
        gate.pass_through(cancel, listener)

    return carry_out(plan, part.settings, listener=forward, cancel=cancel)


def _only(plan: Plan, sources: tuple[Path, ...]) -> Plan:
    """The plan of a tree, less what was taken out of the queue."""
    wanted = frozenset(sources)
    return dataclasses.replace(
        plan,
        jobs=tuple(job for job in plan.jobs if job.source in wanted),
        already_there=tuple(job for job in plan.already_there if job.source in wanted),
        passed=tuple(passed for passed in plan.passed if passed.path in wanted),
        blocked=tuple((job, error) for job, error in plan.blocked if job.source in wanted),
    )
