from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.batch.manifest import sha256_of
from denoiser.batch.presets import load_preset
from denoiser.errors import UsageError
from denoiser.image import from_numpy
from denoiser.imageio.masks import read_mask
from denoiser_gui.model.mask import Fill, Mask, MaskDrawer
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.model.stored_settings import (
    drop_masks,
    keep_mask,
    load_settings,
    mask_file,
    mask_place,
    settings_file,
    store_mask,
    store_settings,
)

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


def _photo(path: Path) -> Path:
    imageio.write(from_numpy(np.zeros((6, 4, 3), np.uint8)), path)
    return path


_MASK = Mask((Fill(0.25),))


@pytest.mark.parametrize("beside", [False, True])
def test_a_mask_is_stored_with_the_settings_and_removed(tmp_path: Path, *, beside: bool) -> None:
    photo = _photo(tmp_path / "a.png")
    store_mask(photo, _MASK, beside=beside)
    file = mask_file(photo, beside=beside)
    assert read_mask(file, (4, 6)).tolist() == [[16384] * 4] * 6
    assert (file == tmp_path / "a.png.denoise.mask.png") is beside and mask_place(photo) == file
    restored = load_settings(photo)
    assert restored is not None and restored.mask is not None
    assert MaskDrawer().encoded(restored.mask, (6, 4)) == file.read_bytes()
    store_mask(photo, None)
    assert not file.exists() and load_settings(photo) is None
    assert mask_place(photo, beside=True) == mask_file(photo, beside=True)


def test_a_mask_goes_beside_an_existing_sidecar(tmp_path: Path) -> None:
    photo = _photo(tmp_path / "a.png")
    store_settings(photo, _SETTINGS, beside=True)
    store_mask(photo, _MASK)
    assert mask_place(photo) == mask_file(photo, beside=True) and mask_place(photo).is_file()
    assert load_settings(photo).denoise == _SETTINGS.denoise


def test_a_mask_of_another_size_raises_usage_error(tmp_path: Path) -> None:
    photo = _photo(tmp_path / "a.png")
    imageio.write(from_numpy(np.zeros((4, 6), np.uint8)), mask_file(photo, beside=True))
    with pytest.raises(UsageError, match="the mask cannot be used"):
        load_settings(photo)


def test_kept_masks_are_those_of_the_stored_files_until_they_are_dropped(tmp_path: Path) -> None:
    photo = _photo(tmp_path / "a.png")
    store_mask(photo, _MASK, beside=True)
    kept, other = keep_mask(_MASK, (6, 4)), keep_mask(Mask((Fill(1.0),)), (6, 4))
    assert kept.sha256 == sha256_of(mask_file(photo, beside=True)) == sha256_of(kept.path)
    drop_masks([kept, None])
    assert kept.path.is_file() and not other.path.exists()
