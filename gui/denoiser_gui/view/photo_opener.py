"""Opening photos: dialogs, clipboard, recent files, and the sample."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np

from denoiser.image import Image, from_numpy
from denoiser.imageio.formats import ROWS
from denoiser_gui.controller import Controller
from denoiser_gui.model import latent
from denoiser_gui.model.notices import Notice, failure
from denoiser_gui.model.sample import NAME, sample_photo
from denoiser_gui.qt import QFileDialog, QGuiApplication, QImage, QMenu, QMimeData, QObject, QWidget
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
