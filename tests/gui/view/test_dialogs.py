from __future__ import annotations

from pytestqt.qtbot import QtBot

from denoiser_gui.controller import Controller
from denoiser_gui.model.preferences import load_preferences
from denoiser_gui.qt import QAction, QComboBox, QKeySequence, QLabel, QObject, Qt, QWidget
from denoiser_gui.view import theme
from denoiser_gui.view.colours import LIGHT
from denoiser_gui.view.dialogs import PreferencesDialog, QuestionDialog, ShortcutSheet


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
    _choose(dialog, "surround", "black")
    assert theme.current().surround == "#000000"
    _choose(dialog, "surround", "theme")
    assert theme.current().surround == LIGHT.canvas
    _choose(dialog, "motion", "none")
    assert theme.animation_ms() == 0
    assert not dialog._restart.isVisible()
    _choose(dialog, "language", "zh")
    assert dialog._restart.isVisible()
    qtbot.waitUntil(lambda: load_preferences().language == "zh", timeout=10_000)
    assert load_preferences().theme == "light"


def test_every_choice_has_words(controller: Controller, qtbot: QtBot) -> None:
    dialog = PreferencesDialog(controller)
    qtbot.addWidget(dialog)
    boxes = dialog.findChildren(QComboBox)
    assert len(boxes) == 5
    for box in boxes:
        assert box.accessibleName() and box.currentText()
    assert all(label.text() for label in dialog.findChildren(QLabel))


def _action(parent: QObject, words: str, *keys: str) -> QAction:
    action = QAction(words, parent)
    action.setShortcuts([QKeySequence(key) for key in keys])
    return action


def test_it_lists_the_shortcuts_of_the_actions(qtbot: QtBot) -> None:
    owner = QObject()
    groups = (
        ("File", (_action(owner, "&Open…", "Ctrl+O"), _action(owner, "No key"))),
        ("View", (_action(owner, "Fit", "F", "Ctrl+0"),)),
        ("Nothing", (_action(owner, "No key either"),)),
    )
    sheet = ShortcutSheet(groups)
    qtbot.addWidget(sheet)
    sheet.show()
    words = {label.text() for label in sheet.findChildren(QLabel)}
    assert {"File", "Open", "Ctrl+O", "View", "Fit", "F · Ctrl+0"} <= words
    assert not {"Nothing", "No key", "No key either"} & words
    assert not sheet.isModal()


def test_a_question_keeps_things_as_they_are_by_default(qtbot: QtBot) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    question = QuestionDialog(window, "Quit", ("Stop?", "Photos are kept."), "Stop", "Keep running")
    answers: list[int] = []
    question.finished.connect(answers.append)
    question.open()
    qtbot.keyClick(question, Qt.Key.Key_Return)
    assert answers == [QuestionDialog.DialogCode.Rejected]
    question = QuestionDialog(window, "Quit", ("Stop?", "Photos are kept."), "Stop", "Keep running")
    question.finished.connect(answers.append)
    question.open()
    question.act.click()
    assert answers[-1] == QuestionDialog.DialogCode.Accepted
