"""A desk with small photos, for the widgets that show them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser import imageio
from denoiser.image import from_numpy
from denoiser_gui.desk import Desk
from denoiser_gui.model.preferences import Preferences
from denoiser_gui.qt import QApplication
from denoiser_gui.view import theme


@pytest.fixture
def desk(network: None, qapp: QApplication, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Desk]:
    """A desk of its own, which remembers nothing and ends its threads."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    theme.install(qapp, "dark")
    desk = Desk(Preferences())
    yield desk
    assert any(desk.stop() for _ in range(15))  # each waits a second or two, and others may use the machine
    desk.deleteLater()


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Three photos of noise and one that is none."""
    paths = [tmp_path / "photos" / name for name in ("a.png", "b.jpg", "c.png")]
    for number, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        values = np.random.default_rng(number).normal(128, 9, (72, 96, 3)).clip(0, 255).astype(np.uint8)
        imageio.write(from_numpy(values), path)
    broken = tmp_path / "photos" / "d.png"
    broken.write_bytes(b"no picture")
    return [*paths, broken]


@pytest.fixture
def opened(desk: Desk, photos: list[Path], qtbot: QtBot) -> Callable[[], Desk]:
    """Opens the photos, once everybody listens."""

    def open_them() -> Desk:
        desk.open(photos)
        qtbot.waitUntil(lambda: len(desk.photos) == len(photos) and desk.current is not None, timeout=20_000)
        return desk

    return open_them
