"""The application controller: open photos, settings and running work. Views connect to its signals and call it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from denoiser.batch.presets import load_preset
from denoiser.errors import DenoiserError
from denoiser.events import CancelToken
from denoiser.image import Image
from denoiser_gui.autosave import Autosave
from denoiser_gui.display_profile import DisplayProfile
from denoiser_gui.library import Library
from denoiser_gui.model.mask import Mask
from denoiser_gui.model.notices import Notice, Severity, failure, hint_of, message_of
from denoiser_gui.model.open_photos import OpenPhoto, OpenPhotos, PhotoStatus
from denoiser_gui.model.photo_settings import PhotoSettings, SettingsHistory
from denoiser_gui.model.photos_to_open import PhotosToOpen, find_photos_to_open
from denoiser_gui.model.preferences import Preferences, change_preferences, load_preferences
from denoiser_gui.model.pyramid import ImagePyramid, PyramidCache, deepened, read_photo
from denoiser_gui.model.requests import EngineStatus, ExportRequest, State
from denoiser_gui.qt import QObject, Signal
from denoiser_gui.settings_store import SettingsStore
from denoiser_gui.translation import tr
from denoiser_gui.viewer import Viewer
from denoiser_gui.worker import WorkerThread, stop_all

if TYPE_CHECKING:
    from denoiser_gui.model.requests import FinishedPhoto


class Controller(QObject):
    """Central state of the app. Lives in the GUI thread and delegates work to worker threads."""

    photos_changed = Signal()  # photos were opened or closed
    photo_changed = Signal(object)  # OpenPhoto: its data changed
    current_changed = Signal(object)  # OpenPhoto or None: another photo is current
    photo_loaded = Signal(int)  # key of a photo that has been read
    settings_changed = Signal(object)  # PhotoSettings of the current photo
    preferences_changed = Signal(object)  # Preferences
    notice = Signal(object)  # Notice: show it
    solved = Signal(str)  # key of a notice to remove

    def __init__(self, preferences: Preferences | None = None) -> None:
        super().__init__()
        self.preferences = load_preferences() if preferences is None else preferences
        self._photos = OpenPhotos()
        self._pyramids = PyramidCache()
        self._histories: dict[int, SettingsHistory] = {}
        self._no_history = SettingsHistory()  # settings while no photo is open
        self._initial = PhotoSettings()  # settings of new photos: the chosen preset
        self._workers: list[WorkerThread] = []
        self.files = self.own(WorkerThread("files", self))  # reads and writes files
        self.library = Library(self, self._photos, self.own, self.update_photo)
        self.photos_changed.connect(self.library.read_facts)
        self.photo_changed.connect(lambda _: self.library.note_changed())
        self.autosave = Autosave(self.files, self.notice_of("autosave"), self)
        # Encoding a mask takes seconds, for which photos to be read would wait.
        self._masks = Autosave(self.own(WorkerThread("masks", self)), self.notice_of("autosave"), self)
        self._store = SettingsStore(self.autosave, self._masks)
        self._changed_preferences: dict[str, Any] = {}  # in this window
        self.viewer = Viewer(self)
        self.viewer.noise_estimated.connect(lambda key, estimate: self.update_photo(key, noise=estimate))
        self.viewer.failed.connect(
            lambda key, error: self.notify(failure(f"photo-{key}", error, tr("Try again"), self.viewer.try_again))
        )
        self.viewer.status_changed.connect(self._read_ahead)
        self.viewer.set_trust_colour(self.preferences.trust_colour)
        display = self.own(WorkerThread("display", self))
        self.display = DisplayProfile(display, self.viewer.set_display_profile, self.notice_of("profile"))
        self.display.choose(self.preferences.display_profile)
        self._load_preset()
        self.viewer.set_gain(self.preferences.difference_gain)

    # --- photos ---------------------------------------------------------------------------------------------------

    @property
    def photos(self) -> tuple[OpenPhoto, ...]:
        """The open photos, in the order of opening."""
        return self._photos.all

    @property
    def shown(self) -> tuple[OpenPhoto, ...]:
        """The photos of the film strip and the grid, sorted and filtered."""
        return self._photos.shown

    @property
    def current(self) -> OpenPhoto | None:
        """The current photo."""
        return self._photos.current

    @property
    def is_unreadable(self) -> bool:
        """Whether the current photo cannot be opened."""
        current = self.current
        return current is not None and current.status is PhotoStatus.FAILED and self.current_pyramid is None

    @property
    def can_save(self) -> bool:
        """Whether the current photo is in memory, and denoising it did not fail."""
        return self.current_pyramid is not None and not self.viewer.has_failed

    @property
    def current_pyramid(self) -> ImagePyramid | None:
        """The pixels of the current photo; None while it is being read."""
        return self.pyramid(self.current.key) if self.current is not None else None

    def pyramid(self, key: int) -> ImagePyramid | None:
        """The pixels of a photo; None while it is being read or after it was evicted."""
        return self._pyramids.get(key)

    def open(self, paths: Iterable[Path]) -> None:
        """Open files and the photos in folders; the first becomes current."""
        wanted = list(paths)
        if wanted:
            self.files.submit(
                "find", lambda _: find_photos_to_open(wanted), self._take_found, self.notice_of("open")
            )

    def open_pasted(self, name: str, image: Image) -> None:
        """Open an image that has no file."""
        photo = self._photos.add_pasted(name, image)
        self.photos_changed.emit()
        self.show_photo(photo.key)

    def show_photo(self, key: int) -> None:
        """Make a photo current; read it if it is not in memory."""
        photo = self._photos.make_current(key)
        self._histories.setdefault(key, SettingsHistory(self._initial))
        self.current_changed.emit(photo)
        self.settings_changed.emit(self.settings)
        if (pyramid := self._pyramids.get(key)) is not None:
            self._pyramids.keep(pyramid)
            self._show(pyramid)
            return
        self.viewer.show(None, self.settings.denoise)
        self.files.submit(
            "read",
            lambda _: read_photo(photo),
            self._take_pyramid,
            lambda error: self._note_unreadable(photo, error),
        )

    def show_neighbour(self, step: int) -> None:
        """Move along the film strip."""
        photo = self._photos.neighbour(step)
        if photo is not None:
            self.show_photo(photo.key)

    def close_photo(self, key: int) -> None:
        """Close a photo; the file is not touched."""
        self.close_photos([key])

    def close_photos(self, keys: Sequence[int]) -> None:
        """Close several photos; their files are not touched."""
        before, now = self.current, self.current
        for key in keys:
            now = self._photos.close(key)
            self._pyramids.drop(key)
            self._histories.pop(key, None)
            self.viewer.forget(key)
            self.solved.emit(f"photo-{key}")
        self.photos_changed.emit()
        if before is None or before.key not in keys:
            return
        if now is not None:
            self.show_photo(now.key)
        else:
            self.viewer.show(None, self.settings.denoise)
            self.current_changed.emit(None)
            self.settings_changed.emit(self.settings)

    def update_photo(self, key: int, **values: object) -> None:
        """Store new data of a photo."""
        changed = self._photos.change(key, **values)
        if changed is not None:
            self.photo_changed.emit(changed)

    # --- settings -------------------------------------------------------------------------------------------------

    @property
    def history(self) -> SettingsHistory:
        """Settings of the current photo, with undo and redo."""
        current = self.current
        return self._histories.get(current.key, self._no_history) if current is not None else self._no_history

    @property
    def settings(self) -> PhotoSettings:
        """Denoising and output settings of the current photo."""
        return self.history.now

    def settings_of(self, key: int) -> PhotoSettings:
        """Settings of a photo; the initial settings if it was never current."""
        return self._histories[key].now if key in self._histories else self._initial

    def change(self, **values: Any) -> None:
        """Change options of the current photo by name; raises UsageError if a value is out of range."""
        if self.history.change(**values):
            self._apply_settings()

    def set_settings(self, keys: Iterable[int], settings: PhotoSettings) -> list[int]:
        """Give photos these settings, as one step of undo for each; return those that changed."""
        histories = {key: self._histories.setdefault(key, SettingsHistory(self._initial)) for key in keys}
        changed = [key for key, history in histories.items() if history.replace(settings.over(history.now))]
        self._apply_settings_of(changed)
        return changed

    def set_mask(self, mask: Mask | None) -> None:
        """Give the current photo a mask, or none, as one step of undo."""
        if self.current is not None and self.history.replace(dataclasses.replace(self.settings, mask=mask)):
            self._apply_settings()

    def undo_of(self, keys: Iterable[int]) -> None:
        """Undo the last change of settings of several photos."""
        self._apply_settings_of([key for key in keys if key in self._histories and self._histories[key].undo()])

    def undo(self) -> None:
        """Undo the last change of settings."""
        if self.history.undo():
            self._apply_settings()

    def redo(self) -> None:
        """Redo the last undone change."""
        if self.history.redo():
            self._apply_settings()

    def remember(self, **values: Any) -> None:
        """Change some preferences by name."""
        self.set_preferences(dataclasses.replace(self.preferences, **values))

    def set_preferences(self, now: Preferences) -> None:
        """Apply and save preferences."""
        before, self.preferences = self.preferences, now
        if now == before:
            return
        if now.display_profile != before.display_profile:
            self.display.choose(now.display_profile)
        self.viewer.set_gain(now.difference_gain)
        self.viewer.set_trust_colour(now.trust_colour)
        if now.preset != before.preset:
            self._load_preset()
        self.preferences_changed.emit(now)
        names = [field.name for field in dataclasses.fields(now)]
        values = {name: getattr(now, name) for name in names}
        self._changed_preferences |= {name: values[name] for name in names if values[name] != getattr(before, name)}
        changes = dict(self._changed_preferences)
        self.autosave.schedule("preferences", lambda: change_preferences(changes))

    # --- export ---------------------------------------------------------------------------------------------------

    def export(
        self,
        key: int,
        done: Callable[[FinishedPhoto], None],
        failed: Callable[[DenoiserError], None],
        progress: Callable[[float], None] = lambda _: None,
        *,
        bits: int = 0,
    ) -> CancelToken:
        """Denoise a whole photo with its settings, reusing finished tiles. The returned token cancels it.

        With more *bits* than the photo has, it is denoised again at that depth.
        """
        token = CancelToken()

        def begin(pyramid: ImagePyramid) -> None:
            self._pyramids.keep(pyramid)
            settings, deeper = self.settings_of(key), deepened(pyramid, bits)

            def finish(finished: FinishedPhoto) -> None:
                self.viewer.forget(deeper.key) if deeper is not pyramid else None
                done(dataclasses.replace(finished, source=pyramid.image))

            options, mask = settings.denoise, settings.mask
            self.viewer.export(ExportRequest(deeper, options, finish, failed, progress, token, mask))

        photo = self._photos.find(key)
        if (pyramid := self._pyramids.get(key)) is not None:
            begin(pyramid)
        elif photo is not None:
            self.files.submit(f"export-{key}", lambda _: read_photo(photo), begin, failed)
        return token

    # --- notices and shutdown -------------------------------------------------------------------------------------

    def notify(self, notice: Notice) -> None:
        """Show a notice."""
        self.notice.emit(notice)

    def notice_of(self, key: str) -> Callable[[DenoiserError], None]:
        """A callback that shows a notice about an error, under this key."""
        return lambda error: self.notify(failure(key, error))

    def own(self, worker: WorkerThread) -> WorkerThread:
        """Stop this worker together with the others."""
        self._workers.append(worker)
        return worker

    def stop(self) -> bool:
        """Stop all threads, then write what is not saved yet; return whether the threads ended in time."""
        self.library.stop()
        stopped = stop_all([*self.viewer.begin_to_stop(), *self._workers])
        self.autosave.finish()
        self._masks.finish()
        return stopped

    # --- results --------------------------------------------------------------------------------------------------

    def _take_found(self, found: PhotosToOpen) -> None:
        skipped = found.skipped
        before = len(self.photos)
        opened = self._photos.add(found.paths)
        for photo in opened:
            stored = found.settings.get(photo.path) if photo.path is not None else None
            if stored is not None and photo.key not in self._histories:
                self._histories[photo.key] = SettingsHistory(stored)
                self._store.note(photo.key, stored.mask)
        if found.missing:
            name, more = found.missing[0].name, len(found.missing) - 1
            text = tr("{name} does not exist.", name=name)
            if more:
                text = tr("{name} and {count} more do not exist.", name=name, count=more)
            self.notify(Notice("missing", text, severity=Severity.ERROR))
        if found.invalid is not None:
            self.notify(failure("settings", found.invalid))
        if len(self.photos) != before:
            self.photos_changed.emit()
        if opened:
            self.solved.emit("open")
            self.show_photo(opened[0].key)
            self.set_preferences(self.preferences.with_opened(found.opened))
        else:
            self.notify(Notice("open", tr("No supported photos found."), hint=skipped[0] if skipped else ""))

    def _take_pyramid(self, pyramid: ImagePyramid) -> None:
        self._pyramids.keep(pyramid)
        if self.current is not None and self.current.key == pyramid.key:
            self._show(pyramid)

    def _show(self, pyramid: ImagePyramid) -> None:
        self.solved.emit(f"photo-{pyramid.key}")
        if self.current is not None and self.current.status in (PhotoStatus.NEW, PhotoStatus.FAILED):
            self.update_photo(pyramid.key, status=PhotoStatus.UNSAVED, problem="", hint="")
        self.viewer.show(pyramid, self.settings.denoise, self.settings.mask)
        self.photo_loaded.emit(pyramid.key)

    def _note_unreadable(self, photo: OpenPhoto, error: DenoiserError) -> None:
        self.update_photo(photo.key, status=PhotoStatus.FAILED, problem=message_of(error), hint=hint_of(error))

    def _read_ahead(self, status: EngineStatus) -> None:
        """Read the next photo of the strip while the file worker is idle, so that moving on is fast."""
        ahead = self._photos.neighbour(1)
        if status.state is not State.EXACT or ahead is None or ahead.path is None or not self.files.is_idle():
            return
        is_wanted = self.pyramid(ahead.key) is None and ahead.status is not PhotoStatus.FAILED
        if is_wanted and not self._pyramids.is_half_full:
            self.files.submit("ahead", lambda _: read_photo(ahead), self._pyramids.keep)

    def _load_preset(self) -> None:
        name = self.preferences.preset
        self._initial = PhotoSettings()

        def take(settings: PhotoSettings) -> None:
            self._initial = settings

        if name:
            load = lambda _: PhotoSettings().changed(**load_preset(name))  # noqa: E731
            self.files.submit("initial-preset", load, take, self.notice_of("preset"))

    def _apply_settings(self) -> None:
        self._apply_settings_of([self.current.key] if self.current is not None else [])

    def _apply_settings_of(self, keys: Sequence[int]) -> None:
        """Store changed settings; show those of the current photo."""
        for photo in [self._photos.find(key) for key in keys]:
            if photo is None:
                continue
            self.solved.emit(f"photo-{photo.key}")
            if photo.status is PhotoStatus.SAVED:
                self.update_photo(photo.key, status=PhotoStatus.UNSAVED)
            self._store.store(photo, self.settings_of(photo.key), self.preferences.settings_place)
        if self.current is None or self.current.key in keys:
            self.viewer.set_options(self.settings.denoise, self.settings.mask)
            self.settings_changed.emit(self.settings)
