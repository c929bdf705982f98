"""Opening photos: dialogs, clipboard, recent files, the sample, and the drop area while no photo is open."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from denoiser.image import Image, from_numpy
from denoiser.imageio.formats import ROWS
from denoiser_gui.controller import Controller
from denoiser_gui.model import captions, latent
from denoiser_gui.model.notices import Notice, failure
from denoiser_gui.model.picture import NAME, sample_photo
from denoiser_gui.qt import (
    QFileDialog,
    QGuiApplication,
    QHBoxLayout,
    QImage,
    QLabel,
    QMenu,
    QMimeData,
    QObject,
    QPainter,
    QPaintEvent,
    QPen,
    QPushButton,
    QRectF,
    QSize,
    Qt,
    QVBoxLayout,
    QWidget,
    Signal,
)
from denoiser_gui.view import theme
from denoiser_gui.view.icons import icon
from denoiser_gui.words import tr


class PhotoOpener(QObject):
    """Gets photos from the user or the clipboard and passes them to the controller."""

    def __init__(self, controller: Controller, window: QWidget) -> None:
        super().__init__(window)
        self._controller, self._window = controller, window

    def ask_for_files(self) -> None:
        """Show a dialog to choose files."""
        known = (*(suffix for row in ROWS.values() for suffix in row.suffixes), latent.SUFFIX)
        suffixes = " ".join(f"*{suffix}" for suffix in known)
        dialog = QFileDialog(self._window, tr("Open photos"), self._controller.preferences.open_folder)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilters([f"{tr('Photos')} ({suffixes})", f"{tr('All files')} (*)"])
        dialog.filesSelected.connect(lambda names: self._controller.open(Path(name) for name in names))
        dialog.open()

    def ask_for_folder(self) -> None:
        """Show a dialog to choose a folder."""
        dialog = QFileDialog(self._window, tr("Open folder"), self._controller.preferences.open_folder)
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(lambda name: self._controller.open([Path(name)]))
        dialog.open()

    def paste(self) -> None:
        """Open files or an image from the clipboard."""
        data = QGuiApplication.clipboard().mimeData()
        if paths := paths_of(data):
            self._controller.open(paths)
        elif data.hasImage():
            pasted = QGuiApplication.clipboard().image()
            self._controller.files.submit(
                "paste",
                lambda _: image_of(pasted),
                lambda image: self._controller.open_pasted(tr("Pasted image"), image),
                lambda error: self._controller.notify(failure("open", error)),
            )
        else:
            self._controller.notify(Notice("open", tr("The clipboard contains no image.")))

    def open_sample(self) -> None:
        """Open the noisy sample photo."""
        self._controller.files.submit(
            "sample",
            lambda _: sample_photo(),
            lambda image: self._controller.open_pasted(NAME, image),
            lambda error: self._controller.notify(failure("open", error)),
        )

    def _open_one(self, path: Path, _checked: bool = False) -> None:
        self._controller.open([path])

    def fill_recent(self, menu: QMenu) -> None:
        """Fill the menu of recent files."""
        menu.clear()
        for name in self._controller.preferences.recent:
            path = Path(name)
            action = menu.addAction(f"{path.name}  —  {path.parent}")
            action.triggered.connect(partial(self._open_one, path))
        if menu.isEmpty():
            menu.addAction(tr("No recent files")).setEnabled(False)


def paths_of(data: QMimeData) -> list[Path]:
    """The local files of a drop or of the clipboard."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def image_of(pasted: QImage) -> Image:
    """Convert a QImage. Any thread."""
    has_alpha = pasted.hasAlphaChannel()
    kind = QImage.Format.Format_RGBA8888 if has_alpha else QImage.Format.Format_RGB888
    plain = pasted.convertToFormat(kind)
    channels = 4 if has_alpha else 3
    rows = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.bytesPerLine())
    pixels = rows[:, : plain.width() * channels].reshape(plain.height(), plain.width(), channels)
    return from_numpy(pixels.copy())


_MARK = QSize(56, 56)  # px of the icon
_MARGIN = 40.0  # px around the drop area
_FOLDERS = 2


class EmptyState(QWidget):
    """The drop area. The main window handles drag and drop and highlights it."""

    open_wanted = Signal()
    sample_wanted = Signal()
    folder_wanted = Signal(object)  # Path

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._is_hovered = False
        self.setProperty("role", "canvas")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(tr("Nothing is open"))
        self._mark = QLabel(self)
        self._folders = QHBoxLayout()
        self._lay_out()
        self.show_folders()
        theme.current().changed.connect(self._draw_mark)
        self._draw_mark()

    def set_hovered(self, hovered: bool) -> None:
        """Highlight the drop area while a drag is over the window."""
        self._is_hovered = hovered
        self._draw_mark()
        self.update()

    def show_folders(self) -> None:
        """Show the most recent folders."""
        while (old := self._folders.takeAt(0)) is not None:
            widget = old.widget()
            if widget is not None:
                widget.deleteLater()
        for folder in self._controller.preferences.recent_folders(_FOLDERS):
            self._folders.addWidget(self._folder_button(folder))

    def _lay_out(self) -> None:
        title = QLabel(tr("Drop photos here"), self)
        title.setProperty("role", "large")
        below = QLabel(tr("JPEG, PNG, TIFF, WebP, AVIF and more. Photos never leave this computer."), self)
        below.setProperty("role", "second")
        opening = self._button(tr("Open photos…"), "primary", "open")
        opening.clicked.connect(self.open_wanted)
        sample = self._button(tr("Open a sample"), "outline", "sample")
        sample.clicked.connect(self.sample_wanted)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.UNIT)
        buttons.addStretch()
        buttons.addWidget(opening)
        buttons.addWidget(sample)
        buttons.addStretch()
        self._folders.setSpacing(theme.UNIT)
        column = QVBoxLayout(self)
        column.setContentsMargins(64, 48, 64, 48)
        column.addStretch(3)
        column.addWidget(self._mark, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(2 * theme.UNIT)
        column.addWidget(title, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(theme.UNIT // 2)
        column.addWidget(below, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addSpacing(3 * theme.UNIT)
        column.addLayout(buttons)
        column.addSpacing(2 * theme.UNIT)
        column.addLayout(self._folders)
        column.setAlignment(self._folders, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(4)

    def _button(self, text: str, role: str, drawing: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setProperty("role", role)
        button.setIcon(icon(drawing, "on_accent" if role == "primary" else "second"))
        button.setIconSize(QSize(22, 16))
        button.setMinimumWidth(150)
        button.setMinimumHeight(36)
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.setAccessibleName(text)
        return button

    def _folder_button(self, folder: Path) -> QPushButton:
        button = QPushButton(captions.short_path(folder), self)
        button.setProperty("role", "quiet")
        button.setIcon(icon("folder", "second"))
        button.setIconSize(QSize(21, 15))
        button.setAccessibleName(tr("Open photos in {folder}", folder=str(folder)))
        button.setToolTip(tr("Open photos in {folder}", folder=str(folder)))
        button.clicked.connect(lambda: self.folder_wanted.emit(folder))
        return button

    def _draw_mark(self) -> None:
        drawn = icon("photos", "accent" if self._is_hovered else "second")
        self._mark.setPixmap(drawn.pixmap(_MARK, self.devicePixelRatioF()))

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        field = QRectF(self.rect()).adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN)
        if self._is_hovered:
            painter.setPen(QPen(look.colour("accent"), 2))
            painter.setBrush(look.colour("accent", 0.06))
        else:
            pen = QPen(look.colour("track"), 1.5, Qt.PenStyle.DashLine)
            pen.setDashPattern([4, 4])
            painter.setPen(pen)
            painter.setBrush(look.colour("panel", 0.35))
        painter.drawRoundedRect(field, 14, 14)
        painter.end()
