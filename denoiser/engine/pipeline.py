"""Streams images through the device: reading, inference and the caller's work overlap.

    feeder thread               device thread                calling thread
    next image, prepare  ->   network, tile by tile   ->   finish, hand over
                      inbox                        outbox

The queues between the threads hold a bounded number of bytes, so memory does not grow with the number of images.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from denoiser.engine.canvas import Canvas, Cleaned, Work
from denoiser.engine.tiled import TileListener
from denoiser.errors import Cancelled, DenoiserError
from denoiser.events import CancelToken, TileDone
from denoiser.image import Image

_Queued = TypeVar("_Queued")


class Closed(Exception):
    """The other side has closed the queue."""


class Channel(Generic[_Queued]):
    """A thread-safe FIFO queue; its items weigh at most *capacity* in total, or it holds one item."""

    def __init__(self, capacity: float) -> None:
        self._capacity = capacity
        self._items: deque[tuple[_Queued, float]] = deque()
        self._weight = 0.0
        self._ended = self._abandoned = False
        self._changed = threading.Condition()

    def put(self, item: _Queued, weight: float = 1.0) -> None:
        """Wait for free space; raises Closed if the other side has gone."""
        with self._changed:
            self._changed.wait_for(lambda: self._has_room(weight) or self._abandoned)
            if self._abandoned:
                raise Closed
            self._items.append((item, weight))
            self._weight += weight
            self._changed.notify_all()

    def get(self, *, wait: bool = True) -> _Queued | None:
        """The next item; waits, or returns None at once; raises Closed after the last one."""
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
        """Close from the producing side; remaining items can still be taken."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Close from the consuming side and drop all items."""
        with self._changed:
            self._abandoned = self._ended = True
            self._items.clear()
            self._changed.notify_all()

    def _has_room(self, weight: float) -> bool:
        return not weight or not self._weight or self._weight + weight <= self._capacity


Name = TypeVar("Name")


class Stages(Protocol):
    """The work of the three threads on an image; denoiser.engine.Session implements it."""

    def prepare(self, image: Image) -> Work: ...
    def compute(
        self, canvases: Iterable[Canvas | None], *, on_tile: TileListener, cancel: CancelToken
    ) -> Iterator[Canvas]: ...
    def finish(self, work: Work) -> Cleaned: ...


def stream(
    pictures: Iterable[tuple[Name, Image]],
    stages: Stages,
    *,
    bytes_waiting: float,
    on_tile: Callable[[Name, TileDone], None],
    cancel: CancelToken,
) -> Iterator[tuple[Name, Cleaned | DenoiserError]]:
    """Yield results by name as they finish; *on_tile* is called for each tile in the calling thread.

    A DenoiserError of one image is a value; Cancelled and what *pictures* raises end the stream. Between the
    threads wait at most *bytes_waiting* each, or a single image. No thread is left when it ends or is closed.
    """
    run = _Stream(pictures, stages, Channel(bytes_waiting), Channel(bytes_waiting), _Either(cancel))
    with ThreadPoolExecutor(2, thread_name_prefix="denoise-engine") as threads:
        feeder, device = threads.submit(run.feed), threads.submit(run.work)
        try:
            for item in run.results():
                if isinstance(item, _News):
                    on_tile(item.name, item.event)
                else:
                    yield item.name, _finished(stages, item.work)
        finally:
            run.stop()
        # Errors of the threads are raised here.
        device.result()
        feeder.result()


@dataclass(frozen=True, slots=True)
class _Item(Generic[Name]):
    name: Name
    work: Work | DenoiserError


@dataclass(frozen=True, slots=True)
class _News(Generic[Name]):
    name: Name
    event: TileDone


class _Either(CancelToken):
    """Cancelled by itself or by the caller's token."""

    def __init__(self, other: CancelToken) -> None:
        super().__init__()
        self._other = other

    @property
    def cancelled(self) -> bool:
        return super().cancelled or self._other.cancelled

    def raise_if_cancelled(self) -> None:
        super().raise_if_cancelled()
        self._other.raise_if_cancelled()


class _Stream(Generic[Name]):
    def __init__(
        self,
        pictures: Iterable[tuple[Name, Image]],
        stages: Stages,
        inbox: Channel[_Item[Name]],
        outbox: Channel[_Item[Name] | _News[Name]],
        cancel: _Either,
    ) -> None:
        self._pictures, self._stages = pictures, stages
        self._inbox, self._outbox, self._cancel = inbox, outbox, cancel
        self._under_way: dict[int, _Item[Name]] = {}  # by the identity of the canvas
        self._all_arrived = False

    def feed(self) -> None:
        """The feeder thread."""
        try:
            for name, image in self._pictures:
                item = _Item(name, _or_error(self._stages.prepare, image))
                self._inbox.put(item, _weight(item))
        except Closed:
            pass
        finally:
            self._inbox.end()

    def work(self) -> None:
        """The device thread."""
        try:
            arrivals = self._arrivals()
            while not self._all_arrived:
                self._compute(arrivals)
        except Closed:
            pass
        finally:
            self._outbox.end()

    def results(self) -> Iterator[_Item[Name] | _News[Name]]:
        """Items of the device thread, until it ends."""
        with suppress(Closed):
            while True:
                item = self._outbox.get()
                assert item is not None  # it waited
                yield item

    def stop(self) -> None:
        """Stop both threads and wait for them."""
        self._cancel.cancel()
        self._inbox.abandon()
        self._outbox.abandon()

    def _compute(self, arrivals: Iterator[Canvas | None]) -> None:
        try:
            for canvas in self._stages.compute(arrivals, on_tile=self._tell, cancel=self._cancel):
                self._send(self._under_way.pop(id(canvas)))
        except Cancelled:
            raise
        except DenoiserError as error:
            for item in list(self._under_way.values()):
                self._send(_Item(item.name, error))
            self._under_way.clear()

    def _arrivals(self) -> Iterator[Canvas | None]:
        """Images that need inference; None while the next one has not arrived."""
        with suppress(Closed):
            while True:
                item = self._inbox.get(wait=False)
                if item is None:
                    yield None
                    item = self._inbox.get()
                    assert item is not None  # it waited
                if isinstance(item.work, Work) and item.work.canvas is not None:
                    self._under_way[id(item.work.canvas)] = item
                    yield item.work.canvas
                else:
                    self._send(item)
        self._all_arrived = True

    def _send(self, item: _Item[Name]) -> None:
        self._outbox.put(item, _weight(item))

    def _tell(self, canvas: Canvas) -> None:
        item = self._under_way[id(canvas)]
        assert isinstance(item.work, Work)
        self._outbox.put(_News(item.name, progress(canvas, item.work.image)), 0)


def progress(canvas: Canvas, image: Image) -> TileDone:
    """Progress of the image."""
    return TileDone(canvas.tiles_total - canvas.tiles_left, canvas.tiles_total, image.megapixels)


def _finished(stages: Stages, work: Work | DenoiserError) -> Cleaned | DenoiserError:
    return work if isinstance(work, DenoiserError) else _or_error(stages.finish, work)


_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


def _or_error(step: Callable[[_Given], _Made], given: _Given) -> _Made | DenoiserError:
    """The result of *step*, or the error of this image alone."""
    try:
        return step(given)
    except Cancelled:
        raise
    except DenoiserError as error:
        return error


def _weight(item: _Item[Name]) -> float:
    return item.work.bytes if isinstance(item.work, Work) else 0.0
