"""A way from one thread to another that holds a bounded weight and can be closed from either end."""

from __future__ import annotations

import threading
from collections import deque
from typing import Generic, TypeVar

_Item = TypeVar("_Item")


class Closed(Exception):
    """Nothing more will come, or nothing more is wanted."""


class Channel(Generic[_Item]):
    """First in, first out. For any threads; all in it weighs at most *capacity*, or is one thing."""

    def __init__(self, capacity: float) -> None:
        self._capacity = capacity
        self._items: deque[tuple[_Item, float]] = deque()
        self._weight = 0.0
        self._ended = self._abandoned = False
        self._changed = threading.Condition()

    def put(self, item: _Item, weight: float = 1.0) -> None:
        """Wait for free space; raises Closed if the other side has gone."""
        with self._changed:
            self._changed.wait_for(lambda: self._has_room(weight) or self._abandoned)
            if self._abandoned:
                raise Closed
            self._items.append((item, weight))
            self._weight += weight
            self._changed.notify_all()

    def get(self, *, wait: bool = True) -> _Item | None:
        """The next thing; waits for it, or gives None at once; Closed when the last one was taken."""
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: bool(self._items) or self._ended)
            if not self._items:
                if self._ended:
                    raise Closed
                return None
            item, weight = self._items.popleft()
            self._weight -= weight
            self._changed.notify_all()
            return item

    def end(self) -> None:
        """Says that nothing more comes; what is in it can still be taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Says that nothing more is wanted, and drops what is in it."""
        with self._changed:
            self._abandoned = self._ended = True
            self._items.clear()
            self._changed.notify_all()

    def _has_room(self, weight: float) -> bool:
        return not weight or not self._weight or self._weight + weight <= self._capacity
