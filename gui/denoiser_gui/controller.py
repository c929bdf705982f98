"""The application controller: open photos, settings and running work. Views connect to its signals and call it."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from denoiser.batch.presets import load_preset
from denoiser.errors import DenoiserError
from denoiser.events import CancelToken
from denoiser.image import Image
from denoiser.imageio.screen import profile_at
from denoiser_gui.model.controls import PhotoSettings, SettingsHistory
from denoiser_gui.model.latent import is_latent
from denoiser_gui.model.notices import Notice, failure, hint_of, message_of
from denoiser_gui.model.open_photos import OpenPhoto, OpenPhotos, PhotoStatus
from denoiser_gui.model.picture import Picture, picture_of, read_picture
from denoiser_gui.model.preferences import Preferences, load_preferences, save_preferences
from denoiser_gui.model.requests import EngineStatus, ReplacementImage, State
from denoiser_gui.qt import QObject, Signal
from denoiser_gui.viewer import Viewer
from denoiser_gui.words import tr
from denoiser_gui.worker import WorkerThread, stop_all

if TYPE_CHECKING:
    from denoiser_gui.model.requests import Finished

_MOST_BYTES = 700_000_000  # of photos in memory: five of 24 MP with their reduced copies


class Controller(QObject):
    """Central state of the app. Lives in the GUI thread and delegates work to worker threads."""

    photos_changed = Signal()  # photos were opened or closed
    photo_changed = Signal(object)  # OpenPhoto: its data changed
    current_changed = Signal(object)  # OpenPhoto or None: another photo is current
    picture_ready = Signal(int)  # key of a photo that has been read
    settings_changed = Signal(object)  # PhotoSettings of the current photo
    estimate_changed = Signal(object)  # NoiseEstimate or None, of the current photo
    preferences_changed = Signal(object)  # Preferences
    notice = Signal(object)  # Notice: show it
    solved = Signal(str)  # key of a notice to remove

    def __init__(self, preferences: Preferences | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.preferences = load_preferences() if preferences is None else preferences
        self._photos = OpenPhotos()
        self._pictures: OrderedDict[int, Picture] = OrderedDict()
        self._histories: dict[int, SettingsHistory] = {}
        self._estimates: dict[int, Any] = {}
        self._nothing = SettingsHistory()  # settings while no photo is open
        self._pasted: dict[int, Image] = {}
        self._first = PhotoSettings()  # initial settings of new photos
        self._workers: list[WorkerThread] = []
        self.files = self.own(WorkerThread("files", self))  # reads and writes files
        self.viewer = Viewer(self)
        self.viewer.estimated.connect(self._note_estimate)
        self.viewer.broken.connect(self._note_broken)
        self.viewer.doing_changed.connect(self._read_ahead)
        self._take_display_profile()
        self._take_preset()

    # --- photos ---------------------------------------------------------------------------------------------------

    @property
    def photos(self) -> tuple[OpenPhoto, ...]:
        """The open photos, in the order of the film strip."""
        return self._photos.all

    @property
    def current(self) -> OpenPhoto | None:
        """The current photo."""
        return self._photos.current

    @property
    def estimate(self) -> Any:
        """The noise estimate of the current photo, once it is known."""
        return self._estimates.get(self.current.key) if self.current else None

    def picture(self, key: int) -> Picture | None:
        """A photo in memory; None while it is being read or after it was evicted."""
        return self._pictures.get(key)

    def open(self, paths: Iterable[Path]) -> None:
        """Open files and the photos in folders; the first becomes current."""
        wanted = list(paths)
        if not wanted:
            return
        self.files.submit("find", lambda _: _found(wanted), self._take_found, self._not_found)

    def open_pasted(self, name: str, image: Image) -> None:
        """Open an image that has no file."""
        photo = self._photos.add_pasted(name)
        self._pasted[photo.key] = image
        self.photos_changed.emit()
        self.look_at(photo.key)

    def look_at(self, key: int) -> None:
        """Make a photo current; read it if it is not in memory."""
        photo = self._photos.look_at(key)
        assert photo is not None  # the key exists
        self._histories.setdefault(key, SettingsHistory(self._beginning()))
        self.current_changed.emit(photo)
        self.settings_changed.emit(self.settings)
        self.estimate_changed.emit(self.estimate)
        if (picture := self._pictures.get(key)) is not None:
            self._pictures.move_to_end(key)
            self._show(picture)
            return
        self.viewer.show(None, self.settings.denoise)
        self.files.submit(
            "read",
            lambda _: self._read(photo),
            self._take_picture,
            lambda error: self._note_unreadable(photo, error),
        )

    def look_beside(self, step: int) -> None:
        """Move along the film strip."""
        photo = self._photos.beside(step)
        if photo is not None and photo != self.current:
            self.look_at(photo.key)

    def close_photo(self, key: int) -> None:
        """Close a photo; the file is not touched."""
        was_current = self.current is not None and self.current.key == key
        now = self._photos.close(key)
        for known in (self._pictures, self._histories, self._estimates, self._pasted):
            known.pop(key, None)
        self.viewer.forget(key)
        self.solved.emit(f"photo-{key}")
        self.photos_changed.emit()
        if not was_current:
            return
        if now is not None:
            self.look_at(now.key)
            return
        self.viewer.show(None, self.settings.denoise)
        self.current_changed.emit(None)
        self.settings_changed.emit(self.settings)

    def update_photo(self, key: int, **facts: object) -> None:
        """Store new data of a photo."""
        changed = self._photos.change(key, **facts)
        if changed is not None:
            self.photo_changed.emit(changed)

    # --- settings -------------------------------------------------------------------------------------------------

    @property
    def history(self) -> SettingsHistory:
        """Settings of the current photo, with undo and redo."""
        current = self.current
        return self._histories.get(current.key, self._nothing) if current else self._nothing

    @property
    def settings(self) -> PhotoSettings:
        """Denoising and output settings of the current photo."""
        return self.history.now

    def settings_of(self, key: int) -> PhotoSettings:
        """Settings of a photo; the initial settings if it was never current."""
        history = self._histories.get(key)
        return history.now if history is not None else self._beginning()

    def change(self, **values: Any) -> None:
        """Change options of the current photo by name; raises UsageError if a value is out of range."""
        if self.history.change(**values):
            self._settings_are_new()

    def undo(self) -> None:
        """Undo the last change of settings."""
        if self.history.undo():
            self._settings_are_new()

    def redo(self) -> None:
        """Redo the last undone change."""
        if self.history.redo():
            self._settings_are_new()

    def set_preferences(self, preferences: Preferences) -> None:
        """Apply and save preferences."""
        if preferences == self.preferences:
            return
        before, self.preferences = self.preferences, preferences
        if preferences.display_profile != before.display_profile:
            self._take_display_profile()
        if preferences.preset != before.preset:
            self._take_preset()
        self.preferences_changed.emit(preferences)
        self.files.submit("preferences", lambda _: save_preferences(preferences), failed=self._not_remembered)

    def remember(self, **values: Any) -> None:
        """Change some preferences by name."""
        self.set_preferences(dataclasses.replace(self.preferences, **values))

    # --- export ---------------------------------------------------------------------------------------------------

    def take_clean(
        self,
        key: int,
        done: Callable[[Finished], None],
        failed: Callable[[DenoiserError], None],
        progress: Callable[[float], None] = lambda _: None,
    ) -> CancelToken:
        """Denoise a whole photo with its settings, reusing finished tiles. The returned token cancels it."""
        token = CancelToken()

        def make(picture: Picture) -> None:
            self._keep(picture)
            options = self.settings_of(key).denoise
            self.viewer.make(picture, options, done=done, failed=failed, progress=progress, cancel=token)

        photo = self._photos.find(key)
        if (picture := self._pictures.get(key)) is not None:
            make(picture)
        elif photo is not None:
            self.files.submit(f"take-{key}", lambda _: self._read(photo), make, failed)
        return token

    def show_instead(self, left: ReplacementImage | None, right: ReplacementImage | None) -> None:
        """Show other images of the same size in the panes; None restores a pane."""
        self.viewer.show_instead(left, right)

    # --- notices and shutdown -------------------------------------------------------------------------------------

    def notify(self, notice: Notice) -> None:
        """Show a notice."""
        self.notice.emit(notice)

    def own(self, worker: WorkerThread) -> WorkerThread:
        """Stop this worker together with the others."""
        self._workers.append(worker)
        return worker

    def stop(self) -> bool:
        """Stop all threads; return whether they ended in time."""
        return stop_all([*self.viewer.begin_to_stop(), *self._workers])

    # --- results --------------------------------------------------------------------------------------------------

    def _take_found(self, found: tuple[Sequence[Path], Sequence[str]]) -> None:
        paths, passed = found
        before = len(self.photos)
        opened = self._photos.add(paths)
        if len(self.photos) != before:
            self.photos_changed.emit()
        if opened:
            self.solved.emit("open")
            self.look_at(opened[0].key)
            self.set_preferences(self.preferences.with_opened([photo.path for photo in opened if photo.path]))
        elif passed or not paths:
            self.notify(Notice("open", tr("No supported photos found."), hint=passed[0] if passed else ""))

    def _not_found(self, error: DenoiserError) -> None:
        self.notify(failure("open", error))

    def _read(self, photo: OpenPhoto) -> Picture:
        if photo.key in self._pasted:
            return picture_of(photo.key, self._pasted[photo.key])
        assert photo.path is not None  # only pasted images have no path
        return read_picture(photo.key, photo.path)

    def _take_picture(self, picture: Picture) -> None:
        self._keep(picture)
        if self.current is not None and self.current.key == picture.key:
            self._show(picture)

    def _keep(self, picture: Picture) -> None:
        self._pictures[picture.key] = picture
        self._pictures.move_to_end(picture.key)
        while len(self._pictures) > 1 and self._bytes() > _MOST_BYTES:
            self._pictures.popitem(last=False)

    def _bytes(self) -> int:
        return sum(picture.bytes for picture in self._pictures.values())

    def _is_full(self) -> bool:
        return self._bytes() > _MOST_BYTES / 2

    def _show(self, picture: Picture) -> None:
        self.solved.emit(f"photo-{picture.key}")
        if self.current is not None and self.current.stage in (PhotoStatus.NEW, PhotoStatus.FAILED):
            self.update_photo(picture.key, stage=PhotoStatus.DRAFT, problem="", hint="")
        self.viewer.show(picture, self.settings.denoise)
        self.picture_ready.emit(picture.key)

    def _note_unreadable(self, photo: OpenPhoto, error: DenoiserError) -> None:
        self.update_photo(photo.key, stage=PhotoStatus.FAILED, problem=message_of(error), hint=hint_of(error))
        again = tr("Try again"), lambda: self.look_at(photo.key)
        self.notify(failure(f"photo-{photo.key}", error, *again))

    def _note_estimate(self, key: int, estimate: Any) -> None:
        self._estimates[key] = estimate
        self.update_photo(key, sigma=estimate.sigma)
        if self.current is not None and self.current.key == key:
            self.estimate_changed.emit(estimate)

    def _note_broken(self, key: int, error: DenoiserError) -> None:
        self.notify(failure(f"photo-{key}", error, tr("Try again"), self.viewer.try_again))

    def _read_ahead(self, doing: EngineStatus) -> None:
        """Read the next photo of the strip while the file worker is idle, so that moving on is fast."""
        ahead = self._photos.beside(1)
        if doing.state is not State.EXACT or ahead is None or ahead.path is None or not self.files.is_idle():
            return
        if ahead.key in self._pictures or ahead.stage is PhotoStatus.FAILED or self._is_full():
            return
        self.files.submit("ahead", lambda _: self._read(ahead), self._keep)

    def _take_display_profile(self) -> None:
        name = self.preferences.display_profile
        if not name:
            self.viewer.set_screen(None)
            return
        self.files.submit(
            "profile",
            lambda _: profile_at(Path(name)),
            self.viewer.set_screen,
            lambda error: self.notify(failure("profile", error)),
        )

    def _take_preset(self) -> None:
        name = self.preferences.preset
        self._first = PhotoSettings()
        if name:
            self.files.submit(
                "first-preset",
                lambda _: PhotoSettings().changed(**load_preset(name)),
                self._begin_with,
                lambda error: self.notify(failure("preset", error)),
            )

    def _begin_with(self, settings: PhotoSettings) -> None:
        self._first = settings

    def _not_remembered(self, error: DenoiserError) -> None:
        self.notify(failure("preferences", error))

    def _settings_are_new(self) -> None:
        settings = self.settings
        current = self.current
        if current is not None and current.stage is PhotoStatus.SAVED:
            self.update_photo(current.key, stage=PhotoStatus.DRAFT)
        self.solved.emit("broken")
        self.viewer.set_options(settings.denoise)
        self.settings_changed.emit(settings)

    def _beginning(self) -> PhotoSettings:
        """Initial settings of a new photo: the chosen preset."""
        return self._first


def _found(paths: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The photos in *paths* and their folders, and messages about skipped files."""
    from denoiser.batch.discover import discover
    from denoiser.imageio import formats

    found = discover(paths, is_image_name=lambda path: formats.is_image_name(path) or is_latent(path))
    return [find.path for find in found.finds], [f"{skipped.path}: {skipped.reason}" for skipped in found.skipped]
