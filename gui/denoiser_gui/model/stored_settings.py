"""Settings of photos on disk, one file for each photo, so that they outlive the window. Masks are beside them.

The files are presets: `denoise photo.jpg --preset FILE` applies them. They are in the data folder of the app, or
next to the photos as sidecars, which `--sidecars` applies. A sidecar applies to a photo even if new files are
stored in the data folder.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from denoiser.atomicfile import whole_file
from denoiser.batch.file_settings import mask_beside, sidecar_of
from denoiser.batch.presets import load_preset, save_preset
from denoiser.batch.settings import MaskFile
from denoiser.errors import DenoiserError, UsageError
from denoiser_gui.model.mask import Mask, MaskDrawer, mask_from
from denoiser_gui.model.photo_settings import PhotoSettings

_LONGEST_NAME = 80  # characters of the photo's name in the name of its file


def data_folder() -> Path:
    """The folder of the app for data that is not configuration."""
    configured = os.environ.get("XDG_DATA_HOME", "")
    return (Path(configured) if os.path.isabs(configured) else Path.home() / ".local" / "share") / "denoise"


def settings_file(photo: Path, *, beside: bool = False) -> Path:
    """The file with the settings of a photo: next to it, or in the data folder."""
    return sidecar_of(photo) if beside else _in_data_folder(photo, ".toml")


def mask_file(photo: Path, *, beside: bool = False) -> Path:
    """The file with the mask of a photo: next to it, or in the data folder."""
    return mask_beside(photo) if beside else _in_data_folder(photo, ".mask.png")


def _in_data_folder(photo: Path, suffix: str) -> Path:
    digest = hashlib.sha256(os.fsencode(photo.absolute())).hexdigest()[:16]
    return data_folder() / "photos" / f"{photo.name[:_LONGEST_NAME]}-{digest}{suffix}"


def load_settings(photo: Path) -> PhotoSettings | None:
    """The stored settings of a photo; None if there are none. Raises UsageError if a file is invalid."""
    stored = None
    for beside in (True, False):
        file = settings_file(photo, beside=beside)
        if file.is_file():
            stored = PhotoSettings().changed(**load_preset(str(file)))
            break
    mask = _load_mask(photo)
    return stored if mask is None else dataclasses.replace(stored or PhotoSettings(), mask=mask)


def _load_mask(photo: Path) -> Mask | None:
    for beside in (True, False):
        file = mask_file(photo, beside=beside)
        if file.is_file():
            try:
                height, width = shape_of(photo)
                return mask_from(file.read_bytes(), str(file), (width, height))
            except (DenoiserError, OSError) as error:
                raise UsageError(f"{file}: the mask cannot be used ({error}).", hint="Remove the file.") from error
    return None


def store_settings(photo: Path, settings: PhotoSettings, *, beside: bool = False) -> None:
    """Write the settings of a photo; an existing sidecar is updated. Raises UnwritableImage on failure."""
    save_preset(str(settings_file(photo, beside=_is_beside(photo, beside))), settings.by_class())


def store_mask(photo: Path, mask: Mask | None, *, beside: bool = False) -> None:
    """Write the mask of a photo in the place of its settings, or remove it. Raises a DenoiserError on failure."""
    beside = _is_beside(photo, beside)
    mask_file(photo, beside=not beside).unlink(missing_ok=True)
    if mask is None:
        mask_file(photo, beside=beside).unlink(missing_ok=True)
        return
    data = MaskDrawer().encoded(mask, shape_of(photo))
    with whole_file(mask_file(photo, beside=beside)) as file:
        file.write(data)


def shape_of(photo: Path) -> tuple[int, int]:
    """Height and width of a photo, from its header."""
    from denoiser import imageio

    header = imageio.probe(photo)
    return header.height, header.width


def mask_place(photo: Path, *, beside: bool = False) -> Path:
    """The file in which the mask of a photo is, or soon will be."""
    return mask_file(photo, beside=_is_beside(photo, beside))


def keep_mask(mask: Mask, shape: tuple[int, int]) -> MaskFile:
    """Write a mask to the data folder under its digest, for saving and for the batch; it is written once."""
    data = MaskDrawer().encoded(mask, shape)
    digest = hashlib.sha256(data).hexdigest()
    path = _kept_masks() / f"{digest}.png"
    if not path.is_file():
        with whole_file(path) as file:
            file.write(data)
    return MaskFile(path, digest)


def drop_masks(used: Iterable[MaskFile | None]) -> None:
    """Remove the masks in the data folder that the queue does not use."""
    names = {one.path.name for one in used if one is not None}
    for path in _kept_masks().glob("*.png"):
        if path.name not in names:
            path.unlink(missing_ok=True)


def _kept_masks() -> Path:
    return data_folder() / "masks"


def _is_beside(photo: Path, beside: bool) -> bool:
    return beside or settings_file(photo, beside=True).is_file() or mask_file(photo, beside=True).is_file()
