"""Settings of photos on disk, one file for each photo, so that they outlive the window.

The files are presets: `denoise photo.jpg --preset FILE` applies them. They are in the data folder of the app, or
next to the photos as sidecars, which `--sidecars` applies. A sidecar applies to a photo even if new files are
stored in the data folder.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from denoiser.batch.file_settings import sidecar_of
from denoiser.batch.presets import load_preset, save_preset
from denoiser_gui.model.photo_settings import PhotoSettings

_LONGEST_NAME = 80  # characters of the photo's name in the name of its file


def data_folder() -> Path:
    """The folder of the app for data that is not configuration."""
    configured = os.environ.get("XDG_DATA_HOME", "")
    return (Path(configured) if os.path.isabs(configured) else Path.home() / ".local" / "share") / "denoise"


def settings_file(photo: Path, *, beside: bool = False) -> Path:
    """The file with the settings of a photo: next to it, or in the data folder."""
    if beside:
        return sidecar_of(photo)
    digest = hashlib.sha256(os.fsencode(photo.absolute())).hexdigest()[:16]
    return data_folder() / "photos" / f"{photo.name[:_LONGEST_NAME]}-{digest}.toml"


def load_settings(photo: Path) -> PhotoSettings | None:
    """The stored settings of a photo; None if there are none. Raises UsageError if the file is invalid."""
    for beside in (True, False):
        file = settings_file(photo, beside=beside)
        if file.is_file():
            return PhotoSettings().changed(**load_preset(str(file)))
    return None


def store_settings(photo: Path, settings: PhotoSettings, *, beside: bool = False) -> None:
    """Write the settings of a photo; an existing sidecar is updated. Raises UnwritableImage on failure."""
    sidecar = settings_file(photo, beside=True)
    file = sidecar if beside or sidecar.is_file() else settings_file(photo)
    save_preset(str(file), settings.by_class())
