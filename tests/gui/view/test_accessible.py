from __future__ import annotations

import pytest
from pytestqt.qtbot import QtBot

from denoiser.options import DenoiseOptions, controls
from denoiser_gui.qt import QAccessible, QWidget
from denoiser_gui.view import accessible
from denoiser_gui.view.control_rows import ChoiceRow, LevelRow, ShareRow, row_for


def _heard(widget: QWidget) -> tuple[str, str, QAccessible.Role]:
    """Name, value and role as a screen reader gets them."""
    accessible.install()
    found = QAccessible.queryAccessibleInterface(widget)
    assert found is not None
    return found.text(QAccessible.Text.Name), found.text(QAccessible.Text.Value), found.role()


def _row(name: str, default: object, qtbot: QtBot) -> QWidget:
    row = row_for(name, controls(DenoiseOptions)[name], default)
    qtbot.addWidget(row)
    return row


def test_sliders_have_values_with_units(qtbot: QtBot) -> None:
    strength = _row("strength", 1.0, qtbot)
    assert isinstance(strength, ShareRow)
    strength.show_value(0.3)
    assert _heard(strength.slider) == ("Strength", "30 %", QAccessible.Role.Slider)
    level = _row("noise_level", None, qtbot)
    assert isinstance(level, LevelRow)
    level.show_value(19.1)
    assert _heard(level.slider)[:2] == ("Noise level", "19.1 σ")
    level.show_estimate(4.7)
    level.show_value(None)
    assert _heard(level.slider)[:2] == ("Noise level", "Auto 4.7 σ")


def test_a_slider_can_be_set_in_its_unit(qtbot: QtBot) -> None:
    strength = _row("strength", 1.0, qtbot)
    assert isinstance(strength, ShareRow)
    strength.show_value(0.3)
    accessible.install()
    found = QAccessible.queryAccessibleInterface(strength.slider)
    assert found is not None
    number = found.valueInterface()
    assert (number.currentValue(), number.minimumValue(), number.maximumValue()) == (30.0, 0.0, 100.0)
    chosen: list[object] = []
    strength.chosen.connect(lambda _name, value: chosen.append(value))
    number.setCurrentValue(45.0)
    assert chosen == [pytest.approx(0.45)]


def test_combo_boxes_are_called_by_their_label(qtbot: QtBot) -> None:
    device = _row("device", "auto", qtbot)
    assert isinstance(device, ChoiceRow)
    device.show_value("cpu")
    assert _heard(device.box) == ("Device", "CPU", QAccessible.Role.ComboBox)
