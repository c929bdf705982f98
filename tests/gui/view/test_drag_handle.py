from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from denoiser import imageio
from denoiser_gui.controller import Controller
from denoiser_gui.model.open_photos import PhotoStatus
from denoiser_gui.model.saving import SaveRequest
from denoiser_gui.qt import QGuiApplication, QMimeData, QPoint, Qt
from denoiser_gui.saver import Saver
from denoiser_gui.view.drag_handle import DragHandle

_PATIENCE = 120_000
Open = Callable[[], Controller]


class _Handle(DragHandle):
    """Keeps what is dragged: the drag of Qt runs until a person releases the button."""

    def __init__(self, controller: Controller, saver: Saver) -> None:
        super().__init__(controller, saver)
        self.dragged: list[QMimeData] = []

    def start(self, data: QMimeData) -> None:
        self.dragged.append(data)


@pytest.fixture
def handle(opened: Open, qtbot: QtBot, tiny_weights: Path) -> _Handle:
    controller = opened()
    handle = _Handle(controller, Saver(controller, controller))
    qtbot.addWidget(handle)
    handle.resize(32, 32)
    handle.show()
    qtbot.waitUntil(handle.isEnabled, timeout=_PATIENCE)
    controller.change(model=str(tiny_weights), device="cpu", precision="fp32", noise_level=9.0)
    return handle


def _pull(handle: DragHandle, qtbot: QtBot) -> None:
    qtbot.mousePress(handle, Qt.MouseButton.LeftButton, pos=QPoint(10, 10))
    qtbot.mouseMove(handle, QPoint(60, 60))


def _file(data: QMimeData) -> Path:
    return Path(data.urls()[0].toLocalFile())


def test_the_dragged_file_is_that_of_saving(
    handle: _Handle, controller: Controller, qtbot: QtBot, tmp_path: Path
) -> None:
    photo = controller.current
    assert photo is not None
    _pull(handle, qtbot)
    qtbot.waitUntil(lambda: len(handle.dragged) == 1, timeout=_PATIENCE)
    saver = Saver(controller, controller)
    with qtbot.waitSignal(saver.saved, timeout=_PATIENCE):
        saver.save_as(photo, SaveRequest(tmp_path / "saved.png", controller.settings))
    dragged = _file(handle.dragged[0])
    assert dragged.name == photo.name
    assert np.array_equal(imageio.read(dragged).pixels, imageio.read(tmp_path / "saved.png").pixels)


def test_dragging_does_not_save(handle: _Handle, controller: Controller, qtbot: QtBot) -> None:
    _pull(handle, qtbot)
    qtbot.waitUntil(lambda: len(handle.dragged) == 1, timeout=_PATIENCE)
    assert controller.current is not None
    assert controller.current.status is PhotoStatus.UNSAVED and controller.current.saved_as is None


def test_the_file_is_made_once_for_the_same_settings(handle: _Handle, controller: Controller, qtbot: QtBot) -> None:
    for count in (1, 2):
        _pull(handle, qtbot)
        qtbot.waitUntil(lambda count=count: len(handle.dragged) == count, timeout=_PATIENCE)
    first, second = (_file(data) for data in handle.dragged)
    assert first == second
    before = imageio.read(first).pixels
    controller.change(noise_level=40.0)
    _pull(handle, qtbot)
    qtbot.waitUntil(lambda: len(handle.dragged) == 3, timeout=_PATIENCE)
    assert not np.array_equal(imageio.read(_file(handle.dragged[2])).pixels, before)


def test_a_handle_that_is_released_early_does_not_drag(handle: _Handle, qtbot: QtBot) -> None:
    _pull(handle, qtbot)
    qtbot.mouseRelease(handle, Qt.MouseButton.LeftButton, pos=QPoint(60, 60))
    with qtbot.waitSignal(handle.file_ready, timeout=_PATIENCE):
        pass
    assert not handle.dragged


def test_a_click_copies_the_file(handle: _Handle, qtbot: QtBot) -> None:
    with qtbot.waitSignal(handle.file_ready, timeout=_PATIENCE):
        qtbot.mouseClick(handle, Qt.MouseButton.LeftButton)
    copied = QGuiApplication.clipboard().mimeData()
    assert copied is not None and _file(copied).is_file() and not handle.dragged
