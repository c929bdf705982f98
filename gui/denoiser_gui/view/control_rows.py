"""Rows of the panel: one for each option, built from denoiser.options so that none is missing, and the presets.

Presets are named settings in the files that `denoise --preset` reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from denoiser.batch.presets import load_preset, preset_names, save_preset
from denoiser.errors import DenoiserError
from denoiser.options import Control
from denoiser_gui.controller import Controller
from denoiser_gui.model.notices import Notice, failure
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.qt import QInputDialog, QWidget, Signal
from denoiser_gui.translation import tr
from denoiser_gui.view.widgets import STRETCH, NumberBox, ValueSlider, column, label, plain_combo, row

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
        """Set the names for screen readers; *field* repeats the value of *widget* as a number."""
        text = label_of(self.name)
        widget.setAccessibleName(text)
        widget.setAccessibleDescription(tr(self.control.help))
        if field is not None:
            field.setAccessibleName(tr("{control} value", control=text))


class ShareRow(ControlRow):
    """A value from 0 to 1 in percent, such as the strength."""

    def __init__(self, name: str, control: Control, default: Any) -> None:
        super().__init__(name, control, default)
        low, high = self._range()
        self.slider = ValueSlider(low, high)
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


class LevelRow(ControlRow):
    """The noise level: the most prominent control, with a mark at the estimated level."""

    def __init__(self, name: str, control: Control, default: Any) -> None:
        super().__init__(name, control, default)
        low, high = self._range()
        self._value: float | None = None
        self._estimate: float | None = None
        self.slider = ValueSlider(low, high, bend=_BEND, handle=16)
        self.field = NumberBox(low, high, decimals=1, automatic=True)
        self._describe(self.slider, self.field)
        least, unit, most = (label(text, "caption") for text in (f"{low:.0f}", "σ", f"{high:.0f}"))
        scale = row(least, STRETCH, unit, STRETCH, most)
        head = row(label(label_of(name), "heading"), STRETCH, self.field)
        self.setLayout(column(head, self.slider, scale, spacing=2))
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
            self.box.addItem(value.rpartition("/")[2], value)
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


_SAVE = "\0save"
_USE_FIRST = "\0use"  # use the chosen preset for new photos


class PresetsRow(QWidget):
    """Lists, applies and saves presets."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self._controller = controller
        self._applied = ("", PhotoSettings())  # name and settings
        self._names: list[str] = []
        self.box = plain_combo(tr("Preset"))
        self.box.activated.connect(self._choose)
        self.setLayout(row(label(tr("Preset"), "second"), STRETCH, self.box))
        self._fill()
        controller.settings_changed.connect(self._show_current)
        self.refresh()

    def refresh(self) -> None:
        """Reload the names of the presets."""

        def show(names: list[str]) -> None:
            self._names = names
            self._fill()

        self._controller.files.submit("presets", lambda _: preset_names(), show)

    def ask_for_name(self) -> None:
        """Ask for a name and save the settings under it."""
        name, given = QInputDialog.getText(self, tr("Save preset"), tr("Preset name"))
        if given and name.strip():
            self.save_as(name.strip())

    def save_as(self, name: str) -> None:
        """Save the settings of the current photo as a preset."""
        settings = self._controller.settings

        def saved(_: object) -> None:
            self._applied = (name, settings)
            self._controller.notify(Notice("preset", tr("Preset {name} saved.", name=name)))
            self.refresh()

        values, failed = settings.by_class(), self._controller.notice_of("preset")
        self._controller.files.submit("save-preset", lambda _: save_preset(name, values), saved, failed)

    def apply(self, name: str) -> None:
        """Apply a preset; options it does not contain stay."""

        def change(values: dict[str, Any]) -> None:
            try:
                self._controller.change(**values)
            except DenoiserError as error:
                show_failure(error)
                return
            self._applied = (name, self._controller.settings)
            self._controller.solved.emit("preset")
            self._fill()

        def show_failure(error: DenoiserError) -> None:
            self._controller.notify(failure("preset", error))
            self._fill()

        self._controller.files.submit("load-preset", lambda _: load_preset(name), change, show_failure)

    def _fill(self) -> None:
        self.box.clear()
        self.box.addItem(tr("None"), "")
        for name in self._names:
            self.box.addItem(name, name)
        self.box.insertSeparator(self.box.count())
        self.box.addItem(tr("Save preset…"), _SAVE)
        first = self._controller.preferences.preset
        name = self._applied[0]
        if name and name != first:
            self.box.addItem(tr("Use {name} for new photos", name=name), _USE_FIRST)
        elif first:
            self.box.addItem(tr("Do not use {name} for new photos", name=first), _USE_FIRST)
        self._show_current(self._controller.settings)

    def _show_current(self, settings: PhotoSettings) -> None:
        name, applied = self._applied
        self.box.setCurrentIndex(max(0, self.box.findData(name if settings == applied else "")))

    def _choose(self, at: int) -> None:
        chosen = self.box.itemData(at)
        self._show_current(self._controller.settings)
        if chosen == _SAVE:
            self.ask_for_name()
        elif chosen == _USE_FIRST:
            name = self._applied[0]
            self._controller.remember(preset="" if name == self._controller.preferences.preset else name)
            self._fill()
        elif chosen:
            self.apply(chosen)
