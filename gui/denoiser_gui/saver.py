"""Saving a photo: check the target, process all tiles, write the file, and show a notice."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from denoiser.errors import Cancelled, DenoiserError, ForeignOutput
from denoiser.events import CancelToken
from denoiser_gui.controller import Controller
from denoiser_gui.model.captions import short_path
from denoiser_gui.model.export_rules import target_of
from denoiser_gui.model.notices import Notice, Severity, failure
from denoiser_gui.model.open_photos import OpenPhoto, PhotoStatus
from denoiser_gui.model.saving import SaveRequest, bits_for, check_target, save
from denoiser_gui.qt import QObject, Signal, show_folder
from denoiser_gui.translation import tr

if TYPE_CHECKING:
    from denoiser_gui.model.requests import FinishedPhoto


class Saver(QObject):
    """Saves photos. GUI thread; the work runs in the controller's worker threads."""

    progress = Signal(str)  # status text, empty when idle
    saved = Signal(object)  # path of a written file

    def __init__(self, controller: Controller, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._running: dict[tuple[int, Path], CancelToken] = {}  # by photo and file

    @property
    def is_busy(self) -> bool:
        """Whether a photo is being saved."""
        return bool(self._running)

    def target_of(self, photo: OpenPhoto) -> Path:
        """The target of a photo: where it was saved before, or the default."""
        if photo.saved_as is not None:
            return photo.saved_as
        pyramid = self._controller.pyramid(photo.key)
        image = pyramid.image if pyramid is not None else None
        preferences, write = self._controller.preferences, self._controller.settings_of(photo.key).write
        # The folder of a batch with subfolders says nothing about a photo from elsewhere.
        is_chosen = preferences.export_place == "folder" and preferences.batch_folder
        chosen = Path(preferences.batch_folder) if is_chosen else None
        return target_of(photo.path, photo.name, image, write, preferences.rules, chosen)

    def save(self, photo: OpenPhoto) -> None:
        """Save to the last or default target; overwrites only files that this window wrote."""
        target = self.target_of(photo)
        settings = self._controller.settings_of(photo.key)
        self.save_as(photo, SaveRequest(target, settings, overwrite=target == photo.saved_as))

    def save_as(self, photo: OpenPhoto, request: SaveRequest) -> None:
        """Save as requested, or show a notice if the target exists."""
        inputs = [other.path for other in self._controller.photos if other.path is not None]
        self._controller.files.submit(
            f"check-{photo.key}",
            lambda _: check_target(request, inputs),
            lambda _: self._export(photo, request),
            lambda error: self._refuse(photo, request, error),
        )

    def stop(self) -> None:
        """Cancel everything that is not written yet."""
        for token in self._running.values():
            token.cancel()
        self._running.clear()

    def _refuse(self, photo: OpenPhoto, request: SaveRequest, error: DenoiserError) -> None:
        notice = failure(f"save-{photo.key}", error)
        if isinstance(error, ForeignOutput):
            text = tr("{name} already exists.", name=short_path(request.target))
            replace = partial(self.save_as, photo, dataclasses.replace(request, overwrite=True))
            notice = Notice(notice.key, text, "", Severity.QUESTION, tr("Replace"), replace)
        self._controller.notify(notice)

    def write_copy(
        self, photo: OpenPhoto, target: Path, done: Callable[[Path], None], failed: Callable[[], None]
    ) -> None:
        """Write the denoised photo to a file that is not its output; the photo stays unsaved."""
        request = SaveRequest(target, self._controller.settings_of(photo.key), overwrite=True)

        def finish(_notes: tuple[str, ...]) -> None:
            self._running.pop((photo.key, target), None)
            self.progress.emit("")
            done(target)

        def give_up(error: DenoiserError) -> None:
            self._running.pop((photo.key, target), None)
            self.progress.emit("")
            if not isinstance(error, Cancelled):
                self._controller.notify(failure(f"save-{photo.key}", error))
            failed()

        self._make(photo, request, finish, give_up)

    def _export(self, photo: OpenPhoto, request: SaveRequest) -> None:
        self._controller.solved.emit(f"save-{photo.key}")
        done, failed = (partial(show, photo, request) for show in (self._show_saved, self._show_failure))
        self._make(photo, request, done, failed)

    def _make(
        self,
        photo: OpenPhoto,
        request: SaveRequest,
        done: Callable[[tuple[str, ...]], None],
        failed: Callable[[DenoiserError], None],
    ) -> None:
        """Denoise the rest of the photo, and write it."""
        self._show_progress(photo, 0.0)

        def write(finished: FinishedPhoto) -> None:
            job = lambda _: save(finished, request, photo.path)  # noqa: E731
            self._controller.files.submit(f"write-{photo.key} {request.target}", job, done, failed)

        self._running[photo.key, request.target] = self._controller.export(
            photo.key, write, failed, partial(self._show_progress, photo), bits=bits_for(request)
        )

    def _show_saved(self, photo: OpenPhoto, request: SaveRequest, notes: tuple[str, ...]) -> None:
        self._running.pop((photo.key, request.target), None)
        target, folder = request.target, request.target.parent
        unchanged = self._controller.settings_of(photo.key).denoise == request.settings.denoise
        status = PhotoStatus.SAVED if unchanged else PhotoStatus.UNSAVED
        self._controller.update_photo(photo.key, status=status, saved_as=target)
        self._controller.remember(save_folder=str(folder))
        self.progress.emit("")
        text, hint = tr("Saved as {path}.", path=short_path(target)), " ".join(f"{note}." for note in notes)
        act = partial(show_folder, folder)
        self._controller.notify(Notice(f"save-{photo.key}", text, hint, action=tr("Open folder"), act=act))
        self.saved.emit(target)

    def _show_failure(self, photo: OpenPhoto, request: SaveRequest, error: DenoiserError) -> None:
        self._running.pop((photo.key, request.target), None)
        self.progress.emit("")
        if not isinstance(error, Cancelled):
            retry = tr("Try again"), partial(self.save_as, photo, request)
            self._controller.notify(failure(f"save-{photo.key}", error, *retry))

    def _show_progress(self, photo: OpenPhoto, share: float) -> None:
        self.progress.emit(tr("Saving {name} · {share} %", name=photo.name, share=int(share * 100)))
