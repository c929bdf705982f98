"""Progress events and cancellation.

The library never prints. Long-running functions take a ``Listener``, which receives events, and a ``CancelToken``,
which the caller sets to stop them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from denoiser.errors import Cancelled, DenoiserError


@dataclass(frozen=True, slots=True)
class Started:
    """A run starts; the plan knows the totals."""

    files: int
    megapixels: float


@dataclass(frozen=True, slots=True)
class FileStarted:
    """A file is read and its processing starts."""

    source: Path
    megapixels: float = 0.0


@dataclass(frozen=True, slots=True)
class TileDone:
    """A tile of an image is done."""

    done: int
    total: int
    megapixels: float


@dataclass(frozen=True, slots=True)
class FileDone:
    """A file is written completely and synced."""

    source: Path
    target: Path
    megapixels: float
    seconds: float
    notes: tuple[str, ...] = field(default=())
    facts: Mapping[str, Any] = field(default_factory=dict)  # noise estimate, device, precision …


@dataclass(frozen=True, slots=True)
class FileFailed:
    """A file failed; the run continues with the others."""

    source: Path
    error: DenoiserError


@dataclass(frozen=True, slots=True)
class FileSkipped:
    """A file was skipped; *target* is its output if that exists already."""

    source: Path
    reason: str
    target: Path | None = None


@dataclass(frozen=True, slots=True)
class SeriesFound:
    """A series of images taken with the same settings; *noise* is their common noise, empty if there is none."""

    series: str
    frames: int
    noise: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A worker of a cluster ended before it finished these files, which another worker processes."""

    cause: str
    sources: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Progress of a training run; ``validation_psnr`` is None between validations, ``note`` mostly empty.

    Validation scores are PSNR in dB, unless *unit* says otherwise.
    """

    step: int
    loss: float
    fraction: float
    seconds_left: float
    megapixels_per_second: float
    validation_psnr: dict[str, float] | None = None
    note: str = ""
    unit: str = "dB"


Event = (
    Started
    | FileStarted
    | TileDone
    | FileDone
    | FileFailed
    | FileSkipped
    | SeriesFound
    | WorkerLost
    | TrainingProgress
)
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A listener that ignores all events."""


class CancelToken:
    """A request to stop. Can be set from any thread or signal handler; cannot be reset."""

    def __init__(self) -> None:
        self._flag = threading.Event()

    def cancel(self) -> None:
        """Request the stop; returns at once."""
        self._flag.set()

    @property
    def cancelled(self) -> bool:
        """Whether a stop was requested."""
        return self._flag.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait up to *seconds* or until a stop is requested; return whether it was."""
        return self._flag.wait(seconds)

    def raise_if_cancelled(self) -> None:
        """Raise Cancelled if a stop was requested."""
        if self._flag.is_set():
            raise Cancelled("Stopped on request.", hint="")
