from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.errors import DenoiserError
from denoiser.image import from_numpy
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.model.photos_to_open import find_photos_to_open
from denoiser_gui.model.stored_settings import settings_file, store_settings


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.jpg", "clean/a.png", "clean/other.png", "sub/clean/b.png"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        imageio.write(from_numpy(np.full((8, 8, 3), 99, np.uint8)), path)
    return tmp_path / "photos"


def test_denoised_copies_are_not_opened_with_their_folder(folder: Path) -> None:
    found = find_photos_to_open([folder])
    names = [path.relative_to(folder).as_posix() for path in found.paths]
    assert sorted(names) == ["a.png", "b.jpg", "clean/other.png", "sub/clean/b.png"]
    copy = folder / "clean" / "a.png"
    assert copy in find_photos_to_open([folder, copy]).paths, "unless they are named"


def test_stored_settings_come_with_the_photos(folder: Path) -> None:
    settings = PhotoSettings().changed(noise_level=9.0)
    store_settings(folder / "a.png", settings)
    settings_file(folder / "b.jpg", beside=True).write_text("no toml")
    found = find_photos_to_open([folder])
    assert found.settings == {folder / "a.png": settings}
    assert found.invalid is not None and "b.jpg" in found.invalid.message


def test_missing_files_do_not_prevent_others_from_opening(folder: Path) -> None:
    found = find_photos_to_open([folder / "a.png", folder / "gone.png", folder / "sub"])
    assert folder / "a.png" in found.paths and found.missing == (folder / "gone.png",)
    assert found.opened == (str(folder / "a.png"), f"{folder / 'sub'}/")
    with pytest.raises(DenoiserError):
        find_photos_to_open([folder / "gone.png"])
