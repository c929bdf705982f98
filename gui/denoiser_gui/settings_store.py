"""Stores the settings and masks of photos soon after a change. Masks are large, and stored only if they change."""

from __future__ import annotations

from denoiser_gui.autosave import Autosave
from denoiser_gui.model.mask import Mask
from denoiser_gui.model.open_photos import OpenPhoto
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.model.stored_settings import store_mask, store_settings


class SettingsStore:
    """Writes through *autosave*, masks through one of their own. GUI thread only."""

    def __init__(self, autosave: Autosave, masks: Autosave) -> None:
        self._autosave, self._of_masks = autosave, masks
        self._masks: dict[int, Mask | None] = {}  # as they are stored, by the key of the photo

    def note(self, key: int, mask: Mask | None) -> None:
        """Note the mask that was read for a photo."""
        self._masks[key] = mask

    def store(self, photo: OpenPhoto, settings: PhotoSettings, place: str) -> None:
        """Store the settings of a photo that has a file; *place* is that of the preferences."""
        path, mask, beside = photo.path, settings.mask, place == "sidecar"
        if path is None:
            return
        self._autosave.schedule(f"settings of {path}", lambda: store_settings(path, settings, beside=beside))
        if mask != self._masks.get(photo.key):
            self._masks[photo.key] = mask
            self._of_masks.schedule(f"mask of {path}", lambda: store_mask(path, mask, beside=beside))
