"""What the reading of many pictures tells, and what stops it."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from denoiser.events import CancelToken


@dataclass(frozen=True, slots=True)
class Reading:
    """Progress callback (done, total) and cancel token for reading photos."""

    told: Callable[[int, int], None] | None = None
    cancel: CancelToken = field(default_factory=CancelToken)

    def tell(self, done: int, total: int) -> None:
        """*done* of *total* are read; raises Cancelled when the stop was asked for."""
        self.cancel.raise_if_cancelled()
        if self.told:
            self.told(done, total)


QUIETLY = Reading()

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def side_by_side(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """*work* on each of *items* in their order, by as many threads as there are cores.

    Pictures are read and shrunk outside of Python, so threads suffice. Who stops listening stops the work.
    """
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="denoise-reading") as threads:
        results = deque(threads.submit(work, item) for item in items)
        try:
            while results:
                yield results.popleft().result()
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
