"""Closing the window during a batch, and its queue at the next start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser import imageio
from denoiser.image import from_numpy
from denoiser_gui.batch_control import BatchStatus
from denoiser_gui.controller import Controller
from denoiser_gui.model.batch_queue import RowState
from denoiser_gui.model.preferences import Preferences
from denoiser_gui.qt import QApplication
from denoiser_gui.view import theme
from denoiser_gui.view.main_window import MainWindow


@pytest.fixture
def new_window(model: None, qapp: QApplication, qtbot: QtBot) -> Iterator[Callable[[], MainWindow]]:
    theme.install(qapp, "dark", "none")
    made: list[MainWindow] = []

    def make() -> MainWindow:
        made.append(MainWindow(Controller(Preferences())))
        made[-1].show()
        return made[-1]

    yield make
    for window in made:
        window.quit()
        window.controller.deleteLater()
        window.deleteLater()


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "photos" / f"{name}.png" for name in "abc"]
    for number, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        values = np.random.default_rng(number).normal(120, 12, (80, 100, 3)).clip(0, 255).astype(np.uint8)
        imageio.write(from_numpy(values), path)
    return paths


def _paused(window: MainWindow, photos: list[Path], qtbot: QtBot) -> None:
    """Start a batch and pause it after the first tile."""
    control = window.batch.control
    window.controller.change(noise_level=14.0)
    window.batch.add(photos)
    control.start(photos[0].parent / "out")
    control.pause()
    qtbot.waitUntil(lambda: control.status is BatchStatus.PAUSED, timeout=60_000)


def test_closing_during_a_batch_asks(
    new_window: Callable[[], MainWindow], photos: list[Path], qtbot: QtBot
) -> None:
    window = new_window()
    _paused(window, photos, qtbot)
    window.close()
    assert window.isVisible() and window.closing.question is not None and window.batch.control.is_running
    window.closing.question.keep.click()
    assert window.closing.question is None and window.batch.control.is_running
    window.close()
    assert window.closing.question is not None
    window.closing.question.act.click()
    assert not window.isVisible()


def test_a_signal_closes_without_a_question(
    new_window: Callable[[], MainWindow], photos: list[Path], qtbot: QtBot
) -> None:
    window = new_window()
    _paused(window, photos, qtbot)
    window.quit()
    assert not window.isVisible()


def test_the_queue_returns_at_the_next_start(
    new_window: Callable[[], MainWindow], photos: list[Path], qtbot: QtBot
) -> None:
    window = new_window()
    _paused(window, photos, qtbot)
    done = {row.source for row in window.batch.control.queue.in_state(RowState.DONE)}
    window.quit()
    again = new_window()
    control = again.batch.control
    qtbot.waitUntil(lambda: bool(control.queue.rows))
    rows = control.queue.rows
    assert [row.source for row in rows] == [path for path in photos if path not in done]
    assert all(row.state is RowState.WAITING for row in rows)
    assert all(row.settings.denoise.noise_level == 14.0 for row in rows)
    assert "batch" in again.toasts.keys
    control.start(photos[0].parent / "out")
    qtbot.waitUntil(lambda: not control.is_running, timeout=60_000)
    assert {path.name for path in (photos[0].parent / "out").glob("*.png")} == {path.name for path in photos}


def test_a_second_window_leaves_the_queue_to_the_first(
    new_window: Callable[[], MainWindow], photos: list[Path], qtbot: QtBot
) -> None:
    first, second = new_window(), new_window()
    first.batch.add(photos)
    second.quit()
    first.quit()
    third = new_window()
    qtbot.waitUntil(lambda: len(third.batch.control.queue.rows) == 3)
