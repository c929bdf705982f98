from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser import imageio
from denoiser.image import from_numpy
from denoiser_gui.controller import Controller
from denoiser_gui.model.notices import Notice
from denoiser_gui.model.open_photos import PhotoStatus
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.model.preferences import Preferences
from denoiser_gui.model.stored_settings import load_settings
from denoiser_gui.qt import QApplication
from denoiser_gui.settings_copier import SettingsCopier

_WANTED = PhotoSettings().changed(strength=0.7, detail=0.2)


@pytest.fixture
def controller(model: None, qapp: QApplication, tmp_path: Path, qtbot: QtBot) -> Iterator[Controller]:
    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for number, path in enumerate(paths):
        values = np.random.default_rng(number).normal(120, 12, (80, 100, 3)).clip(0, 255).astype(np.uint8)
        imageio.write(from_numpy(values), path)
    controller = Controller(Preferences())
    controller.viewer.set_pane(200, 160)
    controller.open(paths)
    qtbot.waitUntil(lambda: controller.current is not None and controller.current.sigma is not None, timeout=60_000)
    yield controller
    assert any(controller.stop() for _ in range(4))
    controller.deleteLater()


def _keys(controller: Controller) -> list[int]:
    return [photo.key for photo in controller.photos]


def _all(controller: Controller) -> list[PhotoSettings]:
    return [controller.settings_of(key) for key in _keys(controller)]


def test_settings_are_copied_and_pasted(controller: Controller, tmp_path: Path) -> None:
    copier = SettingsCopier(controller)
    assert not copier.can_paste
    controller.change(strength=0.7, detail=0.2)
    copier.copy()
    controller.change(strength=0.1)
    copier.paste(_keys(controller)[1:])
    assert _all(controller) == [_WANTED.changed(strength=0.1), _WANTED, _WANTED]
    copier.paste(_keys(controller)[:1])
    assert controller.settings == _WANTED and controller.history.can_undo
    assert controller.viewer.request is not None and controller.viewer.request.options == _WANTED.denoise
    controller.stop()
    assert load_settings(tmp_path / "c.png") == _WANTED


def test_one_step_changes_the_selected_photos_and_one_undoes_it(controller: Controller) -> None:
    copier = SettingsCopier(controller)
    notices: list[Notice] = []
    controller.notice.connect(notices.append)
    keys = _keys(controller)
    controller.change(strength=0.7, detail=0.2)
    controller.update_photo(keys[1], status=PhotoStatus.SAVED)
    copier.sync(keys[:2])
    assert _all(controller) == [_WANTED, _WANTED, PhotoSettings()]
    assert controller.photos[1].status is PhotoStatus.UNSAVED
    assert notices[-1].act is not None
    notices[-1].act()
    assert _all(controller) == [_WANTED, PhotoSettings(), PhotoSettings()], "the current photo had them before"


def test_the_noise_level_stays_automatic_or_is_that_of_the_current_photo(controller: Controller) -> None:
    copier = SettingsCopier(controller)
    keys = _keys(controller)
    copier.sync(keys)
    assert all(settings.denoise.noise_level is None for settings in _all(controller))
    copier.sync(keys, one_level=True)
    assert controller.current is not None and controller.current.sigma is not None
    level = pytest.approx(controller.current.sigma, abs=0.06)
    assert all(settings.denoise.noise_level == level for settings in _all(controller))
