"""Fixtures for all tests of the window: clean-up checks, and a configuration folder for each test.

Without Qt only the tests that do not need it are collected: `model/`, translations and installation.
"""

from __future__ import annotations

import gc
import importlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from pytestqt.qtbot import QtBot

    from denoiser_gui.controller import Controller
    from denoiser_gui.qt import QApplication
    from denoiser_gui.view.main_window import MainWindow

_PATIENCE = 5.0  # seconds that a thread gets to end after the test
_MODULES = "accessible app controller desktop display_profile qt saver views window worker"
_NEEDS_QT = ["view", *(f"test_{name}.py" for name in _MODULES.split())]


def _has_qt() -> bool:
    try:
        importlib.import_module("denoiser_gui.qt")
    except ImportError:
        return False
    return True


collect_ignore = [] if _has_qt() else _NEEDS_QT


@pytest.fixture(autouse=True)
def _configuration_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Folders for configuration and data for each test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data-of-the-test"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config-of-the-test"))


@pytest.fixture(scope="session")
def model() -> None:
    """Loads the model in advance: importing torch cannot be cancelled, and would delay the end of a test."""
    from denoiser.engine.session import Session
    from denoiser.estimation.estimator import estimate_noise
    from denoiser.image import from_numpy

    session = Session()
    image = from_numpy(np.zeros((80, 80, 3), np.uint8))
    session.clean(image, estimate=estimate_noise(image))


@pytest.fixture(autouse=True)
def _nothing_is_left_running() -> Iterator[None]:
    """Fails a test that leaves a thread, a window or an active timer behind."""
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + _PATIENCE
    while (left := _threads(before)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left, f"threads are left: {left}; stop the controller, window or worker that started them"
    ticking, windows = _of_qt()
    assert not ticking, f"timers still tick: {ticking}"
    assert not windows, f"windows are left: {windows}; hand them to qtbot.addWidget, or close them"


def _threads(before: set[threading.Thread]) -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread not in before and "denoise" in thread.name]


def _of_qt() -> tuple[list[str], list[str]]:
    """Active timers and visible windows."""
    import sys

    if "PySide6.QtWidgets" not in sys.modules:
        return [], []
    from denoiser_gui.qt import QApplication, QEvent, QTimer

    app = QApplication.instance()
    if not isinstance(app, QApplication):
        return [], []
    app.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    app.processEvents()
    gc.collect()
    # By type: some torch objects warn when `__class__` is read.
    timers = [thing for thing in gc.get_objects() if issubclass(type(thing), QTimer)]
    ticking = [repr(timer.parent()) for timer in timers if _is_ticking(timer)]
    return ticking, [repr(window) for window in app.topLevelWidgets() if window.isVisible()]


def _is_ticking(timer: object) -> bool:
    try:
        return bool(timer.isActive())  # type: ignore[attr-defined]
    except RuntimeError:  # already deleted by Qt
        return False


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A noisy photo of 420 × 300 pixels."""
    from skimage import data

    from denoiser import imageio
    from denoiser.image import from_numpy

    noise = np.random.default_rng(4).normal(size=(300, 420, 3)) * 18
    values = np.clip(np.rint(data.astronaut()[:300, :420] + noise), 0, 255).astype(np.uint8)
    path = tmp_path / "photos" / "portrait.png"
    path.parent.mkdir()
    imageio.write(from_numpy(values), path)
    return path


@pytest.fixture
def controller(model: None, qapp: QApplication) -> Iterator[Controller]:
    """A controller with a small pane."""
    from denoiser_gui.controller import Controller
    from denoiser_gui.model.preferences import Preferences

    controller = Controller(Preferences())
    controller.viewer.set_pane(200, 160)
    yield controller
    assert any(controller.stop() for _ in range(4))  # each waits a second or two, and others may use the machine
    controller.deleteLater()


@pytest.fixture
def window(model: None, qapp: QApplication, qtbot: QtBot) -> Iterator[MainWindow]:
    """The main window, empty."""
    from denoiser_gui.controller import Controller
    from denoiser_gui.model.preferences import Preferences
    from denoiser_gui.view import theme
    from denoiser_gui.view.main_window import MainWindow

    theme.install(qapp, "dark")
    window = MainWindow(Controller(Preferences()))
    window.show()
    qtbot.waitExposed(window)
    yield window
    window.saver.stop()
    window.close()
    window.controller.deleteLater()
    window.deleteLater()


@pytest.fixture
def opened(window: MainWindow, photo: Path, qtbot: QtBot) -> MainWindow:
    """The main window with an exact view of the photo."""
    from denoiser_gui.model.requests import State

    window.controller.open([photo])
    qtbot.waitUntil(lambda: window.canvas.shown_state is State.EXACT, timeout=60_000)
    return window
