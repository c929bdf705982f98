"""A controller with small photos for widget tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser import imageio
from denoiser.image import from_numpy
from denoiser_gui.controller import Controller
from denoiser_gui.model.preferences import Preferences
from denoiser_gui.qt import QApplication
from denoiser_gui.view import theme


@pytest.fixture
def controller(
    model: None, qapp: QApplication, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Controller]:
    """A controller with default preferences; its threads end with the test."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    theme.install(qapp, "dark")
    controller = Controller(Preferences())
    yield controller
    assert any(controller.stop() for _ in range(15))  # each waits a second or two, and others may use the machine
    controller.deleteLater()


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Three photos of noise and one invalid file."""
    paths = [tmp_path / "photos" / name for name in ("a.png", "b.jpg", "c.png")]
    for number, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        values = np.random.default_rng(number).normal(128, 9, (72, 96, 3)).clip(0, 255).astype(np.uint8)
        imageio.write(from_numpy(values), path)
    broken = tmp_path / "photos" / "d.png"
    broken.write_bytes(b"no image")
    return [*paths, broken]


@pytest.fixture
def opened(controller: Controller, photos: list[Path], qtbot: QtBot) -> Callable[[], Controller]:
    """Opens the photos after the widgets are connected."""

    def open_them() -> Controller:
        controller.open(photos)
        qtbot.waitUntil(
            lambda: len(controller.photos) == len(photos) and controller.current is not None, timeout=20_000
        )
        return controller

    return open_them
