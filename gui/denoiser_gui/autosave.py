"""Writes small files soon after a change, in the file worker, and the rest when the window closes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial

from denoiser.errors import DenoiserError
from denoiser.events import CancelToken
from denoiser_gui.qt import QObject, QTimer
from denoiser_gui.worker import WorkerThread

_DELAY_MS = 400  # after a change, so that dragging a slider writes once


class Autosave(QObject):
    """Pending writes by name; a newer one replaces an older one. GUI thread only."""

    def __init__(self, worker: WorkerThread, failed: Callable[[DenoiserError], None], parent: QObject) -> None:
        super().__init__(parent)
        self._worker, self._failed = worker, failed
        self._pending: dict[str, Callable[[], None]] = {}
        self._timer = QTimer(self, singleShot=True, interval=_DELAY_MS)
        self._timer.timeout.connect(self._submit)

    def schedule(self, name: str, write: Callable[[], None]) -> None:
        """Call *write* in the file worker soon, unless it is replaced before."""
        self._pending[name] = write
        if not self._timer.isActive():
            self._timer.start()

    def finish(self) -> None:
        """Write everything that is pending, after the file worker has ended. Errors are ignored."""
        self._timer.stop()
        for write in self._pending.values():
            with suppress(DenoiserError, OSError):
                write()
        self._pending.clear()

    def _submit(self) -> None:
        for name, write in self._pending.items():
            drop, fail = partial(self._drop, name, write), partial(self._fail, name, write)
            self._worker.submit(f"autosave {name}", partial(_run, write), drop, fail)

    def _drop(self, name: str, write: Callable[[], None], _done: object = None) -> None:
        if self._pending.get(name) is write:
            del self._pending[name]

    def _fail(self, name: str, write: Callable[[], None], error: DenoiserError) -> None:
        self._drop(name, write)
        self._failed(error)


def _run(write: Callable[[], None], _cancel: CancelToken) -> None:
    write()
