"""Copies settings from the current photo to others."""

from __future__ import annotations

from collections.abc import Sequence

from denoiser_gui.controller import Controller
from denoiser_gui.model.notices import Notice
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.qt import QObject, Signal
from denoiser_gui.translation import tr, tr_count


class SettingsCopier(QObject):
    """Copy, paste, and one step for many photos. An automatic noise level is that of each photo.

    Masks of gradients are copied; photos keep their own mask if the other one is painted, or there is none.
    """

    copied = Signal()  # there are settings to paste

    def __init__(self, controller: Controller) -> None:
        super().__init__(controller)
        self._controller = controller
        self._copied: PhotoSettings | None = None

    @property
    def can_paste(self) -> bool:
        """Whether settings were copied."""
        return self._copied is not None

    def copy(self) -> None:
        """Copy the settings of the current photo."""
        if self._controller.current is not None:
            self._copied = self._controller.settings
            self._controller.notify(Notice("settings", tr("Settings copied.")))
            self.copied.emit()

    def paste(self, keys: Sequence[int]) -> None:
        """Give photos the copied settings."""
        if self._copied is not None:
            self._apply(keys, self._copied)

    def sync(self, keys: Sequence[int], *, one_level: bool = False) -> None:
        """Give photos the settings of the current one; with *one_level* also its estimated noise level."""
        photo, settings = self._controller.current, self._controller.settings
        if photo is None:
            return
        if one_level and settings.denoise.noise_level is None and photo.sigma is not None:
            settings = settings.changed(noise_level=round(photo.sigma, 1))
        self._apply(keys, settings)

    def _apply(self, keys: Sequence[int], settings: PhotoSettings) -> None:
        controller = self._controller
        changed = controller.set_settings(keys, settings)
        text = tr_count("{count} photo has these settings.", "{count} photos have these settings.", len(keys))
        action = tr("Undo") if changed else ""
        hint = ""
        if settings.mask is not None and not settings.mask.is_portable:
            hint = tr("Painted masks are not copied; gradients are.")
        controller.notify(Notice("settings", text, hint, action=action, act=lambda: controller.undo_of(changed)))
