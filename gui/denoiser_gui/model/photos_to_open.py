"""Finds photos in files and folders that the user opens, with the settings that were stored for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from denoiser.errors import UsageError
from denoiser_gui.model.latent import is_latent
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.model.stored_settings import load_settings

OUTPUT_FOLDER = "clean"  # next to the photos, as in `denoise ./imgs --out ./clean`


@dataclass(frozen=True, slots=True)
class PhotosToOpen:
    """Photos in order."""

    paths: tuple[Path, ...]
    settings: Mapping[Path, PhotoSettings]  # of those that have stored ones
    skipped: tuple[str, ...]  # messages about other files
    missing: tuple[Path, ...] = ()  # of the given paths
    opened: tuple[str, ...] = ()  # the given files and folders, as the list of recent ones stores them
    invalid: UsageError | None = None  # the first file of settings that cannot be used


def find_photos_to_open(paths: Sequence[Path]) -> PhotosToOpen:
    """The photos in *paths* and their folders, without denoised copies of other photos in a folder."""
    from denoiser.batch.discover import discover
    from denoiser.imageio import formats

    there = [path for path in paths if path.exists()]
    found = discover(there or paths, is_image_name=lambda path: formats.is_image_name(path) or is_latent(path))
    photos = _without_copies([find.path for find in found.finds], frozenset(paths))
    settings: dict[Path, PhotoSettings] = {}
    invalid = None
    for path in photos:
        try:
            stored = load_settings(path)
        except UsageError as error:
            invalid = invalid or error
            continue
        if stored is not None:
            settings[path] = stored
    skipped = tuple(f"{skipped.path}: {skipped.reason}" for skipped in found.skipped)
    missing = tuple(path for path in paths if path not in there)
    opened = tuple(f"{path.absolute()}{'/' if path.is_dir() else ''}" for path in there)
    return PhotosToOpen(tuple(photos), settings, skipped, missing, opened, invalid)


def _without_copies(photos: Sequence[Path], named: frozenset[Path]) -> list[Path]:
    """Leave out files in `clean` folders whose source is among the photos; *named* files are kept."""
    sources = {(path.parent, path.stem) for path in photos}

    def is_copy(path: Path) -> bool:
        folder = path.parent
        return folder.name == OUTPUT_FOLDER and (folder.parent, path.stem) in sources

    return [path for path in photos if path in named or not is_copy(path)]
