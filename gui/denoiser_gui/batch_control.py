"""Controls the batch from the window: start, pause, stop, and passing on its events."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from pathlib import Path

from denoiser.batch.settings import MaskFile, Settings
from denoiser.events import CancelToken
from denoiser.options import WriteOptions
from denoiser_gui.controller import Controller
from denoiser_gui.model.batch_queue import BatchQueue, BatchRow, RowState
from denoiser_gui.model.batch_run import BatchEnded, BatchEvent, BatchPaused, PauseGate, find_photos, run_batch
from denoiser_gui.model.mask import Mask
from denoiser_gui.model.notices import failure
from denoiser_gui.model.open_photos import PhotoStatus
from denoiser_gui.model.stored_queue import load_queue, queue_file, save_queue
from denoiser_gui.model.stored_settings import drop_masks, keep_mask, shape_of
from denoiser_gui.qt import QLockFile, QObject, Qt, Signal
from denoiser_gui.worker import WorkerThread

_NICENESS = 10  # the preview has priority


class BatchStatus(Enum):
    """State of the batch as a whole."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSING = "pausing"  # the current tile is still being computed
    PAUSED = "paused"
    STOPPING = "stopping"


class BatchControl(QObject):
    """Runs the batch of a controller in a worker thread. GUI thread only; never blocks."""

    rows_changed = Signal()  # rows were added or removed, or the status changed
    row_changed = Signal(object)  # BatchRow: it changed
    ended = Signal(object)  # BatchEnded
    restored = Signal(int)  # number of photos from the last window

    _event_arrived = Signal(object)

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self.queue = BatchQueue()
        self.status = BatchStatus.IDLE
        self._controller = controller
        self._worker = controller.own(WorkerThread("batch", controller, niceness=_NICENESS))
        self._gate, self._cancel = PauseGate(), CancelToken()
        self._lock = QLockFile(str(queue_file().with_suffix(".lock")))
        self._saved: tuple[BatchRow, ...] | None = None  # None until an earlier queue is read
        self._event_arrived.connect(self._handle, Qt.ConnectionType.QueuedConnection)

    @property
    def is_running(self) -> bool:
        """Whether a batch is running or paused."""
        return self.status is not BatchStatus.IDLE

    def restore(self) -> None:
        """Read the queue of the last window and save it from now on; not while another window does so."""
        self._lock.setStaleLockTime(0)  # only the end of its process makes a lock stale
        with suppress(OSError):
            queue_file().parent.mkdir(parents=True, exist_ok=True)
        if self._lock.tryLock(0):
            self._controller.files.submit("queue", lambda _: load_queue(), self._take_saved)

    def close(self) -> None:
        """Stop, and save the unfinished photos: call it before the controller is stopped."""
        self.stop()
        if self._lock.isLocked() and self._saved is None:
            self._take_saved(load_queue())
        self._save()

    def release(self) -> None:
        """Let another window restore the queue, once the controller is stopped."""
        self._lock.unlock()

    def add(self, paths: Sequence[Path]) -> None:
        """Add photos to the queue with their current settings; folders are searched in a worker thread."""
        self._add([path for path in paths if not path.is_dir()], None)
        for folder in (path for path in paths if path.is_dir()):
            self.add_tree(folder)

    def add_tree(self, root: Path) -> None:
        """Add all photos below a folder to the queue; outputs mirror its folder tree."""
        self._controller.files.submit(
            f"find {root}",
            lambda cancel: find_photos(root, cancel),
            lambda found: self._add(found, root),
            self._controller.notice_of("batch-folder"),
        )

    def remove(self, rows: Sequence[BatchRow]) -> None:
        """Remove rows that are not being processed."""
        self.queue.remove(row.source for row in rows)
        self.rows_changed.emit()

    def clear_finished(self) -> None:
        """Remove finished rows; failed rows stay for a retry."""
        self.remove(self.queue.in_state(RowState.DONE, RowState.ALREADY_DONE))

    def set_write(self, options: WriteOptions) -> None:
        """Give all waiting and failed photos these output options."""
        self.queue.set_write(options)
        self.rows_changed.emit()

    def start(self, folder: Path, rows: Sequence[BatchRow] | None = None, *, replace: bool = False) -> None:
        """Start with the waiting rows, or with *rows*; *replace* overwrites existing files."""
        chosen = self.queue.in_state(RowState.WAITING) if rows is None else rows
        if self.is_running or not chosen:
            return
        parts = self.queue.start(folder, chosen, self._controller.preferences.rules, replace=replace)
        self._gate, self._cancel = gate, stop = PauseGate(), CancelToken()
        self._set_status(BatchStatus.RUNNING)
        self._worker.submit(
            "batch",
            lambda _: run_batch(parts, self._event_arrived.emit, gate, stop),  # its own token would drop BatchEnded
            failed=lambda error: self._end(BatchEnded(stopped_by=error)),  # an unexpected exception, which is a bug
        )

    def pause(self) -> None:
        """Pause after the current tile; finished photos are still written."""
        if self.status is BatchStatus.RUNNING:
            self._gate.shut()
            self._set_status(BatchStatus.PAUSING)

    def resume(self) -> None:
        """Continue a paused batch."""
        if self.status in (BatchStatus.PAUSING, BatchStatus.PAUSED):
            self.queue.resume()
            self._gate.open()
            self._set_status(BatchStatus.RUNNING)

    def stop(self) -> None:
        """Stop within a tile; finished photos are written, the others return to waiting."""
        if self.is_running:
            self._cancel.cancel()
            self._gate.open()
            self._set_status(BatchStatus.STOPPING)

    def _add(self, paths: Sequence[Path], root: Path | None) -> None:
        open_photos = {photo.path: photo for photo in self._controller.photos}
        for path in paths:
            photo = open_photos.get(path)
            settings = self._controller.settings_of(photo.key) if photo else self._controller.settings
            sigma = photo.sigma if photo else None
            write = self._controller.preferences.export_options or settings.write
            chosen = Settings(denoise=settings.denoise, write=write)
            if photo is not None and settings.mask is not None:
                self._add_masked(path, chosen, settings.mask, root, sigma)
            else:
                self.queue.add(path, chosen, root, sigma)
        self.rows_changed.emit()

    def _add_masked(
        self, path: Path, settings: Settings, mask: Mask, root: Path | None, sigma: float | None
    ) -> None:
        """Add a photo with its present mask, which is written to a file first."""

        def take(kept: MaskFile) -> None:
            self.queue.add(path, dataclasses.replace(settings, mask=kept), root, sigma)
            self.rows_changed.emit()

        self._controller.files.submit(
            f"mask of {path}",
            lambda _: keep_mask(mask, shape_of(path)),
            take,
            self._controller.notice_of("batch-mask"),
        )

    def _take_saved(self, rows: list[BatchRow]) -> None:
        if self._saved is not None:
            return
        self._saved = ()
        self.queue.restore(rows)
        used = [row.settings.mask for row in rows]
        self._controller.files.submit("unused masks", lambda _: drop_masks(used))
        self.rows_changed.connect(self._save)
        self.rows_changed.emit()
        if rows:
            self.restored.emit(len(rows))

    def _save(self) -> None:
        rows = self.queue.rows
        if self._saved is not None and rows != self._saved:
            self._saved = rows
            self._controller.autosave.schedule("queue", lambda: save_queue(rows))

    def _handle(self, event: BatchEvent) -> None:
        if isinstance(event, BatchEnded):
            self._end(event)
            return
        row = self.queue.handle(event)
        if row is not None:
            self.row_changed.emit(row)
            self._update_strip(row)
        elif isinstance(event, BatchPaused) and self.status is BatchStatus.PAUSING:
            self._set_status(BatchStatus.PAUSED)
        else:
            self.rows_changed.emit()

    def _end(self, ended: BatchEnded) -> None:
        self.queue.end()
        self._set_status(BatchStatus.IDLE)
        if ended.stopped_by is not None:
            self._controller.notify(failure("batch", ended.stopped_by))
        self.ended.emit(ended)

    def _update_strip(self, row: BatchRow) -> None:
        if row.state in (RowState.DONE, RowState.ALREADY_DONE):
            for photo in self._controller.photos:
                if photo.path == row.source:
                    self._controller.update_photo(photo.key, status=PhotoStatus.SAVED, saved_as=row.target)

    def _set_status(self, status: BatchStatus) -> None:
        self.status = status
        self.rows_changed.emit()
