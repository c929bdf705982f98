from __future__ import annotations

from pytestqt.qtbot import QtBot

from denoiser_gui.controller import Controller
from denoiser_gui.model.preferences import load_preferences
from denoiser_gui.qt import QComboBox, QLabel
from denoiser_gui.view import theme
from denoiser_gui.view.colours import LIGHT
from denoiser_gui.view.dialogs import PreferencesDialog


def _choose(dialog: PreferencesDialog, field: str, value: str) -> None:
    box = dialog.findChild(QComboBox, field)
    assert box is not None
    row = box.findData(value)
    assert row >= 0
    box.setCurrentIndex(row)
    box.activated.emit(row)  # what a choice by hand emits


def test_a_choice_applies_at_once_and_is_saved(controller: Controller, qtbot: QtBot) -> None:
    dialog = PreferencesDialog(controller)
    qtbot.addWidget(dialog)
    dialog.show()
    _choose(dialog, "theme", "light")
    assert theme.current().colours is LIGHT
    _choose(dialog, "motion", "none")
    assert theme.motion() == 0
    assert not dialog._restart.isVisible()
    _choose(dialog, "language", "zh")
    assert dialog._restart.isVisible()
    qtbot.waitUntil(lambda: load_preferences().language == "zh", timeout=10_000)
    assert load_preferences().theme == "light"


def test_every_choice_has_words(controller: Controller, qtbot: QtBot) -> None:
    dialog = PreferencesDialog(controller)
    qtbot.addWidget(dialog)
    boxes = dialog.findChildren(QComboBox)
    assert len(boxes) == 3
    for box in boxes:
        assert box.accessibleName() and box.currentText()
    assert all(label.text() for label in dialog.findChildren(QLabel))
