"""Progress of many files, updated incrementally: a batch may have thousands of rows, and every tile asks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol


class Counted(Protocol):
    """A file in progress, such as denoiser_gui.model.batch_queue.Row."""

    @property
    def state(self) -> Enum: ...
    @property
    def is_over(self) -> bool: ...
    @property
    def fraction(self) -> float: ...
    @property
    def megapixels(self) -> float: ...
    @property
    def in_the_way(self) -> bool: ...


@dataclass(slots=True)
class Tally:
    """Counts of rows by state, and overall progress. Not thread-safe."""

    states: Counter[Enum] = field(default_factory=Counter)
    size: int = 0
    over: int = 0
    in_the_way: int = 0
    _known: int = 0  # rows with known size
    _megapixels: float = 0.0
    _done: float = 0.0  # finished part of those megapixels
    _done_unknown: float = 0.0  # finished part of rows with unknown size

    def take(self, row: Counted) -> None:
        """Add *row* to the counts."""
        self._count(row, 1)

    def drop(self, row: Counted) -> None:
        """Remove it from the counts."""
        self._count(row, -1)

    @property
    def fraction(self) -> float:
        """Progress weighted by megapixels; rows of unknown size count as average."""
        if not self.size:
            return 0.0
        usual = self._megapixels / self._known if self._known and self._megapixels > 0 else 1.0
        whole = self._megapixels + usual * (self.size - self._known)
        return min(1.0, max(0.0, (self._done + usual * self._done_unknown) / whole))

    def _count(self, row: Counted, sign: int) -> None:
        share = 1.0 if row.is_over else row.fraction
        self.states[row.state] += sign
        self.size += sign
        self.over += sign * row.is_over
        self.in_the_way += sign * row.in_the_way
        if row.megapixels > 0:
            self._known += sign
            self._megapixels += sign * row.megapixels
            self._done += sign * share * row.megapixels
        else:
            self._done_unknown += sign * share
