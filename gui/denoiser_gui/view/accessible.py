"""Names and values of controls for screen readers, where those of Qt are not understandable.

Qt reads sliders as positions, such as "1915", and on Linux uses the current choice of a combo box as its name.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from denoiser_gui import qt
from denoiser_gui.view.widgets import Dropdown, ValueSlider

_Text, _Role, _Type = qt.QAccessible.Text, qt.QAccessible.Role, qt.QAccessible.InterfaceType


@cache
def install() -> None:
    """Register the interfaces below, once per process."""
    qt.QAccessible.installFactory(_interface_of)


def _interface_of(_class_name: str, thing: qt.QObject) -> qt.QAccessibleInterface | None:
    if isinstance(thing, ValueSlider):
        return _Slider(thing)
    return _Choice(thing) if isinstance(thing, Dropdown) else None


class _Choice(qt.QAccessibleWidget):
    """A combo box: its label is the name, its choice the value."""

    def __init__(self, box: Dropdown) -> None:
        super().__init__(box, _Role.ComboBox)
        self._box = box

    def text(self, kind: qt.QAccessible.Text) -> str:
        return self._box.currentText() if kind is _Text.Value else super().text(kind)


class _Slider(qt.QAccessibleWidget):
    """A slider: its value has a unit."""

    def __init__(self, slider: ValueSlider) -> None:
        super().__init__(slider, _Role.Slider)
        self._slider, self._number = slider, _Number(slider)

    def text(self, kind: qt.QAccessible.Text) -> str:
        return self._slider.spoken if kind is _Text.Value else super().text(kind)

    def interface_cast(self, kind: qt.QAccessible.InterfaceType) -> Any:
        return self._number if kind is _Type.ValueInterface else super().interface_cast(kind)


class _Number(qt.QAccessibleValueInterface):
    """The value of a slider as a number in its unit."""

    def __init__(self, slider: ValueSlider) -> None:
        super().__init__()
        self._slider = slider

    def currentValue(self) -> float:
        return round(self._slider.amount * self._slider.factor, 2)

    def setCurrentValue(self, value: float) -> None:
        self._slider.set_position_of(value / self._slider.factor)

    def minimumValue(self) -> float:
        return self._slider.limits[0] * self._slider.factor

    def maximumValue(self) -> float:
        return self._slider.limits[1] * self._slider.factor

    def minimumStepSize(self) -> float:
        return 10.0**-self._slider.decimals
