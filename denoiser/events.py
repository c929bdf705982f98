"""Progress and stop travel as one thing: events flow up as values, a cancel token flows down.

Below the faces nobody prints. Whoever does long work takes a ``Listener`` and a ``CancelToken``,
tells the one what happened and asks the other whether to go on.
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
    """A run begins; the totals are known because the plan came first."""

    files: int
    megapixels: float


@dataclass(frozen=True, slots=True)
class FileStarted:
    """A file is read and about to be cleaned."""

    source: Path
    megapixels: float = 0.0


@dataclass(frozen=True, slots=True)
class TileDone:
    """One of the tiles of a picture is clean."""

    done: int
    total: int
    megapixels: float


@dataclass(frozen=True, slots=True)
class FileDone:
    """A file is written, whole and synced."""

    source: Path
    target: Path
    megapixels: float
    seconds: float
    notes: tuple[str, ...] = field(default=())
    facts: Mapping[str, Any] = field(default_factory=dict)  # what made it: estimate, device, precision …


@dataclass(frozen=True, slots=True)
class FileFailed:
    """A file could not be cleaned; the others go on."""

    source: Path
    error: DenoiserError


@dataclass(frozen=True, slots=True)
class FileSkipped:
    """A file was passed over, and why; *target* is its output where that is there already."""

    source: Path
    reason: str
    target: Path | None = None


@dataclass(frozen=True, slots=True)
class SeriesFound:
    """Pictures that were taken alike; *noise* is what they have in common, and empty where that is nothing."""

    series: str
    frames: int
    noise: Mapping[str, float] = field(default_factory=dict)
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """Where a training run stands; ``validation_psnr`` is None between validations, ``note`` mostly empty.

    The scores of a validation are PSNR, unless *unit* says that they are something else.
    """

    step: int
    loss: float
    fraction: float
    seconds_left: float
    megapixels_per_second: float
    validation_psnr: dict[str, float] | None = None
    note: str = ""
    unit: str = "dB"


Event = Started | FileStarted | TileDone | FileDone | FileFailed | FileSkipped | SeriesFound | TrainingProgress
Listener = Callable[[Event], None]


def ignore(event: Event) -> None:
    """The listener of those who do not listen."""


class CancelToken:
    """A request to stop, safe to make from any thread or signal handler; it never un-happens."""

    def __init__(self) -> None:
        self._flag = threading.Event()

    def cancel(self) -> None:
        """Ask for the stop; returns at once."""
        self._flag.set()

    @property
    def cancelled(self) -> bool:
        """Whether the stop was asked for."""
        return self._flag.is_set()

    def wait(self, seconds: float) -> bool:
        """Lets time pass, but not beyond the request; whether it was made."""
        return self._flag.wait(seconds)

    def raise_if_cancelled(self) -> None:
        """Leave long work here when the stop was asked for."""
        if self._flag.is_set():
            raise Cancelled("Stopped on request.", hint="")
