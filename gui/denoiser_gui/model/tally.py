"""How far many files are, counted as they change and never anew: thousands of rows are asked for each tile."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol


class Counted(Protocol):
    """A file on its way: denoiser_gui.model.batch_queue.Row is one."""

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
    """Counts of rows by state, and how much of them is through. One thread."""

    states: Counter[Enum] = field(default_factory=Counter)
    size: int = 0
    over: int = 0
    in_the_way: int = 0
    _known: int = 0  # rows whose megapixels are known
    _megapixels: float = 0.0
    _done: float = 0.0  # of those megapixels
    _done_unknown: float = 0.0  # of rows that are not known

    def take(self, row: Counted) -> None:
        """Counts *row*."""
        self._count(row, 1)

    def drop(self, row: Counted) -> None:
        """Counts it no longer."""
        self._count(row, -1)

    @property
    def fraction(self) -> float:
        """How much is through, by megapixels; a row of unknown size counts as the mean of the others."""
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
