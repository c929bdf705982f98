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
from denoiser_gui.model.controls import PhotoSettings
from denoiser_gui.model.notices import Notice, failure
from denoiser_gui.qt import QHBoxLayout, QInputDialog, QLabel, Qt, QVBoxLayout, QWidget, Signal
from denoiser_gui.view.sliders import ValueSlider
from denoiser_gui.view.widgets import NumberField, PlainCombo
from denoiser_gui.words import tr

_BEND = 0.6  # exponent of the noise level slider: its first half covers sigma 0 to 24, where most photos are


class ControlRow(QWidget):
    """Shows one option and emits `chosen` when the user sets it."""

    chosen = Signal(str, object)  # name of the option, value

    def __init__(self, name: str, control: Control, default: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
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


class ShareRow(ControlRow):
    """A value from 0 to 1 in percent, such as the strength."""

    def __init__(self, name: str, control: Control, default: Any, parent: QWidget | None = None) -> None:
        super().__init__(name, control, default, parent)
        low, high = _range(control)
        self.slider = ValueSlider(low, high, small=True)
        self.field = NumberField(low, high, factor=100, unit=" %")
        self.field.setFixedWidth(64)
        _name(self, self.slider, self.field, label_of(name))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        self.field.setFixedHeight(22)
        layout.addLayout(_headed(QLabel(label_of(name)), self.field))
        layout.addWidget(self.slider)
        self.slider.moved.connect(self._slid)
        self.slider.reset.connect(self.reset)
        self.field.entered.connect(self.choose)

    def show_value(self, value: Any) -> None:
        self.slider.set_amount(value)
        self.field.set_value(value)

    def _slid(self, amount: float) -> None:
        self.field.set_value(round(amount, 3))
        self.choose(round(amount, 3))


class LevelRow(ControlRow):
    """The noise level: the most prominent control, with a mark at the estimated level."""

    def __init__(self, name: str, control: Control, default: Any, parent: QWidget | None = None) -> None:
        super().__init__(name, control, default, parent)
        low, high = _range(control)
        self._value: float | None = None
        self._measured: float | None = None
        self.slider = ValueSlider(low, high, bend=_BEND)
        self.field = NumberField(low, high, decimals=1, automatic=True)
        self.field.setFixedWidth(96)
        title = QLabel(label_of(name))
        title.setProperty("role", "heading")
        _name(self, self.slider, self.field, label_of(name))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addLayout(_headed(title, self.field))
        layout.addWidget(self.slider)
        layout.addLayout(_ends(f"{low:.0f}", "σ", f"{high:.0f}"))
        self.slider.moved.connect(self._slid)
        self.slider.reset.connect(self.reset)
        self.field.entered.connect(self.choose)

    def show_value(self, value: Any) -> None:
        self._value = value
        self._show()

    def show_measured(self, sigma: float | None) -> None:
        """Mark the estimated level."""
        self._measured = sigma
        self._show()

    def _show(self) -> None:
        automatic = self._value is None
        place = self._measured if automatic else self._value
        self.slider.set_amount(place or 0.0)
        self.slider.set_mark(self._measured, automatic=automatic)
        self.field.set_value(self._value, measured=self._measured)
        if self.field.property("automatic") != automatic:
            self.field.setProperty("automatic", automatic)
            self.field.style().unpolish(self.field)
            self.field.style().polish(self.field)

    def _slid(self, amount: float) -> None:
        self.choose(round(amount, 1))


class ChoiceRow(ControlRow):
    """One of several choices."""

    def __init__(self, name: str, control: Control, default: Any, parent: QWidget | None = None) -> None:
        super().__init__(name, control, default, parent)
        self.box = PlainCombo()
        self._label = QLabel(label_of(name))
        self._label.setProperty("role", "second")
        self._label.setBuddy(self.box)
        self.box.setAccessibleName(label_of(name))
        self.box.setAccessibleDescription(tr(control.help))
        self.set_choices([(word_of(choice), choice) for choice in control.choices])
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._label)
        layout.addStretch()
        layout.addWidget(self.box)
        self.box.activated.connect(self._activated)

    def set_choices(self, choices: Sequence[tuple[str, Any]]) -> None:
        """Set the choices: label and value."""
        kept = self.box.currentData()
        self.box.clear()
        for words, value in choices:
            self.box.addItem(words, value)
        self.show_value(kept)

    def show_value(self, value: Any) -> None:
        at = self.box.findData(value)
        if at < 0 and isinstance(value, str) and value:
            self.box.addItem(value.rpartition("/")[2], value)
            at = self.box.count() - 1
        self.box.setCurrentIndex(at)

    def _activated(self, at: int) -> None:
        self.choose(self.box.itemData(at))


class LimitRow(ControlRow):
    """A number that is automatic by default: tile, batch size, memory."""

    def __init__(self, name: str, control: Control, default: Any, parent: QWidget | None = None) -> None:
        super().__init__(name, control, default, parent)
        low, high = _range(control)
        self._whole = float(low).is_integer()
        self.field = NumberField(low, high, decimals=0 if self._whole else 1, automatic=True)
        self.field.setFixedWidth(96)
        label = QLabel(label_of(name))
        label.setProperty("role", "second")
        _name(self, self.field, self.field, label_of(name))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(label)
        layout.addStretch()
        layout.addWidget(self.field)
        self.field.entered.connect(self._entered)

    def show_value(self, value: Any) -> None:
        self.field.set_value(value)

    def _entered(self, value: float | None) -> None:
        self.choose(value if value is None or not self._whole else round(value))


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


def word_of(choice: str | int) -> str:
    """The label of a choice."""
    named = {"auto": tr("Auto"), "off": tr("Off"), "cpu": "CPU", "cuda": "CUDA", "mps": "Apple GPU"}
    return named.get(str(choice), str(choice))


def _range(control: Control) -> tuple[float, float]:
    assert control.minimum is not None and control.maximum is not None  # numbers always have a range
    return control.minimum, control.maximum


def _name(row: ControlRow, slider: QWidget, field: QWidget, words: str) -> None:
    slider.setAccessibleName(words)
    slider.setAccessibleDescription(tr(row.control.help))
    field.setAccessibleName(tr("{control} value", control=words) if field is not slider else words)


def _headed(title: QLabel, field: QWidget) -> QHBoxLayout:
    head = QHBoxLayout()
    head.setContentsMargins(0, 0, 0, 0)
    head.addWidget(title)
    head.addStretch()
    head.addWidget(field)
    return head


def _ends(low: str, middle: str, high: str) -> QHBoxLayout:
    line = QHBoxLayout()
    line.setContentsMargins(6, 0, 6, 0)
    for words, side in ((low, "left"), (middle, "middle"), (high, "right")):
        label = QLabel(words)
        label.setProperty("role", "caption")
        alignment = {
            "left": Qt.AlignmentFlag.AlignLeft,
            "middle": Qt.AlignmentFlag.AlignHCenter,
            "right": Qt.AlignmentFlag.AlignRight,
        }
        label.setAlignment(alignment[side])
        line.addWidget(label, 1)
    return line


_SAVE = "\0save"
_BEGIN = "\0begin"  # use the chosen preset for new photos


class PresetsRow(QWidget):
    """Lists, applies and saves presets."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._taken: tuple[str, PhotoSettings] | None = None
        self.box = PlainCombo()
        self.box.setAccessibleName(tr("Preset"))
        self.box.activated.connect(self._activated)
        label = QLabel(tr("Preset"))
        label.setProperty("role", "second")
        label.setBuddy(self.box)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(label)
        layout.addStretch()
        layout.addWidget(self.box)
        self._names: list[str] = []
        self._fill()
        controller.settings_changed.connect(self._settings_changed)
        self.refresh()

    def refresh(self) -> None:
        """Reload the names of the presets."""
        self._controller.files.submit("presets", lambda _: preset_names(), self._take_names)

    def ask_for_name(self) -> None:
        """Ask for a name and save the settings under it."""
        name, given = QInputDialog.getText(self, tr("Save preset"), tr("Preset name"))
        if given and name.strip():
            self.save_as(name.strip())

    def save_as(self, name: str) -> None:
        """Save the settings of the current photo as a preset."""
        settings = self._controller.settings
        self._controller.files.submit(
            "save-preset",
            lambda _: save_preset(name, settings.by_class()),
            lambda _: self._saved(name, settings),
            lambda error: self._controller.notify(failure("preset", error)),
        )

    def take(self, name: str) -> None:
        """Apply a preset; options it does not contain stay."""
        self._controller.files.submit(
            "load-preset",
            lambda _: load_preset(name),
            lambda values: self._apply(name, values),
            self._not_taken,
        )

    def _saved(self, name: str, settings: PhotoSettings) -> None:
        self._taken = (name, settings)
        self._fill()
        self._controller.notify(Notice("preset", tr("Preset {name} saved.", name=name)))
        self.refresh()

    def _apply(self, name: str, values: dict[str, Any]) -> None:
        try:
            self._controller.change(**values)
        except DenoiserError as error:
            self._not_taken(error)
            return
        self._taken = (name, self._controller.settings)
        self._controller.solved.emit("preset")
        self._fill()

    def _not_taken(self, error: DenoiserError) -> None:
        self._controller.notify(failure("preset", error))
        self._fill()

    def _take_names(self, names: list[str]) -> None:
        self._names = names
        self._fill()

    def _fill(self) -> None:
        self.box.clear()
        self.box.addItem(tr("None"), "")
        for name in self._names:
            self.box.addItem(name, name)
        self.box.insertSeparator(self.box.count())
        self.box.addItem(tr("Save preset…"), _SAVE)
        first = self._controller.preferences.preset
        name = self._taken[0] if self._taken is not None else ""
        if name and name != first:
            self.box.addItem(tr("Use {name} for new photos", name=name), _BEGIN)
        elif first:
            self.box.addItem(tr("Do not use {name} for new photos", name=first), _BEGIN)
        self._settings_changed(self._controller.settings)

    def _settings_changed(self, settings: PhotoSettings) -> None:
        current = self._taken[0] if self._taken is not None and self._taken[1] == settings else ""
        self.box.setCurrentIndex(max(0, self.box.findData(current)))

    def _activated(self, at: int) -> None:
        chosen = self.box.itemData(at)
        self._settings_changed(self._controller.settings)
        if chosen == _SAVE:
            self.ask_for_name()
        elif chosen == _BEGIN:
            name = self._taken[0] if self._taken is not None else ""
            self._controller.remember(preset="" if name == self._controller.preferences.preset else name)
            self._fill()
        elif chosen:
            self.take(chosen)
