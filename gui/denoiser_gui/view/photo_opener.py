"""Opening photos: dialogs, clipboard, recent files, the sample, and the drop area while no photo is open."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from denoiser import imageio
from denoiser.errors import MissingExtra
from denoiser.image import Image, from_numpy
from denoiser.imageio.formats import ROWS
from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model import captions, latent
from denoiser_gui.model.notices import Notice
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.translation import tr
from denoiser_gui.view import theme
from denoiser_gui.view.icons import icon
from denoiser_gui.view.widgets import STRETCH, button, choose_folder, column, label, row, styled

_SAMPLE = "astronaut.png"  # Eileen Collins; NASA, Great Images in NASA. Public domain.
_SHOT, _READ = 0.006, 0.0006  # variance per unit of light, and of the dark: a small sensor at dusk
_SEED = 16
_MENU_TEXT = 80  # characters of an entry at most


class PhotoOpener(qt.QObject):
    """Gets photos from the user or the clipboard and passes them to the controller."""

    def __init__(self, controller: Controller, window: qt.QWidget) -> None:
        super().__init__(window)
        self._controller, self._window = controller, window

    def ask_for_files(self) -> None:
        """Show a dialog to choose files."""
        known = (*(suffix for row in ROWS.values() for suffix in row.suffixes), latent.SUFFIX)
        suffixes = " ".join(f"*{suffix}" for suffix in known)
        dialog = qt.QFileDialog(self._window, tr("Open photos"), self._controller.preferences.open_folder)
        dialog.setFileMode(qt.QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilters([f"{tr('Photos')} ({suffixes})", f"{tr('All files')} (*)"])
        dialog.filesSelected.connect(lambda names: self._controller.open(Path(name) for name in names))
        dialog.open()

    def ask_for_folder(self) -> None:
        """Show a dialog to choose a folder."""
        start = self._controller.preferences.open_folder
        choose_folder(self._window, tr("Open folder"), start, lambda folder: self._controller.open([folder]))

    def paste(self) -> None:
        """Open files or an image from the clipboard."""
        data = qt.QGuiApplication.clipboard().mimeData()
        if paths := paths_of(data):
            self._controller.open(paths)
        elif data.hasImage():
            pasted = qt.QGuiApplication.clipboard().image()
            self._open_image(tr("Pasted image"), lambda: image_of(pasted))
        else:
            self._controller.notify(Notice("open", tr("The clipboard contains no image.")))

    def open_sample(self) -> None:
        """Open the noisy sample photo."""
        self._open_image(_SAMPLE, sample_photo)

    def fill_recent(self, menu: qt.QMenu) -> None:
        """Fill the menu of recent files."""
        menu.clear()
        for name in self._controller.preferences.recent:
            path = Path(name)
            shown = f"{path.name}/" if name.endswith("/") else path.name
            action = menu.addAction(_shortened(f"{shown}  —  {captions.short_path(path.parent)}"))
            action.triggered.connect(lambda _checked, path=path: self._controller.open([path]))
        if menu.isEmpty():
            menu.addAction(tr("No recent files")).setEnabled(False)

    def _open_image(self, name: str, make: Callable[[], Image]) -> None:
        done = partial(self._controller.open_pasted, name)
        self._controller.files.submit("make", lambda _: make(), done, self._controller.notice_of("open"))


def _shortened(text: str) -> str:
    """A text for a menu; `&` is no shortcut."""
    if len(text) > _MENU_TEXT:
        text = f"{text[: _MENU_TEXT // 2]}…{text[-_MENU_TEXT // 2 :]}"
    return text.replace("&", "&&")


def paths_of(data: qt.QMimeData) -> list[Path]:
    """The local files of a drop or of the clipboard."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


def image_of(pasted: qt.QImage) -> Image:
    """Convert a QImage. Any thread."""
    plain = pasted.convertToFormat(qt.QImage.Format.Format_RGBA8888)
    pixels = np.frombuffer(plain.constBits(), np.uint8).reshape(plain.height(), plain.width(), 4)
    return from_numpy(pixels[:, :, : 4 if pasted.hasAlphaChannel() else 3].copy())


def sample_photo() -> Image:
    """The sample photo with reproducible camera noise; raises MissingExtra without scikit-image."""
    found = find_spec("skimage")
    path = Path(found.origin).parent / "data" / _SAMPLE if found and found.origin else None
    if path is None or not path.is_file():
        raise MissingExtra("The sample photo comes with scikit-image, which is not installed.", extra="demo")
    photo = imageio.read(path)
    values = photo.pixels / photo.white
    scale = np.sqrt(_SHOT * values + _READ)
    noisy = values + scale * np.random.default_rng(_SEED).standard_normal(values.shape)
    pixels = np.rint(np.clip(noisy, 0, 1) * photo.white).astype(photo.pixels.dtype)
    return dataclasses.replace(photo, pixels=pixels)


_MARK = qt.QSize(56, 56)  # px of the icon
_MARGIN = 40.0  # px around the drop area
_FOLDERS = 2


class EmptyState(qt.QWidget):
    """The drop area. The main window handles drag and drop and highlights it."""

    open_requested = Signal()
    sample_requested = Signal()
    folder_requested = Signal(object)  # Path

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._is_hovered = False
        styled(self, "canvas")
        self.setAccessibleName(tr("Nothing is open"))
        self._mark = label()
        opening = button(tr("Open photos…"), "primary", "open", self.open_requested.emit)
        sample = button(tr("Open a sample"), "outline", "sample", self.sample_requested.emit)
        for each in (opening, sample):
            each.setMinimumSize(150, 36)
            each.setCursor(Qt.CursorShape.PointingHandCursor)
        formats = tr("JPEG, PNG, TIFF, WebP, AVIF and more. Photos never leave this computer.")
        folders = [self._folder_button(folder) for folder in controller.preferences.recent_folders(_FOLDERS)]
        content = column(
            STRETCH,
            row(STRETCH, self._mark, STRETCH),
            2 * theme.UNIT,
            row(STRETCH, label(tr("Drop photos here"), "large"), STRETCH),
            theme.UNIT // 2,
            row(STRETCH, label(formats, "second"), STRETCH),
            3 * theme.UNIT,
            row(STRETCH, opening, sample, STRETCH),
            2 * theme.UNIT,
            row(STRETCH, *folders, STRETCH),
            STRETCH,
            margins=(64, 48, 64, 48),
        )
        self.setLayout(content)
        theme.current().changed.connect(self._draw_mark)
        self._draw_mark()

    def set_hovered(self, hovered: bool) -> None:
        """Highlight the drop area while a drag is over the window."""
        self._is_hovered = hovered
        self._draw_mark()
        self.update()

    def _folder_button(self, folder: Path) -> qt.QPushButton:
        made = button(captions.short_path(folder), "quiet", "folder", lambda: self.folder_requested.emit(folder))
        made.setAccessibleName(tr("Open photos in {folder}", folder=str(folder)))
        made.setToolTip(tr("Open photos in {folder}", folder=str(folder)))
        return made

    def _draw_mark(self) -> None:
        drawn = icon("photos", "accent" if self._is_hovered else "second")
        self._mark.setPixmap(drawn.pixmap(_MARK, theme.scale()))

    def paintEvent(self, event: qt.QPaintEvent) -> None:
        super().paintEvent(event)
        painter = qt.QPainter(self)
        painter.setRenderHint(qt.QPainter.RenderHint.Antialiasing)
        if self._is_hovered:
            painter.setPen(qt.QPen(theme.colour("accent"), 2))
            painter.setBrush(theme.colour("accent", 0.06))
        else:
            painter.setPen(qt.QPen(theme.colour("track"), 1.5, Qt.PenStyle.DashLine))
            painter.setBrush(theme.colour("panel", 0.35))
        painter.drawRoundedRect(qt.QRectF(self.rect()).adjusted(_MARGIN, _MARGIN, -_MARGIN, -_MARGIN), 14, 14)
