"""Progress and remaining time of a run, measured in megapixels."""

from __future__ import annotations

import time
from pathlib import Path

from denoiser.events import Event, FileDone, FileFailed, FileStarted, Started, TileDone

# Below these, estimates of the remaining time vary too much.
_ENOUGH_FRACTION = 0.005
_ENOUGH_SECONDS = 1.0


class Progress:
    """Tracks progress from events. Megapixels, not files: image sizes differ by orders of magnitude."""

    def __init__(self) -> None:
        self.files = 0
        self.files_over = 0
        self._megapixels = 0.0
        self._cleaned = 0.0  # of files that are cleaned or have failed
        self._current: tuple[Path, float] | None = None
        self._of_current = 0.0
        self._began: float | None = None

    def hear(self, event: Event) -> None:
        """Handle one event."""
        match event:
            case Started():
                self.files, self._megapixels = event.files, event.megapixels
            case FileStarted():
                self._leave_current()
                self._began = self._began or time.monotonic()  # loading the weights is not counted
                self._current = (event.source, event.megapixels)
            case TileDone() if self._current is not None:
                self._of_current = self._current[1] * event.done / event.total
            case FileDone() | FileFailed():
                self.files_over += 1
                if self._current is not None and self._current[0] == event.source:
                    self._leave_current()

    @property
    def fraction(self) -> float:
        """From 0 to 1; counts files if no header could be read."""
        if self.files_over == self.files:
            return 1.0
        if not self._megapixels:
            return self.files_over / self.files
        return min(1.0, (self._cleaned + self._of_current) / self._megapixels)

    @property
    def megapixels_per_second(self) -> float:
        """Average since the first file was started."""
        return (self._cleaned + self._of_current) / max(self._spent, 1e-3)

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds left; None until there is enough data."""
        if self.fraction < _ENOUGH_FRACTION or self._spent < _ENOUGH_SECONDS:
            return None
        return self._spent * (1 - self.fraction) / self.fraction

    def __str__(self) -> str:
        left = self.seconds_left
        later = f", {duration(left)} left" if left is not None else ""
        return f"{self.files_over} of {self.files} files, {self.megapixels_per_second:.2f} MP/s{later}"

    @property
    def _spent(self) -> float:
        return time.monotonic() - self._began if self._began is not None else 0.0

    def _leave_current(self) -> None:
        # Count the whole file: with strength 0 there are no tile events.
        if self._current is not None:
            self._cleaned += self._current[1]
        self._current, self._of_current = None, 0.0


def duration(seconds: float) -> str:
    """Format seconds: 8 s, 2:05 min, 3:10 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02} min"
    return f"{whole // 3600}:{whole % 3600 // 60:02} h"
