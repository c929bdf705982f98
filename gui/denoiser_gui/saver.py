"""Saving a photo: check the target, process all tiles, write the file, and show a notice."""

from __future__ import annotations

import dataclasses
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from denoiser.errors import Cancelled, DenoiserError, ForeignOutput
from denoiser.events import CancelToken
from denoiser_gui.controller import Controller
from denoiser_gui.model.captions import short_path
from denoiser_gui.model.notices import Notice, Severity, failure
from denoiser_gui.model.open_photos import OpenPhoto, PhotoStatus
from denoiser_gui.model.saving import Saved, SaveRequest, proposed_target, refuse, save
from denoiser_gui.qt import QDesktopServices, QObject, QUrl, Signal
from denoiser_gui.words import tr

if TYPE_CHECKING:
    from denoiser_gui.model.requests import Finished


class Saver(QObject):
    """Saves photos. GUI thread; the work runs in the controller's worker threads."""

    progress = Signal(str)  # status text, empty when idle
    saved = Signal(object)  # path of a written file

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._under_way: dict[int, CancelToken] = {}

    @property
    def is_busy(self) -> bool:
        """Whether a photo is being saved."""
        return bool(self._under_way)

    def target_of(self, photo: OpenPhoto) -> Path:
        """The target of a photo: where it was saved before, or the default."""
        if photo.saved_as is not None:
            return photo.saved_as
        picture = self._controller.picture(photo.key)
        image = picture.image if picture is not None else None
        return proposed_target(photo.path, photo.name, image, self._controller.settings_of(photo.key).write)

    def save(self, photo: OpenPhoto) -> None:
        """Save to the last or default target; overwrites only files that this window wrote."""
        target = self.target_of(photo)
        order = SaveRequest(target, self._controller.settings_of(photo.key), overwrite=target == photo.saved_as)
        self.carry_out(photo, order)

    def carry_out(self, photo: OpenPhoto, order: SaveRequest) -> None:
        """Save as requested, or show a notice if the target exists."""
        inputs = [other.path for other in self._controller.photos if other.path is not None]
        self._controller.files.submit(
            f"refuse-{photo.key}",
            lambda _: refuse(order, inputs),
            lambda _: self._make(photo, order),
            lambda error: self._refused(photo, order, error),
        )

    def stop(self) -> None:
        """Cancel everything that is not written yet."""
        for token in self._under_way.values():
            token.cancel()
        self._under_way.clear()

    def _refused(self, photo: OpenPhoto, order: SaveRequest, error: DenoiserError) -> None:
        if not isinstance(error, ForeignOutput):
            self._controller.notify(failure(f"save-{photo.key}", error))
            return
        again = dataclasses.replace(order, overwrite=True)
        words = tr("{name} already exists.", name=short_path(order.target))
        replace = Notice(
            f"save-{photo.key}", words, "", Severity.QUESTION, tr("Replace"), lambda: self.carry_out(photo, again)
        )
        self._controller.notify(replace)

    def _make(self, photo: OpenPhoto, order: SaveRequest) -> None:
        self._controller.solved.emit(f"save-{photo.key}")
        self._say(photo, 0.0)
        self._under_way[photo.key] = self._controller.take_clean(
            photo.key,
            lambda finished: self._write(photo, order, finished),
            lambda error: self._failed(photo, order, error),
            lambda share: self._say(photo, share),
        )

    def _write(self, photo: OpenPhoto, order: SaveRequest, finished: Finished) -> None:
        self._controller.files.submit(
            f"write-{photo.key}",
            lambda _: save(finished, order),
            lambda saved: self._written(photo, order, saved),
            lambda error: self._failed(photo, order, error),
        )

    def _written(self, photo: OpenPhoto, order: SaveRequest, saved: Saved) -> None:
        self._under_way.pop(photo.key, None)
        now = self._controller.settings_of(photo.key)
        stage = PhotoStatus.SAVED if now.denoise == order.settings.denoise else PhotoStatus.DRAFT
        self._controller.update_photo(photo.key, stage=stage, saved_as=saved.target)
        self._controller.remember(save_folder=str(saved.target.parent))
        self.progress.emit("")
        words = tr("Saved as {path}.", path=short_path(saved.target))
        folder = saved.target.parent
        self._controller.notify(
            Notice(
                f"save-{photo.key}",
                words,
                " ".join(f"{note}." for note in saved.notes),
                action=tr("Open folder"),
                act=partial(_show_folder, folder),
            )
        )
        self.saved.emit(saved.target)

    def _failed(self, photo: OpenPhoto, order: SaveRequest, error: DenoiserError) -> None:
        self._under_way.pop(photo.key, None)
        self.progress.emit("")
        if not isinstance(error, Cancelled):
            again = tr("Try again"), lambda: self.carry_out(photo, order)
            self._controller.notify(failure(f"save-{photo.key}", error, *again))

    def _say(self, photo: OpenPhoto, share: float) -> None:
        self.progress.emit(tr("Saving {name} · {share} %", name=photo.name, share=int(share * 100)))


def _show_folder(folder: Path) -> None:
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
