"""Presets: named settings in the files that `denoise --preset` reads."""

from __future__ import annotations

from typing import Any

from denoiser.batch.presets import load_preset, preset_names, save_preset
from denoiser.errors import DenoiserError
from denoiser_gui.controller import Controller
from denoiser_gui.model.controls import PhotoSettings
from denoiser_gui.model.notices import Notice, failure
from denoiser_gui.qt import QHBoxLayout, QInputDialog, QLabel, QWidget
from denoiser_gui.view.plain_combo import PlainCombo
from denoiser_gui.words import tr

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
