"""The shown photos: sorted and filtered as chosen, with facts that a worker thread reads from their files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from denoiser.events import CancelToken
from denoiser_gui.model.library import Arrangement, Sorting, read_facts
from denoiser_gui.model.open_photos import OpenPhoto, OpenPhotos, PhotoFacts
from denoiser_gui.qt import QObject, QTimer, Signal
from denoiser_gui.worker import WorkerThread

_NICENESS = 10  # everything else has priority
_AT_ONCE = 25  # files between two updates of the window
_DELAY_MS = 400  # after a change of data, before the photos are arranged again


Own = Callable[[WorkerThread], WorkerThread]  # stops a worker with the others


class Library(QObject):
    """Arranges the open photos. GUI thread only."""

    changed = Signal()  # other photos are shown, or in another order
    facts_read = Signal()  # cameras may be new

    def __init__(self, parent: QObject, photos: OpenPhotos, own: Own, update: Callable[..., None]) -> None:
        super().__init__(parent)
        self._photos, self._update = photos, update
        self._worker = own(WorkerThread("facts", parent, niceness=_NICENESS))
        self._is_reading = False
        self.arrangement = Arrangement()  # order and filter
        self._timer = QTimer(self, singleShot=True, interval=_DELAY_MS)
        self._timer.timeout.connect(self._arrange_again)

    @property
    def cameras(self) -> list[str]:
        """The cameras of all open photos, sorted."""
        return sorted({photo.facts.camera for photo in self._photos.all if photo.facts and photo.facts.camera})

    def arrange(self, arrangement: Arrangement) -> None:
        """Sort and filter the photos."""
        if arrangement != self.arrangement:
            self.arrangement = arrangement
            self._photos.arrange(arrangement.of)
            self.changed.emit()

    def note_changed(self) -> None:
        """Arrange again soon, because data of a photo changed."""
        if self.arrangement.is_filtered or self.arrangement.sorting not in (Sorting.OPENED, Sorting.NAME):
            self._timer.start()

    def read_facts(self) -> None:
        """Read the facts of photos that have none yet, in the background."""
        wanted = [photo for photo in self._photos.all if photo.facts is None and photo.path is not None][:_AT_ONCE]
        if not wanted or self._is_reading:
            return
        self._is_reading = True

        def job(cancel: CancelToken) -> dict[int, PhotoFacts]:
            return {photo.key: _facts_of(photo, cancel) for photo in wanted}

        self._worker.submit("facts", job, self._take_facts, lambda _error: None)

    def stop(self) -> None:
        """Stop the timer."""
        self._timer.stop()

    def _take_facts(self, facts: dict[int, PhotoFacts]) -> None:
        self._is_reading = False
        for key, found in facts.items():
            self._update(key, facts=found)
        self.facts_read.emit()
        self.read_facts()

    def _arrange_again(self) -> None:
        before = self._photos.shown
        self._photos.arrange()
        if [photo.key for photo in before] != [photo.key for photo in self._photos.shown]:
            self.changed.emit()


def _facts_of(photo: OpenPhoto, cancel: CancelToken) -> PhotoFacts:
    cancel.raise_if_cancelled()
    return read_facts(photo.path) if isinstance(photo.path, Path) else PhotoFacts()
