from __future__ import annotations

import pytest

from denoiser.batch.presets import preset_names, save_preset
from denoiser.errors import ForeignOutput, UnwritableImage, UsageError
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.model.preset_files import delete_preset, rename_preset


def test_presets_are_renamed_and_deleted() -> None:
    for name in ("Concert", "Sky"):
        save_preset(name, PhotoSettings().changed(detail=0.3).by_class())
    rename_preset("Concert", "Club")
    assert preset_names() == ["Club", "Sky"]
    with pytest.raises(ForeignOutput):
        rename_preset("Club", "Sky")
    delete_preset("Sky")
    delete_preset("Sky")
    assert preset_names() == ["Club"]
    with pytest.raises(UnwritableImage):
        rename_preset("absent", "new")


@pytest.mark.parametrize("name", ["", "../other", "a/b", ".hidden"])
def test_only_names_of_presets_are_accepted(name: str) -> None:
    save_preset("Concert", PhotoSettings().by_class())
    with pytest.raises(UsageError):
        rename_preset("Concert", name)
    with pytest.raises(UsageError):
        delete_preset(name)
