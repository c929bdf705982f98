"""All widgets: each control has a name for screen readers, and each text goes through `tr`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from denoiser_gui import translation
from denoiser_gui.controller import Controller
from denoiser_gui.model.notices import Notice
from denoiser_gui.model.preferences import Preferences
from denoiser_gui.qt import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QAccessible,
    QApplication,
    QComboBox,
    QHeaderView,
    QLabel,
    QLineEdit,
    QMenu,
    QScrollBar,
    Qt,
    QTabBar,
    QWidget,
)
from denoiser_gui.translation import tr
from denoiser_gui.view import theme
from denoiser_gui.view.dialogs import PreferencesDialog, SaveDialog, ShortcutSheet
from denoiser_gui.view.main_window import MainWindow

_CONTROLS = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QLineEdit, QComboBox, QAbstractItemView)
_OPEN, _CLOSE = "⟦", "⟧"


class _Marked(dict[str, str]):
    """A translation that puts every text in brackets, so that untranslated texts are found."""

    def get(self, text: str, default: object = None) -> str:  # type: ignore[override]
        return f"{_OPEN}{text}{_CLOSE}"


@pytest.fixture
def window(qapp: QApplication, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Iterator[MainWindow]:
    monkeypatch.setattr(translation, "_catalogue", _Marked())
    theme.install(qapp, "dark", "none")
    controller = Controller(Preferences(recent=("/photos/concert/a.jpg",)))
    window = MainWindow(controller)
    qtbot.addWidget(window)
    window.show()
    window.batch.set_open(True)
    window.toasts.show_notice(Notice("a", tr("It failed."), tr("Do so."), action=tr("Again")))
    yield window
    window.close()


def _all(window: MainWindow, tmp_path: Path) -> Iterator[QWidget]:
    """All widgets of the window and its dialogs, except those that Qt creates internally."""
    dialogs = [
        PreferencesDialog(window.controller, window),
        SaveDialog(window.controller, tmp_path / "a.png", window),
        ShortcutSheet(window.actions_.groups, window),
    ]
    for top in (window, *dialogs):
        yield top
        for widget in top.findChildren(QWidget):
            if not widget.objectName().startswith("qt_"):
                yield widget


def _is_inner(widget: QWidget) -> bool:
    """Whether it is part of another control that has the name."""
    parent = widget.parentWidget()
    while parent is not None:
        if isinstance(parent, QComboBox | QTabBar | QAbstractSpinBox) or isinstance(
            widget, QScrollBar | QHeaderView
        ):
            return True
        parent = parent.parentWidget()
    return False


def test_every_control_has_a_name(window: MainWindow, tmp_path: Path) -> None:
    nameless, count = [], 0
    for widget in _all(window, tmp_path):
        if not isinstance(widget, _CONTROLS) or _is_inner(widget):
            continue
        count += 1
        own = widget.text() if isinstance(widget, QAbstractButton) else ""
        if not (widget.accessibleName() or own.strip(" ⟦⟧")):
            nameless.append(
                f"{type(widget).__name__} in {type(widget.parentWidget()).__name__} {widget.objectName()}"
            )
    assert count > 40
    assert not nameless, f"setAccessibleName(tr(…)) on these: {nameless}"


def test_screen_readers_get_a_name_and_an_understandable_value(window: MainWindow, tmp_path: Path) -> None:
    poor, count = [], 0
    for widget in _all(window, tmp_path):
        if not isinstance(widget, _CONTROLS) or _is_inner(widget):
            continue
        count += 1
        found = QAccessible.queryAccessibleInterface(widget)
        name, value = found.text(QAccessible.Text.Name), found.text(QAccessible.Text.Value)
        place = f"{type(widget).__name__} {name!r} {value!r}"
        if not name or found.role() is QAccessible.Role.NoRole:
            poor.append(place)
        if isinstance(widget, QComboBox) and (name != widget.accessibleName() or value != widget.currentText()):
            poor.append(place)
        if isinstance(widget, QAbstractSlider) and not re.search(r"^\S*\s?\d+(\.\d)?.? [%σ]", value):
            poor.append(place)
    assert count > 40
    assert not poor


def test_every_control_is_reached_by_the_keyboard(window: MainWindow, tmp_path: Path) -> None:
    unreachable = [
        f"{type(widget).__name__} {widget.accessibleName() or widget.objectName()}"
        for widget in _all(window, tmp_path)
        if isinstance(widget, _CONTROLS)
        and not _is_inner(widget)
        and widget.isEnabled()
        and not widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not (isinstance(widget, QAbstractButton) and _has_shortcut(window, widget))
    ]
    assert not unreachable, f"not reachable by keyboard: {unreachable}"


def _has_shortcut(window: MainWindow, button: QAbstractButton) -> bool:
    """Whether an action with a shortcut does the same."""
    action = getattr(button, "defaultAction", lambda: None)()
    return bool(action and action.shortcuts())


def test_every_word_can_be_translated(window: MainWindow, tmp_path: Path) -> None:
    bare = set()
    for widget in (widget for widget in _all(window, tmp_path) if not _is_inner(widget)):
        for text in _texts(widget):
            rest = re.sub(f"{_OPEN}.*{_CLOSE}", "", text, flags=re.DOTALL)
            if re.search(r"[A-Za-z]{3,}", rest) and not _is_no_word(rest):
                bare.add(f"{type(widget).__name__}: {text!r}")
    assert not bare, f"hand these to tr(): {sorted(bare)}"


def _texts(widget: QWidget) -> Iterator[str]:
    yield from (widget.toolTip(), widget.accessibleName(), widget.accessibleDescription(), widget.windowTitle())
    if isinstance(widget, QLabel | QAbstractButton | QLineEdit):
        yield widget.text()
    if isinstance(widget, QLineEdit):
        yield widget.placeholderText()
    if isinstance(widget, QComboBox):
        yield from (widget.itemText(row) for row in range(widget.count()))
    if isinstance(widget, QMenu):
        yield from (action.text() for action in widget.actions())


# The app, keys, formats, models, devices and number formats are called the same in all languages; paths are names.
_SAME = re.compile(
    r"denoise|Ctrl|Shift|Alt|Left|Right|Up|Down|Space|Home|End|Del|Tab|F\d|\.\w+|JPEG|PNG|TIFF|WebP|AVIF|XL|CUDA|CPU|MPS|"
    r"fast|best|bf16|fp32|int8|English|sRGB|Apple GPU|/\S+|~\S*"
)


def _is_no_word(text: str) -> bool:
    return not re.search(r"[A-Za-z]{3,}", _SAME.sub("", text))
