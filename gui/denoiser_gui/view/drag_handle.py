"""A handle to drag the denoised photo to another program or folder, as a file.

The file is written to a temporary folder when a drag begins, and is dragged once it is complete. If the handle is
released before, the file is kept for the next drag. A click, or the keyboard, copies the file to the clipboard.
"""

from __future__ import annotations

from pathlib import Path

from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model.notices import Notice
from denoiser_gui.model.open_photos import OpenPhoto
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.saver import Saver
from denoiser_gui.translation import tr
from denoiser_gui.view.icons import icon

_THUMBNAIL = 128  # px; longest side of the picture at the pointer


class DragHandle(qt.QToolButton):
    """Enabled while the current photo can be saved. GUI thread only."""

    file_ready = Signal(object)  # Path: the denoised photo as a file

    def __init__(self, controller: Controller, saver: Saver) -> None:
        super().__init__()
        self._controller, self._saver = controller, saver
        self._folder: qt.QTemporaryDir | None = None
        self._made: tuple[int, PhotoSettings, Path] | None = None  # photo, its settings, file
        self._making: tuple[int, PhotoSettings] | None = None
        self._pressed: qt.QPoint | None = None
        self._wants = ""  # what to do with the file: "drag", "copy", or nothing
        self.setIcon(icon("drag-out", "second"))
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(tr("Drag the denoised photo"))
        self.setToolTip(tr("Drag to another program or folder; click to copy the file."))
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.clicked.connect(lambda _checked: self._begin("copy"))
        self.file_ready.connect(self._use)
        for changed in (controller.current_changed, controller.photo_loaded, controller.viewer.status_changed):
            changed.connect(lambda _: self.setEnabled(controller.can_save))
        self.setEnabled(controller.can_save)

    def mousePressEvent(self, event: qt.QMouseEvent) -> None:
        super().mousePressEvent(event)
        if event.button() is Qt.MouseButton.LeftButton:
            self._pressed = event.position().toPoint()

    def mouseMoveEvent(self, event: qt.QMouseEvent) -> None:
        if self._pressed is None or self._wants == "drag":
            return
        moved = (event.position().toPoint() - self._pressed).manhattanLength()
        if moved >= qt.QApplication.startDragDistance():
            self._begin("drag")

    def mouseReleaseEvent(self, event: qt.QMouseEvent) -> None:
        was_dragged = self._wants == "drag"
        self._pressed = None
        if was_dragged:
            self._wants = ""
            self.setDown(False)  # it was no click
        else:
            super().mouseReleaseEvent(event)

    def _begin(self, wants: str) -> None:
        """Make the file, unless it is there, and use it then."""
        photo = self._controller.current
        if photo is None or not self._controller.can_save:
            return
        self._wants = wants
        settings = self._controller.settings_of(photo.key)
        if self._made is not None and self._made[:2] == (photo.key, settings) and self._made[2].is_file():
            self.file_ready.emit(self._made[2])
        elif self._making != (photo.key, settings):
            self._make(photo, settings)

    def _make(self, photo: OpenPhoto, settings: PhotoSettings) -> None:
        if self._folder is None:
            self._folder = qt.QTemporaryDir()  # removed with the handle
        self._making = photo.key, settings
        target = Path(self._folder.path()) / self._saver.target_of(photo).name

        def done(path: Path) -> None:
            self._made, self._making = (photo.key, settings, path), None
            self.file_ready.emit(path)

        def failed() -> None:
            self._making, self._wants = None, ""

        self._saver.write_copy(photo, target, done, failed)

    def _use(self, path: Path) -> None:
        wants, self._wants = self._wants, ""
        if wants == "copy":
            qt.QGuiApplication.clipboard().setMimeData(_as_file(path))
            text = tr("Copied {name}. Paste it in another program.", name=path.name)
            self._controller.notify(Notice("drag", text))
        elif wants == "drag" and self._pressed is not None:
            self._pressed = None
            self.setDown(False)
            self.start(_as_file(path))
        elif wants == "drag":
            self._controller.notify(Notice("drag", tr("{name} is ready to be dragged.", name=path.name)))

    def start(self, data: qt.QMimeData) -> None:
        """Drag *data* until the button is released."""
        drag = qt.QDrag(self)
        drag.setMimeData(data)
        reader = qt.QImageReader(data.urls()[0].toLocalFile())
        size = reader.size().scaled(_THUMBNAIL, _THUMBNAIL, Qt.AspectRatioMode.KeepAspectRatio)
        if size.isValid():  # Qt reads fewer formats than the app writes
            reader.setScaledSize(size)
            drag.setPixmap(qt.QPixmap.fromImage(reader.read()))
        drag.exec(Qt.DropAction.CopyAction)


def _as_file(path: Path) -> qt.QMimeData:
    data = qt.QMimeData()
    data.setUrls([qt.QUrl.fromLocalFile(str(path))])
    return data
