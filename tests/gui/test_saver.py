"""Saving with more bits than the photo has: the file of the command line, and the photo in the window unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser import imageio
from denoiser.batch import Settings, carry_out, make_plan
from denoiser.image import from_numpy
from denoiser.options import WriteOptions
from denoiser_gui.controller import Controller
from denoiser_gui.model.preferences import Preferences
from denoiser_gui.model.saving import SaveRequest
from denoiser_gui.qt import QApplication
from denoiser_gui.saver import Saver

_PATIENCE = 120_000


@pytest.fixture
def controller(model: None, qapp: QApplication) -> Iterator[Controller]:
    controller = Controller(Preferences())
    yield controller
    controller.stop()


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    values = np.random.default_rng(5).normal(110, 14, (90, 120, 3)).clip(0, 255).astype(np.uint8)
    imageio.write(from_numpy(values), path)
    return path


def test_more_bits_have_the_precision_of_the_model(
    controller: Controller, photo: Path, tiny_weights: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    saver = Saver(controller)
    controller.open([photo])
    qtbot.waitUntil(lambda: controller.current_pyramid is not None, timeout=_PATIENCE)
    controller.change(model=str(tiny_weights), device="cpu", precision="fp32", noise_level=12.0, tile=512)
    settings = controller.settings.changed(depth="16")
    target, there = tmp_path / "window.png", tmp_path / "command.png"
    with qtbot.waitSignal(saver.saved, timeout=_PATIENCE):
        saver.save_as(controller.current, SaveRequest(target, settings))
    run = Settings(settings.denoise, write=WriteOptions(depth="16"))
    assert carry_out(make_plan(photo, there, run), run).done == 1
    here = imageio.read(target)
    assert here.bits == 16 and (here.pixels % 257 != 0).any(), "8 bits were only converted"
    assert np.array_equal(here.pixels, imageio.read(there).pixels)
    assert controller.current_pyramid is not None and controller.current_pyramid.image.bits == 8


def test_saving_uses_place_and_names_of_the_export_settings(
    controller: Controller, photo: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    saver = Saver(controller)
    controller.open([photo])
    qtbot.waitUntil(lambda: controller.current_pyramid is not None, timeout=_PATIENCE)
    current = controller.current
    assert current is not None
    controller.remember(batch_folder=str(tmp_path / "all"))
    assert saver.target_of(current) == tmp_path / "clean" / "a.png", "of a batch with subfolders"
    controller.remember(export_place="folder", export_name="{name}-dn")
    assert saver.target_of(current) == tmp_path / "all" / "a-dn.png"
    controller.remember(export_place="beside")
    assert saver.target_of(current) == tmp_path / "a-dn.png"


def test_a_copy_can_be_made_while_the_photo_is_saved(
    controller: Controller, photo: Path, tiny_weights: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    saver = Saver(controller)
    controller.open([photo])
    qtbot.waitUntil(lambda: controller.current_pyramid is not None, timeout=_PATIENCE)
    controller.change(model=str(tiny_weights), device="cpu", precision="fp32", noise_level=12.0)
    current = controller.current
    assert current is not None
    copies: list[tuple[Path, bool]] = []  # and whether another file is not written yet
    saver.save_as(current, SaveRequest(tmp_path / "saved.png", controller.settings))
    saver.write_copy(
        current, tmp_path / "copy.png", lambda path: copies.append((path, saver.is_busy)), lambda: None
    )
    qtbot.waitUntil(lambda: bool(copies) and (tmp_path / "saved.png").is_file(), timeout=_PATIENCE)
    qtbot.waitUntil(lambda: not saver.is_busy, timeout=_PATIENCE)
    assert copies == [(tmp_path / "copy.png", True)]
    assert np.array_equal(imageio.read(copies[0][0]).pixels, imageio.read(tmp_path / "saved.png").pixels)
    assert controller.photos[0].saved_as == tmp_path / "saved.png"
