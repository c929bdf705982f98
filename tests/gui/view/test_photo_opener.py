from __future__ import annotations

import dataclasses
from pathlib import Path

from pytestqt.qtbot import QtBot

from denoiser_gui.controller import Controller
from denoiser_gui.qt import QPushButton
from denoiser_gui.view.photo_opener import EmptyState


def _button(state: EmptyState, words: str) -> QPushButton:
    return next(button for button in state.findChildren(QPushButton) if words in button.text())


def test_it_offers_files_and_a_sample(controller: Controller, qtbot: QtBot) -> None:
    state = EmptyState(controller)
    qtbot.addWidget(state)
    state.resize(900, 600)
    state.show()
    with qtbot.waitSignal(state.open_requested):
        _button(state, "Open photos").click()
    with qtbot.waitSignal(state.sample_requested):
        _button(state, "sample").click()


def test_it_offers_the_two_most_recent_folders(controller: Controller, qtbot: QtBot) -> None:
    opened = ["/p/one/1.jpg", "/p/one/2.jpg", "/p/two/", "/p/three/1.jpg"]
    controller.preferences = dataclasses.replace(controller.preferences).with_opened(opened)
    state = EmptyState(controller)
    qtbot.addWidget(state)
    with qtbot.waitSignal(state.folder_requested) as wanted:
        _button(state, "/p/two").click()
    assert wanted.args == [Path("/p/two")]
    assert not [button for button in state.findChildren(QPushButton) if "three" in button.text()]


def test_a_drag_highlights_it(controller: Controller, qtbot: QtBot) -> None:
    state = EmptyState(controller)
    qtbot.addWidget(state)
    state.resize(900, 600)
    calm = state.grab().toImage()
    state.set_hovered(True)
    assert state.grab().toImage() != calm
    state.set_hovered(False)
    assert state.grab().toImage() == calm
