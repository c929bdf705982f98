from __future__ import annotations

from pathlib import Path

import pytest

from denoiser.batch.presets import load_preset
from denoiser.errors import UsageError
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.model.stored_settings import load_settings, settings_file, store_settings

_SETTINGS = PhotoSettings().changed(noise_level=12.5, detail=0.3, strip=True, model="fast")


@pytest.mark.parametrize("beside", [False, True])
def test_settings_are_restored_from_a_preset(tmp_path: Path, *, beside: bool) -> None:
    photo = tmp_path / "a.jpg"
    assert load_settings(photo) is None
    store_settings(photo, _SETTINGS, beside=beside)
    assert load_settings(photo) == _SETTINGS
    file = settings_file(photo, beside=beside)
    assert load_preset(str(file))["noise_level"] == 12.5
    assert (file == tmp_path / "a.jpg.denoise.toml") is beside
    store_settings(photo, PhotoSettings(), beside=beside)
    assert load_settings(photo) == PhotoSettings(), "defaults are settings, too"


def test_a_sidecar_comes_first_and_is_updated(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    store_settings(photo, PhotoSettings())
    store_settings(photo, _SETTINGS, beside=True)
    assert load_settings(photo) == _SETTINGS
    changed = _SETTINGS.changed(detail=0.9)
    store_settings(photo, changed)
    assert load_settings(photo) == changed


def test_photos_of_one_name_have_separate_files_of_bounded_length(tmp_path: Path) -> None:
    name = "long" * 50 + ".jpg"
    files = {settings_file(tmp_path / folder / name) for folder in ("a", "b")}
    assert len(files) == 2 and all(len(file.name) < 120 for file in files)


def test_an_invalid_file_raises_usage_error(tmp_path: Path) -> None:
    settings_file(tmp_path / "a.jpg", beside=True).write_text("strength = 7\n")
    with pytest.raises(UsageError):
        load_settings(tmp_path / "a.jpg")
