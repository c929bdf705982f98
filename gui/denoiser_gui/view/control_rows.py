"""Rows of the panel: one for each option, built from denoiser.options so that none is missing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from denoiser.options import Control
from denoiser_gui.qt import QPainter, QPaintEvent, QWidget, Signal
from denoiser_gui.translation import tr
from denoiser_gui.view import theme
from denoiser_gui.view.widgets import STRETCH, NumberBox, ValueSlider, column, label, plain_combo, row

_TICKS = (5.0, 10.0, 25.0, 50.0)  # sigmas of the scale between its ends
_TICK, _TICK_FONT = 5, 10  # px
_BEND = 0.6  # exponent of the noise level slider: its first half covers sigma 0 to 24, where most photos are


class ControlRow(QWidget):
    """Shows one option and emits `chosen` when the user sets it."""

    chosen = Signal(str, object)  # name of the option, value

    def __init__(self, name: str, control: Control, default: Any) -> None:
        super().__init__()
        self.name, self.control, self.default = name, control, default
        self.setToolTip(tr(control.help))

    def show_value(self, value: Any) -> None:
        """Show the current value."""

    def choose(self, value: Any) -> None:
        """Emit a value that the user chose."""
        self.chosen.emit(self.name, value)

    def reset(self) -> None:
        """Emit the default."""
        self.choose(self.default)

    def _range(self) -> tuple[float, float]:
        assert self.control.minimum is not None and self.control.maximum is not None  # numbers always have a range
        return self.control.minimum, self.control.maximum

    def _describe(self, widget: QWidget, field: QWidget | None = None) -> None:
        """Set the names for screen readers; *field* repeats the value of *widget*, a slider, as a number."""
        text = label_of(self.name)
        widget.setAccessibleName(text)
        widget.setAccessibleDescription(tr(self.control.help))
        if field is not None:
            unit = widget.unit if isinstance(widget, ValueSlider) else ""
            field.setAccessibleName(tr("{control} in {unit}", control=text, unit=unit))


class ShareRow(ControlRow):
    """A value from 0 to 1 in percent, such as the strength."""

    def __init__(self, name: str, control: Control, default: Any) -> None:
        super().__init__(name, control, default)
        low, high = self._range()
        self.slider = ValueSlider(low, high, unit="%", factor=100)
        self.field = NumberBox(100 * low, 100 * high, unit=" %")
        self.field.setFixedHeight(22)
        self._describe(self.slider, self.field)
        self.setLayout(column(row(label(label_of(name)), STRETCH, self.field), self.slider))
        self.slider.moved.connect(lambda amount: self.choose(round(amount, 3)))
        self.slider.reset.connect(self.reset)
        self.field.entered.connect(lambda percent: self.choose(percent / 100))

    def show_value(self, value: Any) -> None:
        self.slider.set_amount(value)
        self.field.set_amount(100 * value)


class SliderScale(QWidget):
    """Ticks with values below a slider, where its handle is at these values."""

    def __init__(self, slider: ValueSlider, values: Sequence[float]) -> None:
        super().__init__()
        self._slider, self._values = slider, values
        self.setFont(theme.interface_font(_TICK_FONT))
        self.setFixedHeight(_TICK + self.fontMetrics().height())
        theme.current().changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(theme.colour("second"))
        for value in self._values:
            at, text = round(self._slider.place_of(value)), f"{value:.0f}"
            width = self.fontMetrics().horizontalAdvance(text)
            painter.drawLine(at, 0, at, _TICK - 2)
            left = min(max(at - width // 2, 0), self.width() - width)
            painter.drawText(left, _TICK + self.fontMetrics().ascent(), text)


class LevelRow(ControlRow):
    """The noise level: the most prominent control, with a mark at the estimated level."""

    def __init__(self, name: str, control: Control, default: Any) -> None:
        super().__init__(name, control, default)
        low, high = self._range()
        self._value: float | None = None
        self._estimate: float | None = None
        self.slider = ValueSlider(low, high, bend=_BEND, handle=16, unit="σ")
        self.field = NumberBox(low, high, decimals=1, automatic=True)
        self._describe(self.slider, self.field)
        scale = SliderScale(self.slider, (low, *_TICKS, high))
        head = row(label(label_of(name), "heading"), STRETCH, self.field)
        self.setLayout(column(head, self.slider, scale))
        self.slider.moved.connect(lambda amount: self.choose(round(amount, 1)))
        self.slider.reset.connect(self.reset)
        self.field.entered.connect(self.choose)

    def show_value(self, value: Any) -> None:
        self._value = value
        self._show()

    def show_estimate(self, sigma: float | None) -> None:
        """Mark the estimated level."""
        self._estimate = sigma
        self._show()

    def _show(self) -> None:
        automatic = self._value is None
        self.slider.set_amount((self._estimate if automatic else self._value) or 0.0)
        self.slider.set_mark(self._estimate, automatic=automatic)
        self.field.set_amount(self._value, self._estimate)
        if self.field.property("automatic") != automatic:
            self.field.setProperty("automatic", automatic)
            self.field.style().unpolish(self.field)
            self.field.style().polish(self.field)


class ChoiceRow(ControlRow):
    """One of several choices."""

    def __init__(self, name: str, control: Control, default: Any) -> None:
        super().__init__(name, control, default)
        self.box = plain_combo(label_of(name))
        self._describe(self.box)
        self.set_choices([(choice_label(choice), choice) for choice in control.choices])
        self.setLayout(row(label(label_of(name), "second"), STRETCH, self.box))
        self.box.activated.connect(lambda at: self.choose(self.box.itemData(at)))

    def set_choices(self, choices: Sequence[tuple[str, Any]]) -> None:
        """Set the choices: label and value."""
        kept = self.box.currentData()
        self.box.clear()
        for text, value in choices:
            self.box.addItem(text, value)
        self.show_value(kept)

    def show_value(self, value: Any) -> None:
        at = self.box.findData(value)
        if at < 0 and isinstance(value, str) and value:
            self.box.addItem(choice_label(value.rpartition("/")[2]), value)
            at = self.box.count() - 1
        self.box.setCurrentIndex(at)


class LimitRow(ControlRow):
    """A number that is automatic by default: tile, batch size, memory."""

    def __init__(self, name: str, control: Control, default: Any) -> None:
        super().__init__(name, control, default)
        low, high = self._range()
        is_whole = float(low).is_integer()
        self.field = NumberBox(low, high, decimals=0 if is_whole else 1, automatic=True)
        self._describe(self.field)
        self.setLayout(row(label(label_of(name), "second"), STRETCH, self.field))
        self.field.entered.connect(
            lambda value: self.choose(round(value) if is_whole and value is not None else value)
        )

    def show_value(self, value: Any) -> None:
        self.field.set_amount(value)


def row_for(name: str, control: Control, default: Any) -> ControlRow:
    """The kind of row that fits an option."""
    if control.choices or isinstance(default, str):
        return ChoiceRow(name, control, default)
    if not control.automatic:
        return ShareRow(name, control, default)
    return LevelRow(name, control, default) if name == "noise_level" else LimitRow(name, control, default)


def label_of(name: str) -> str:
    """The label of an option."""
    return tr(name.replace("_", " ").capitalize())


def choice_label(choice: str | int) -> str:
    """The label of a choice."""
    named = {"auto": tr("Auto"), "off": tr("Off"), "cpu": "CPU", "cuda": "CUDA", "mps": "Apple GPU"}
    return named.get(str(choice), str(choice))
