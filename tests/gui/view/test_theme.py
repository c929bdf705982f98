from __future__ import annotations

import re

import pytest
from pytestqt.qtbot import QtBot

from denoiser_gui.qt import QApplication, QColor, QGuiApplication, QLabel, QPushButton, Qt
from denoiser_gui.view import theme
from denoiser_gui.view.colours import DARK, LIGHT
from denoiser_gui.view.theme import style_sheet


def test_a_theme_is_applied_to_the_application(qapp: QApplication) -> None:
    look = theme.install(qapp, "light")
    assert theme.current() is look
    assert qapp.palette().window().color() == QColor(LIGHT.window)
    assert LIGHT.accent in qapp.styleSheet()
    assert theme.colour("accent", 0.5).alphaF() == pytest.approx(0.5, abs=0.01)


def test_changing_the_theme_emits_changed(qapp: QApplication, qtbot: QtBot) -> None:
    look = theme.install(qapp, "light")
    button = QPushButton("Save")
    qtbot.addWidget(button)
    button.setProperty("role", "primary")
    with qtbot.waitSignal(look.changed):
        look.choose("dark")
    button.ensurePolished()
    assert button.palette().button().color() == QColor(DARK.accent)
    look.choose("dark")
    assert look.colours is DARK


@pytest.mark.parametrize(("scheme", "colours"), [(Qt.ColorScheme.Light, LIGHT), (Qt.ColorScheme.Dark, DARK)])
def test_it_follows_the_system_by_default(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch, scheme: Qt.ColorScheme, colours: object
) -> None:
    look = theme.install(qapp, "system")
    hints = QGuiApplication.styleHints()
    monkeypatch.setattr(type(hints), "colorScheme", lambda _self: scheme)
    hints.colorSchemeChanged.emit(scheme)  # what Qt does when the desktop changes
    assert look.colours is colours
    look.choose("light")
    hints.colorSchemeChanged.emit(scheme)
    assert look.colours is LIGHT


def test_animation_can_be_disabled_and_is_short(qapp: QApplication) -> None:
    look = theme.install(qapp, "dark", "system")
    assert theme.animation_ms() <= theme.ANIMATION_MS < 150
    look.choose("dark", "none")
    assert theme.animation_ms() == 0


def test_digits_have_equal_width(qapp: QApplication) -> None:
    font = theme.interface_font()
    assert font.pixelSize() == theme.FONT_PX
    assert any(tag.toString().data().decode() == "tnum" for tag in font.featureTags())


@pytest.mark.parametrize("colours", [DARK, LIGHT], ids=["dark", "light"])
def test_the_style_sheet_is_complete(colours: object, qapp: QApplication, qtbot: QtBot) -> None:
    sheet = style_sheet(colours)  # type: ignore[arg-type]
    assert "%(" not in sheet
    assert sheet.count("{") == sheet.count("}") > 50
    for image in re.findall(r'url\("([^"]+)"\)', sheet):
        with open(image, encoding="utf-8") as file:
            drawing = file.read()
        assert getattr(colours, "second" if "arrow" in image else "on_accent") in drawing, "the tint differs"
    label = QLabel("x")
    qtbot.addWidget(label)
    label.setStyleSheet(sheet)  # Qt logs what it cannot parse, and a log line fails the test
    label.show()
