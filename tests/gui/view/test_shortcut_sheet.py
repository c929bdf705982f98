from __future__ import annotations

from pytestqt.qtbot import QtBot

from denoiser_gui.qt import QAction, QKeySequence, QLabel, QObject
from denoiser_gui.view.dialogs import ShortcutSheet


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
