"""Between the window and a batch that runs beside it: starts, pauses and stops it, and passes on what it tells."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path

from denoiser.batch.settings import Settings
from denoiser.errors import DenoiserError
from denoiser.events import CancelToken
from denoiser_gui.controller import Controller
from denoiser_gui.model.batch_queue import BatchQueue, Row, State
from denoiser_gui.model.batch_run import Ended, Gate, Held, Told, carry_out_order, find_pictures
from denoiser_gui.model.notices import failure
from denoiser_gui.model.session import Stage
from denoiser_gui.qt import QObject, Qt, Signal, Slot
from denoiser_gui.words import tr
from denoiser_gui.worker import WorkerThread

_NICENESS = 10  # the photo that is looked at comes first
_KIND = "batch"


class Pace(Enum):
    """What the batch is doing."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSING = "pausing"  # the tile at hand is still computed
    PAUSED = "paused"
    STOPPING = "stopping"


class BatchControl(QObject):
    """The batch of a controller. GUI thread only; never waits for the run."""

    rows_changed = Signal()  # rows came or went
    row_changed = Signal(object)  # Row: something was learnt of it
    pace_changed = Signal(object)  # Pace
    ended = Signal(object)  # Ended

    _told = Signal(object)

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self.queue = BatchQueue()
        self.pace = Pace.IDLE
        self._controller = controller
        self._worker = WorkerThread(_KIND, controller, niceness=_NICENESS)
        controller.own(self._worker)
        self._gate, self._cancel = Gate(), CancelToken()
        self._told.connect(self._hear, Qt.ConnectionType.QueuedConnection)

    @property
    def is_running(self) -> bool:
        """Whether a run is at hand, paused or not."""
        return self.pace is not Pace.IDLE

    def add(self, paths: Sequence[Path]) -> None:
        """Puts photos into the queue, each to be cleaned as it is set now; looks into folders elsewhere."""
        self._add([path for path in paths if not path.is_dir()], None)
        for folder in (path for path in paths if path.is_dir()):
            self.add_tree(folder)

    def add_tree(self, root: Path) -> None:
        """Puts all pictures below a folder into the queue; the outputs will mirror its tree."""
        self._controller.files.submit(
            f"find {root}",
            lambda cancel: find_pictures(root, cancel),
            lambda found: self._add(found, root),
            lambda error: self._controller.tell(failure("batch-folder", error)),
        )

    def remove(self, rows: Sequence[Row]) -> None:
        """Takes rows out that are not in hand."""
        self.queue.remove(row.source for row in rows)
        self.rows_changed.emit()

    def clear_finished(self) -> None:
        """Takes out what is done; what failed stays, to be tried again."""
        self.remove([row for row in self.queue.rows if row.state in (State.DONE, State.STANDING)])

    def start(self, folder: Path, rows: Sequence[Row] | None = None, *, replace: bool = False) -> None:
        """Begins with what waits, or with *rows*; *replace* writes over files that are in the way."""
        chosen = self.queue.waiting if rows is None else list(rows)
        if self.is_running or not chosen:
            return
        order = self.queue.order(folder, chosen, replace=replace)
        self._gate, self._cancel = Gate(), CancelToken()
        gate, stop = self._gate, self._cancel
        self._turn(Pace.RUNNING)
        self.rows_changed.emit()

        def job(
            _cancel: CancelToken,
        ) -> None:  # a stop must be told of, and the worker tells nothing of what it cancels
            carry_out_order(order, self._told.emit, gate, stop)

        self._worker.submit(_KIND, job, failed=self._break)

    def pause(self) -> None:
        """Stops the network after the tile at hand; what is clean already is written."""
        if self.pace is Pace.RUNNING:
            self._gate.shut()
            self._turn(Pace.PAUSING)

    def resume(self) -> None:
        """Goes on where it was paused."""
        if self.pace in (Pace.PAUSING, Pace.PAUSED):
            self.queue.resume()
            self._gate.open()
            self._turn(Pace.RUNNING)

    def stop(self) -> None:
        """Ends the run within a tile; what is clean already is written, the rest waits again."""
        if self.is_running:
            self._cancel.cancel()
            self._gate.open()
            self._turn(Pace.STOPPING)

    def _add(self, paths: Sequence[Path], root: Path | None) -> None:
        open_photos = {photo.path: photo for photo in self._controller.photos}
        for path in paths:
            photo = open_photos.get(path)
            settings = self._controller.settings_of(photo.key) if photo else self._controller.settings
            self.queue.add([path], Settings(denoise=settings.denoise, write=settings.write), root)
            if photo is not None and photo.sigma is not None:
                self.queue.learn_noise({path: photo.sigma})
        self.rows_changed.emit()

    @Slot(object)
    def _hear(self, told: Told) -> None:
        if isinstance(told, Ended):
            self._end(told)
            return
        row = self.queue.hear(told)
        if isinstance(told, Held) and self.pace is Pace.PAUSING:
            self._turn(Pace.PAUSED)
        if row is not None:
            self.row_changed.emit(row)
            self._tell_strip(row)
        else:
            self.rows_changed.emit()

    def _end(self, ended: Ended) -> None:
        self.queue.end()
        self._turn(Pace.IDLE)
        self.rows_changed.emit()
        if ended.stopped_by is not None:
            self._controller.tell(failure("batch", ended.stopped_by))
        self.ended.emit(ended)

    def _break(self, error: DenoiserError) -> None:
        """What is no error of ours came out of the run: a bug, told as one."""
        self._end(Ended(stopped_by=error))

    def _tell_strip(self, row: Row) -> None:
        if row.state not in (State.DONE, State.STANDING):
            return
        for photo in self._controller.photos:
            if photo.path == row.source:
                self._controller.learn(photo.key, stage=Stage.SAVED, saved_as=row.target)

    def _turn(self, pace: Pace) -> None:
        self.pace = pace
        self.pace_changed.emit(pace)


def pace_in_words(pace: Pace) -> str:
    """What the batch is doing, for people; nothing while it is idle."""
    words = {
        Pace.IDLE: "",
        Pace.RUNNING: tr("running"),
        Pace.PAUSING: tr("pausing"),
        Pace.PAUSED: tr("paused"),
        Pace.STOPPING: tr("stopping"),
    }
    return words[pace]
