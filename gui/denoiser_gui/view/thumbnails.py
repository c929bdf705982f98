"""Thumbnails and noise levels for the views; made in worker threads on request."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from denoiser.errors import DenoiserError
from denoiser.events import CancelToken
from denoiser_gui.controller import Controller
from denoiser_gui.model.open_photos import OpenPhoto
from denoiser_gui.model.thumbnails import ThumbnailCache, ThumbnailQueue, make_small, make_thumbnail, measure_noise
from denoiser_gui.qt import QImage, QObject, Signal
from denoiser_gui.worker import WorkerThread

if TYPE_CHECKING:
    from denoiser.image import Image

_NICENESS = 5  # the preview has priority
_PATIENCE_SECONDS = 0.5  # pause before each measurement, for the preview


class Thumbnails(QObject):
    """Makes thumbnails and measures noise, one file at a time, in a thread each. GUI thread only."""

    arrived = Signal(object)  # Path: its thumbnail is ready, or it has none
    failed = Signal(object, object)  # Path, DenoiserError
    measured = Signal(object, float)  # Path, sigma in 8-bit units

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self._controller = controller
        self._worker = controller.own(WorkerThread("thumbnails", controller, niceness=_NICENESS))
        # A separate thread: measuring decodes whole images, and loads the model first.
        self._noise_worker = controller.own(WorkerThread("noise", controller, niceness=2 * _NICENESS))
        self._kept: ThumbnailCache[QImage] = ThumbnailCache()
        self._wanted = ThumbnailQueue()
        self._in_memory: dict[Path, Image] = {}  # pasted images, until their thumbnail is made
        self._to_measure: list[Path] = []
        self._makes = self._measures = False

    def get(self, path: Path) -> QImage | None:
        """The thumbnail of a file; if missing, it is requested before all others."""
        if path not in self._kept:
            self._wanted.want(path)
            self._go_on()
        return self._kept.get(path)

    def get_of(self, photo: OpenPhoto) -> QImage | None:
        """The thumbnail of a photo, also of a pasted one once it is in memory."""
        if photo.path is not None:
            return self.get(photo.path)
        stand_in = Path(f"{photo.key}/{photo.name}")
        picture = self._controller.picture(photo.key)
        if stand_in not in self._kept and picture is not None and stand_in not in self._in_memory:
            self._in_memory[stand_in] = picture.image
            self._wanted.want(stand_in)
            self._go_on()
        return self._kept.get(stand_in)

    def measure(self, paths: list[Path]) -> None:
        """Measure the noise of these files only, in the background."""
        self._to_measure = list(paths)
        self._measure_next()

    def forget(self, path: Path) -> None:
        """Drop the thumbnail of a changed file."""
        self._kept.forget(path)

    def _go_on(self) -> None:
        if self._makes:
            return
        path = self._wanted.take()
        while path is not None and path in self._kept:
            path = self._wanted.take()
        if path is None:
            return
        self._makes, wanted = True, path

        def arrived(small: object) -> None:
            self._makes = False
            self._keep(wanted, small)
            self._go_on()

        def failed(error: DenoiserError) -> None:
            arrived(None)
            self.failed.emit(wanted, error)

        image = self._in_memory.pop(wanted, None)

        def job(_cancel: CancelToken) -> QImage:
            return as_qimage(make_thumbnail(wanted) if image is None else make_small(image))

        self._worker.submit("thumbnail", job, arrived, failed)

    def _measure_next(self) -> None:
        if self._measures or not self._to_measure:
            return
        self._measures, path = True, self._to_measure.pop(0)

        def job(cancel: CancelToken) -> float:
            if cancel.wait(_PATIENCE_SECONDS):
                cancel.raise_if_cancelled()
            return measure_noise(path, cancel).sigma

        def measured(sigma: float | None) -> None:
            self._measures = False
            if sigma is not None:
                self.measured.emit(path, sigma)
            self._measure_next()

        # the thumbnail reports unreadable files
        self._noise_worker.submit("noise", job, measured, lambda _error: measured(None))

    def _keep(self, path: Path, small: object) -> None:
        self._kept.put(path, small if isinstance(small, QImage) else None)
        self.arrived.emit(path)


def as_qimage(small: Image) -> QImage:
    """Convert an 8-bit sRGB image; copies the pixels, so that it can cross threads."""
    import numpy as np

    rgba = np.full((small.height, small.width, 4), 255, np.uint8)
    rgba[:, :, :3] = small.pixels
    if small.alpha is not None:
        rgba[:, :, 3] = small.alpha
    return QImage(rgba.data, small.width, small.height, small.width * 4, QImage.Format.Format_RGBA8888).copy()
