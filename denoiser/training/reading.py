"""What the reading of many pictures tells, and what stops it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from denoiser.events import CancelToken


@dataclass(frozen=True, slots=True)
class Reading:
    """Who hears how far it is (done, total), and who may stop it."""

    told: Callable[[int, int], None] | None = None
    cancel: CancelToken = field(default_factory=CancelToken)

    def tell(self, done: int, total: int) -> None:
        """*done* of *total* are read; raises Cancelled when the stop was asked for."""
        self.cancel.raise_if_cancelled()
        if self.told:
            self.told(done, total)


QUIETLY = Reading()
