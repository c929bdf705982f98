"""Worker threads with a job queue; a new job replaces older ones of the same kind.

controller (GUI thread)              worker (its own thread)
submit("preview", job, done)   ->    job(cancel)
done(result)                   <-    delivered through Qt's event queue
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from denoiser.errors import Cancelled, DenoiserError
from denoiser.events import CancelToken
from denoiser_gui.qt import QObject, Qt, Signal

Job = Callable[[CancelToken], Any]
Done = Callable[[Any], None]
Failed = Callable[[DenoiserError], None]

_BUG_HINT = "This is a bug. Please report it with the output of `denoise doctor`."
STOP_SECONDS = 1.5  # for all jobs together to react to their cancel when the window closes


@dataclass(eq=False, slots=True)
class _Task:
    kind: str
    job: Job
    done: Done
    failed: Failed
    cancel: CancelToken


class WorkerThread(QObject):
    """A thread that runs jobs in turn. Used from the GUI thread, which never waits for it.

    A job cancels the running one of the same kind and replaces the waiting one. Its return value or DenoiserError
    is delivered in the GUI thread; results of cancelled jobs are dropped.
    """

    _arrived = Signal(object, object)

    def __init__(self, name: str, parent: QObject | None = None, *, niceness: int = 0) -> None:
        super().__init__(parent)
        self._niceness = niceness
        self._waiting: OrderedDict[str, _Task] = OrderedDict()
        self._running: _Task | None = None
        self._stopping = False
        self._changed = threading.Condition()
        self._arrived.connect(self._deliver, Qt.ConnectionType.QueuedConnection)
        self._thread = threading.Thread(target=self._work, name=f"denoise-gui-{name}", daemon=True)
        self._thread.start()

    def submit(self, kind: str, job: Job, done: Done = lambda _: None, failed: Failed = lambda _: None) -> None:
        """Run *job* when its turn comes, replacing a waiting or running job of the same *kind*."""
        task = _Task(kind, job, done, failed, CancelToken())
        with self._changed:
            self._drop(kind)
            self._waiting[kind] = task
            self._changed.notify_all()

    def cancel(self, kind: str) -> None:
        """Cancel all jobs of this kind; returns immediately."""
        with self._changed:
            self._drop(kind)

    def is_idle(self) -> bool:
        """Whether no job waits or runs."""
        with self._changed:
            return not self._waiting and self._running is None

    def begin_to_stop(self) -> None:
        """Cancel everything; returns immediately."""
        with self._changed:
            self._stopping = True
            self._waiting.clear()
            if self._running is not None:
                self._running.cancel.cancel()
            self._changed.notify_all()

    def stop(self, seconds: float = STOP_SECONDS) -> bool:
        """Cancel everything and end the thread; return whether it ended in time."""
        self.begin_to_stop()
        self._thread.join(max(seconds, 0.0))
        return not self._thread.is_alive()

    def _drop(self, kind: str) -> None:
        replaced = self._waiting.pop(kind, None)
        for task in (replaced, self._running):
            if task is not None and task.kind == kind:
                task.cancel.cancel()

    def _work(self) -> None:
        if sys.platform == "linux" and self._niceness:
            thread = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + self._niceness)
        while (task := self._next()) is not None:
            try:
                outcome: Any = task.job(task.cancel)
            except Cancelled:
                outcome = None
                task.cancel.cancel()
            except DenoiserError as error:
                outcome = error
            except Exception as error:  # noqa: BLE001 - top level of the thread: every error is reported
                outcome = DenoiserError(f"Unexpected {type(error).__name__}: {error}", hint=_BUG_HINT)
                sys.excepthook(type(error), error, error.__traceback__)
            with self._changed:
                self._running = None
            if not self._stopping:
                self._arrived.emit(task, outcome)

    def _next(self) -> _Task | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            if self._stopping:
                return None
            self._running = self._waiting.popitem(last=False)[1]
            return self._running

    def _deliver(self, task: _Task, outcome: Any) -> None:
        if self._stopping or task.cancel.cancelled:
            return
        if isinstance(outcome, DenoiserError):
            task.failed(outcome)
        else:
            task.done(outcome)


def stop_all(workers: Sequence[WorkerThread]) -> bool:
    """End several workers within one time limit; return whether all ended."""
    for worker in workers:
        worker.begin_to_stop()
    end = time.monotonic() + STOP_SECONDS
    stopped = [worker.stop(end - time.monotonic()) for worker in workers]
    return all(stopped)
