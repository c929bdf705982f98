"""Thumbnails and noise levels for the views; made in worker threads on request."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from denoiser.errors import DenoiserError
from denoiser.events import CancelToken
from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model.open_photos import OpenPhoto, PhotoStatus
from denoiser_gui.model.thumbnails import estimate_noise_of, make_thumbnail
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.view import theme
from denoiser_gui.view.icons import paint_icon
from denoiser_gui.worker import WorkerThread

if TYPE_CHECKING:
    from denoiser.image import Image

MOST_KEPT = 600  # of 0.2 MB each
MOST_WANTED = 240  # more than any window shows at once; older ones have scrolled out of view
_NICENESS = 5  # the preview has priority
_PATIENCE_SECONDS = 0.5  # pause before each measurement, for the preview
_RADIUS = 4.0  # of the corners

Key = Path | int  # a file, or the key of a pasted photo


class Thumbnails(qt.QObject):
    """Makes thumbnails and estimates noise, one file at a time, in a thread each. GUI thread only."""

    arrived = Signal(object)  # Key: its thumbnail is ready, or it has none
    failed = Signal(object, object)  # Path, DenoiserError
    noise_estimated = Signal(object, object)  # Path, NoiseEstimate

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self._worker = controller.own(WorkerThread("thumbnails", controller, niceness=_NICENESS))
        # A separate thread: estimating decodes whole images, and loads the model first.
        self._noise_worker = controller.own(WorkerThread("noise", controller, niceness=2 * _NICENESS))
        self._kept: OrderedDict[Key, qt.QImage | None] = OrderedDict()  # None: the file has none
        self._wanted: OrderedDict[Key, Path | Image] = OrderedDict()  # the newest is last
        self._noise_wanted: list[Path] = []
        self._makes = self._estimates = False

    def get(self, path: Path) -> qt.QImage | None:
        """The thumbnail of a file; if missing, it is requested before all others."""
        return self._get(path, path)

    def get_of(self, photo: OpenPhoto) -> qt.QImage | None:
        """The thumbnail of a photo, also of a pasted one."""
        source = photo.path or photo.pasted
        return None if source is None else self._get(photo.path or photo.key, source)

    def estimate_noise(self, paths: list[Path]) -> None:
        """Estimate the noise of these files only, in the background."""
        self._noise_wanted = list(paths)
        self._estimate_next()

    def _get(self, key: Key, source: Path | Image) -> qt.QImage | None:
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        self._wanted[key] = source
        self._wanted.move_to_end(key)
        if len(self._wanted) > MOST_WANTED:
            self._wanted.popitem(last=False)
        self._make_next()
        return None

    def _make_next(self) -> None:
        if self._makes or not self._wanted:
            return
        self._makes = True
        key, source = self._wanted.popitem()

        def keep(small: qt.QImage | None) -> None:
            self._makes = False
            self._kept[key] = small
            if len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            self._wanted.pop(key, None)  # requested again meanwhile
            self.arrived.emit(key)
            self._make_next()

        def fail(error: DenoiserError) -> None:
            keep(None)
            self.failed.emit(key, error)

        self._worker.submit("thumbnail", lambda _: as_qimage(make_thumbnail(source)), keep, fail)

    def _estimate_next(self) -> None:
        if self._estimates or not self._noise_wanted:
            return
        self._estimates, path = True, self._noise_wanted.pop(0)

        def job(cancel: CancelToken) -> Any:
            if cancel.wait(_PATIENCE_SECONDS):
                cancel.raise_if_cancelled()
            return estimate_noise_of(path, cancel)

        def done(estimate: Any) -> None:
            self._estimates = False
            if estimate is not None:
                self.noise_estimated.emit(path, estimate)
            self._estimate_next()

        # the thumbnail reports unreadable files
        self._noise_worker.submit("noise", job, done, lambda _error: done(None))


def as_qimage(small: Image) -> qt.QImage:
    """Convert an 8-bit sRGB image; copies the pixels, so that it can cross threads."""
    import numpy as np

    rgba = np.full((small.height, small.width, 4), 255, np.uint8)
    rgba[:, :, :3] = small.pixels
    if small.alpha is not None:
        rgba[:, :, 3] = small.alpha
    return qt.QImage(rgba.data, small.width, small.height, small.width * 4, qt.QImage.Format.Format_RGBA8888).copy()


def transparent(size: qt.QSize) -> qt.QPixmap:
    """An empty pixmap of this size, for screens of high density too."""
    scale = theme.scale()
    pixmap = qt.QPixmap(size * scale)
    pixmap.setDevicePixelRatio(scale)
    pixmap.fill(Qt.GlobalColor.transparent)
    return pixmap


def framed(small: qt.QImage | None, size: qt.QSize) -> qt.QPixmap:
    """The centre of a thumbnail with round corners; an empty frame without a thumbnail."""
    pixmap = transparent(size)
    painter = qt.QPainter(pixmap)
    painter.setRenderHints(qt.QPainter.RenderHint.Antialiasing | qt.QPainter.RenderHint.SmoothPixmapTransform)
    frame, edge = qt.QRectF(0, 0, size.width(), size.height()), qt.QPainterPath()
    edge.addRoundedRect(frame, _RADIUS, _RADIUS)
    painter.fillPath(edge, theme.colour("hover"))
    if small is not None:
        painter.setClipPath(edge)
        scale = max(frame.width() / small.width(), frame.height() / small.height())
        part = qt.QRectF(0, 0, frame.width() / scale, frame.height() / scale)
        part.moveCenter(qt.QRectF(small.rect()).center())
        painter.drawImage(frame, small, part)
    painter.end()
    return pixmap


_BADGES = {PhotoStatus.SAVED: ("check", "good"), PhotoStatus.FAILED: ("warning", "bad")}


def paint_status(painter: qt.QPainter, corner: qt.QPointF, status: PhotoStatus) -> None:
    """Draw a tick, a warning, or a dot for unsaved photos at the upper right *corner* of a thumbnail."""
    painter.save()
    painter.translate(corner)
    if status in _BADGES:
        paint_badge(painter, qt.QSize(0, 0), *_BADGES[status])
    elif status is PhotoStatus.UNSAVED:
        painter.setRenderHint(qt.QPainter.RenderHint.Antialiasing)
        painter.setPen(qt.QPen(theme.colour("panel", 0.92), 2))
        painter.setBrush(theme.colour("accent"))
        painter.drawEllipse(qt.QRectF(-14, 6, 8, 8))
    painter.restore()


def paint_badge(painter: qt.QPainter, size: qt.QSize, name: str, colour: str) -> None:
    """Draw an icon on a disc in the upper right corner of a thumbnail of this size."""
    disc = qt.QRectF(size.width() - 23, 5, 18, 18)  # dark, for contrast
    painter.setRenderHint(qt.QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour("panel", 0.92))
    painter.drawEllipse(disc)
    paint_icon(painter, disc.adjusted(3, 3, -3, -3), name, theme.colour(colour))


def untinted(pixmap: qt.QPixmap) -> qt.QIcon:
    """An icon that keeps its colours in a selected row."""
    made = qt.QIcon(pixmap)
    made.addPixmap(pixmap, qt.QIcon.Mode.Selected)
    return made
