"""Preferences dialog; changes apply immediately, except for the language."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from denoiser_gui.controller import Controller
from denoiser_gui.qt import QComboBox, QDialog, QFormLayout, QLabel, QVBoxLayout, QWidget
from denoiser_gui.view import theme
from denoiser_gui.words import LANGUAGES, tr


class PreferencesDialog(QDialog):
    """Not modal, so that changes are visible behind it."""

    def __init__(self, controller: Controller, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.setWindowTitle(tr("Preferences"))
        self.setAccessibleName(tr("Preferences"))
        self.setModal(False)
        form = QFormLayout()
        form.setHorizontalSpacing(3 * theme.UNIT)
        form.setVerticalSpacing(theme.UNIT)
        looks = {"system": tr("Follow system"), "dark": tr("Dark"), "light": tr("Light")}
        languages = {"system": tr("Follow system"), **LANGUAGES}
        motions = {"system": tr("Follow system"), "none": tr("None")}
        self._add(form, "theme", tr("Theme"), looks)
        self._add(form, "motion", tr("Animation"), motions)
        self._add(form, "language", tr("Language"), languages)
        self._later = QLabel(tr("Restart the app to change the language."), self)
        self._later.setProperty("role", "second")
        self._later.setVisible(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(*(3 * theme.UNIT,) * 4)
        column.setSpacing(2 * theme.UNIT)
        column.addLayout(form)
        column.addWidget(self._later)
        column.addStretch()

    def _add(self, form: QFormLayout, field: str, words: str, choices: Mapping[str, str]) -> None:
        box = QComboBox(self)
        box.setObjectName(field)
        box.setAccessibleName(words)
        box.setMinimumWidth(200)
        for value, said in choices.items():
            box.addItem(said, value)
        box.setCurrentIndex(box.findData(getattr(self._controller.preferences, field)))
        box.activated.connect(lambda _row: self._choose(field, box.currentData()))
        form.addRow(words, box)

    def _choose(self, field: str, value: str) -> None:
        changes: dict[str, Any] = {field: value}
        self._controller.set_preferences(dataclasses.replace(self._controller.preferences, **changes))
        chosen = self._controller.preferences
        theme.current().choose(chosen.theme, chosen.motion)
        self._later.setVisible(self._later.isVisible() or field == "language")
