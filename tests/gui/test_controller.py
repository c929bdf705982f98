from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser import imageio
from denoiser.batch.presets import save_preset
from denoiser.errors import DenoiserError
from denoiser.image import from_numpy
from denoiser.options import DenoiseOptions
from denoiser_gui.controller import Controller
from denoiser_gui.model.notices import Notice
from denoiser_gui.model.open_photos import PhotoStatus
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.model.preferences import Preferences, load_preferences
from denoiser_gui.model.requests import State

_PATIENCE = 60_000  # ms


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number, name in enumerate(("a.png", "b.png", "c.png")):
        values = np.random.default_rng(number).normal(120, 12, (80, 100, 3)).clip(0, 255).astype(np.uint8)
        imageio.write(from_numpy(values), folder / name)
    (folder / "notes.txt").write_text("no image")
    return folder


def _until(qtbot: QtBot, condition: Callable[[], object]) -> None:
    qtbot.waitUntil(lambda: bool(condition()), timeout=_PATIENCE)


def test_opening_a_folder_opens_its_images_only(controller: Controller, folder: Path, qtbot: QtBot) -> None:
    controller.open([folder])
    _until(qtbot, lambda: controller.current is not None)
    assert [photo.name for photo in controller.photos] == ["a.png", "b.png", "c.png"]
    controller.open([folder / "c.png"])
    _until(qtbot, lambda: controller.current.name == "c.png")
    assert len(controller.photos) == 3, "a photo is opened once"


def test_paths_without_images_are_reported(controller: Controller, folder: Path, qtbot: QtBot) -> None:
    received: list[Notice] = []
    controller.notice.connect(received.append)
    empty = folder / "empty"
    empty.mkdir()
    controller.open([empty])
    _until(qtbot, lambda: received)
    controller.open([folder / "absent.png"])
    _until(qtbot, lambda: len(received) > 1)
    assert {notice.key for notice in received} == {"open"} and not controller.photos


def test_each_photo_has_separate_settings_and_undo(controller: Controller, folder: Path, qtbot: QtBot) -> None:
    controller.open([folder])
    _until(qtbot, lambda: controller.current is not None)
    first = controller.current.key
    controller.change(strength=0.5)
    controller.show_neighbour(1)
    assert controller.settings == PhotoSettings() and not controller.history.can_undo
    controller.show_neighbour(-1)
    assert controller.current.key == first and controller.settings.denoise.strength == 0.5
    controller.undo()
    assert controller.settings == PhotoSettings()


def test_moving_along_the_strip_stops_at_its_ends(controller: Controller, folder: Path, qtbot: QtBot) -> None:
    controller.open([folder])
    _until(qtbot, lambda: controller.current is not None)
    for step, name in ((-1, "a.png"), (1, "b.png"), (1, "c.png"), (1, "c.png")):
        controller.show_neighbour(step)
        assert controller.current.name == name


def test_closing_a_photo_makes_its_neighbour_current(controller: Controller, folder: Path, qtbot: QtBot) -> None:
    controller.open([folder])
    _until(qtbot, lambda: controller.current is not None)
    for _ in range(2):
        controller.close_photo(controller.current.key)
    assert [photo.name for photo in controller.photos] == ["c.png"] and controller.current.name == "c.png"
    controller.close_photo(controller.current.key)
    assert controller.current is None and controller.viewer.request is None
    assert (folder / "a.png").is_file()


def test_the_noise_is_measured_and_the_next_photo_read_ahead(
    controller: Controller, folder: Path, qtbot: QtBot
) -> None:
    controller.open([folder])
    _until(qtbot, lambda: controller.viewer.status.state is State.EXACT and controller.current.noise is not None)
    assert controller.current.sigma > 5 and controller.current.status is PhotoStatus.UNSAVED
    ahead = controller.photos[1].key
    _until(qtbot, lambda: controller.pyramid(ahead) is not None)


def test_new_photos_use_the_chosen_preset(controller: Controller, folder: Path, qtbot: QtBot) -> None:
    begun = PhotoSettings(DenoiseOptions(noise_level=9.0, grain=0.2))
    save_preset("Evening", begun.by_class())
    controller.remember(preset="Evening")
    _until(qtbot, controller.files.is_idle)
    qtbot.wait(20)
    controller.open([folder])
    _until(qtbot, lambda: controller.current is not None)
    assert controller.settings.denoise == begun.denoise


def test_preferences_are_saved(controller: Controller, qtbot: QtBot) -> None:
    controller.remember(split_at=0.3, compare="split")
    _until(qtbot, lambda: load_preferences() == Preferences(split_at=0.3, compare="split"))


def test_an_invalid_display_profile_is_reported(controller: Controller, folder: Path, qtbot: QtBot) -> None:
    received: list[Notice] = []
    controller.notice.connect(received.append)
    controller.remember(display_profile=str(folder / "notes.txt"))
    _until(qtbot, lambda: received)
    assert received[0].key == "profile" and "profile" in received[0].text


def test_a_photo_that_was_never_current_can_be_exported(controller: Controller, folder: Path, qtbot: QtBot) -> None:
    controller.open([folder])
    _until(qtbot, lambda: controller.current is not None)
    made: list[object] = []
    failed: list[DenoiserError] = []
    controller.export(controller.photos[2].key, made.append, failed.append)
    _until(qtbot, lambda: made)
    assert not failed and made[0].cleaned.image.width == 100


def test_settings_of_photos_return_with_the_next_window(controller: Controller, folder: Path, qtbot: QtBot) -> None:
    controller.open([folder])
    _until(qtbot, lambda: controller.current is not None)
    controller.change(noise_level=11.0, strip=True)
    assert controller.stop(), "what was changed last is written at the end"
    again = Controller(Preferences())
    again.open([folder])
    _until(qtbot, lambda: again.current is not None)
    wanted = PhotoSettings().changed(noise_level=11.0, strip=True)
    assert again.settings == wanted and not again.history.can_undo
    assert [again.settings_of(photo.key) for photo in again.photos] == [wanted, PhotoSettings(), PhotoSettings()]
    assert again.stop()
    again.deleteLater()


def test_sidecars_are_written_by_choice(controller: Controller, folder: Path, qtbot: QtBot) -> None:
    controller.remember(settings_place="sidecar")
    controller.open([folder / "a.png"])
    _until(qtbot, lambda: controller.current is not None)
    controller.change(noise_level=11.0)
    _until(qtbot, (folder / "a.png.denoise.toml").is_file)


def test_windows_keep_the_preferences_of_each_other(controller: Controller, qtbot: QtBot) -> None:
    other = Controller(Preferences())
    controller.remember(theme="light")
    other.remember(split_at=0.25)
    assert controller.stop() and other.stop()
    assert load_preferences() == Preferences(theme="light", split_at=0.25)
    other.deleteLater()


def test_a_missing_file_is_reported_beside_those_that_open(
    controller: Controller, folder: Path, qtbot: QtBot
) -> None:
    notices: list[Notice] = []
    controller.notice.connect(notices.append)
    controller.open([folder / "a.png", folder / "gone.png"])
    _until(qtbot, lambda: controller.current is not None)
    assert [photo.name for photo in controller.photos] == ["a.png"]
    assert "gone.png does not exist." in [notice.text for notice in notices]


def test_a_folder_is_one_recent_entry(controller: Controller, folder: Path, qtbot: QtBot) -> None:
    controller.open([folder])
    _until(qtbot, lambda: controller.current is not None)
    assert controller.preferences.recent == (f"{folder}/",)
