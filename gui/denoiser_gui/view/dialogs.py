"""The dialogs of the window: preferences, Save as, and the list of keyboard shortcuts.

Preferences apply immediately, except for the language. Save as has the target, format, bit depth and metadata; it
checks the target while typing. The list of shortcuts is generated from the actions.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from denoiser.errors import DenoiserError, ForeignOutput
from denoiser.imageio import formats
from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model.notices import hint_of, message_of
from denoiser_gui.model.saving import SaveRequest, check_target
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.translation import LANGUAGES, tr
from denoiser_gui.view import theme
from denoiser_gui.view.export_fields import ExportFields, box
from denoiser_gui.view.widgets import STRETCH, button, column, label, row, scroll_area

_MARGINS = (3 * theme.UNIT,) * 4


class QuestionDialog(qt.QDialog):
    """A question with one action; Escape and the second button, which has the focus, leave things as they are."""

    def __init__(self, parent: qt.QWidget, title: str, texts: tuple[str, str], act: str, keep: str) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        question, details = label(texts[0], "heading"), label(texts[1], "second")
        for text in (question, details):
            text.setTextFormat(Qt.TextFormat.PlainText)
            text.setWordWrap(True)
        self.act = button(act, "outline", pressed=self.accept)
        self.keep = button(keep, "primary", pressed=self.reject)
        self.keep.setDefault(True)
        buttons = row(STRETCH, self.act, self.keep)
        self.setLayout(column(question, details, theme.UNIT, buttons, margins=_MARGINS, spacing=theme.UNIT))
        self.setMinimumWidth(420)
        self.keep.setFocus()


class PreferencesDialog(qt.QDialog):
    """Not modal, so that changes are visible behind it."""

    def __init__(self, controller: Controller, parent: qt.QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self.setWindowTitle(tr("Preferences"))
        self.setModal(False)
        form = qt.QFormLayout()
        form.setHorizontalSpacing(3 * theme.UNIT)
        form.setVerticalSpacing(theme.UNIT)
        system = {"system": tr("Follow system")}
        self._add(form, "theme", tr("Theme"), {**system, "dark": tr("Dark"), "light": tr("Light")})
        surrounds = {
            "theme": tr("As the theme"),
            "black": tr("Black"),
            "dark": tr("Dark grey"),
            "grey": tr("Mid-grey"),
            "white": tr("White"),
        }
        self._add(form, "surround", tr("Around the photo"), surrounds)
        self._add(form, "motion", tr("Animation"), {**system, "none": tr("None")})
        places = {"app": tr("In a folder of the app"), "sidecar": tr("Next to the photos")}
        self._add(form, "settings_place", tr("Settings of photos"), places)
        self._add(form, "language", tr("Language"), {**system, **LANGUAGES})
        self._restart = label(tr("Restart the app to change the language."), "second")
        self._restart.setVisible(False)
        self.setLayout(column(form, self._restart, STRETCH, margins=_MARGINS, spacing=2 * theme.UNIT))

    def _add(self, form: qt.QFormLayout, field: str, text: str, choices: Mapping[str, str]) -> None:
        choice = box((text, value) for value, text in choices.items())
        choice.setObjectName(field)
        choice.setAccessibleName(text)
        choice.setMinimumWidth(200)
        choice.setCurrentIndex(choice.findData(getattr(self._controller.preferences, field)))
        choice.activated.connect(lambda _row: self._choose(field, choice.currentData()))
        form.addRow(text, choice)

    def _choose(self, field: str, value: str) -> None:
        self._controller.remember(**{field: value})
        chosen = self._controller.preferences
        theme.current().choose(chosen.theme, chosen.motion, chosen.surround)
        self._restart.setVisible(self._restart.isVisible() or field == "language")


class SaveDialog(qt.QDialog):
    """Contains every output option. Emits *ordered* when the user saves."""

    ordered = Signal(object)  # SaveRequest

    def __init__(self, controller: Controller, target: Path, parent: qt.QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._settings = controller.settings
        self._inputs = [photo.path for photo in controller.photos if photo.path is not None]
        self._replaces = False
        self.target = qt.QLineEdit(str(target))
        self.fields = ExportFields(self._settings.write, tr("From file name"))
        self._problem = label(role="failed")
        self._problem.setWordWrap(True)
        self.save = button(tr("Save"), "primary", pressed=self.accept)
        self.save.setDefault(True)
        self.setWindowTitle(tr("Save as"))
        self.setMinimumWidth(520)
        self._build()
        self.target.textChanged.connect(self._check)
        self.fields.format.currentIndexChanged.connect(self._rename)
        self._check()

    @property
    def request(self) -> SaveRequest:
        """The chosen target and options."""
        settings = dataclasses.replace(self._settings, write=self.fields.options)
        return SaveRequest(Path(self.target.text()).expanduser(), settings, overwrite=self._replaces)

    def accept(self) -> None:
        """Emit the request and close."""
        self.ordered.emit(self.request)
        super().accept()

    def _build(self) -> None:
        form = qt.QFormLayout()
        form.setSpacing(10)
        form.addRow(tr("File"), row(self.target, button(tr("Browse…"), "outline", pressed=self._browse)))
        self.target.setAccessibleName(tr("File"))
        self.fields.add_to(form)
        buttons = row(self._problem, button(tr("Cancel"), "outline", pressed=self.reject), self.save)
        buttons.setStretchFactor(self._problem, 1)
        self.setLayout(column(form, buttons, margins=(20, 20, 20, 16), spacing=16))

    def _rename(self, _at: int) -> None:
        """Change the suffix to the chosen format; the file name determines the format."""
        key = self.fields.format.currentData()
        path = Path(self.target.text())
        if key is not None and path.suffix.lower() not in formats.ROWS[key].suffixes:
            self.target.setText(str(path.with_suffix(formats.ROWS[key].suffix)))

    def _check(self) -> None:
        """Check the target in a worker thread."""
        self._show_depths()
        request = dataclasses.replace(self.request, overwrite=False)
        self._controller.files.submit(
            "check",
            lambda _: check_target(request, self._inputs),
            lambda _: self._show_problem(None),
            self._show_problem,
        )

    def _show_depths(self) -> None:
        try:
            self.fields.show_format(formats.by_suffix(Path(self.target.text())))
        except DenoiserError:
            self.fields.show_format(None)

    def _show_problem(self, error: DenoiserError | None) -> None:
        self._replaces = isinstance(error, ForeignOutput)
        hint = hint_of(error) if error is not None and not self._replaces else ""
        self._problem.setText(f"{message_of(error)} {hint}".strip() if error is not None else "")
        self.save.setText(tr("Replace") if self._replaces else tr("Save"))
        self.save.setEnabled(error is None or self._replaces)

    def _browse(self) -> None:
        dialog = qt.QFileDialog(self, tr("Save as"), self.target.text())
        dialog.setAcceptMode(qt.QFileDialog.AcceptMode.AcceptSave)
        dialog.setOption(qt.QFileDialog.Option.DontConfirmOverwrite)  # the dialog shows Replace instead
        dialog.fileSelected.connect(self.target.setText)
        dialog.open()


class ShortcutSheet(qt.QDialog):
    """Shows all shortcuts; not modal."""

    def __init__(
        self, groups: Sequence[tuple[str, Sequence[qt.QAction]]], parent: qt.QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keyboard shortcuts"))
        self.setModal(False)
        body, half = qt.QWidget(), (len(groups) + 1) // 2
        columns = [_shortcuts(part) for part in (groups[:half], groups[half:])]
        body.setLayout(row(*columns, margins=_MARGINS, spacing=5 * theme.UNIT))
        area = scroll_area(body)
        area.setAccessibleName(tr("Keyboard shortcuts"))
        self.setLayout(column(area))
        wanted = body.sizeHint()
        self.resize(min(wanted.width() + 24, 1000), min(wanted.height() + 8, 760))


def _shortcuts(groups: Sequence[tuple[str, Sequence[qt.QAction]]]) -> qt.QVBoxLayout:
    """Title and lines of each group: the text of an action, and its keys."""
    lines: list[Any] = []
    for title, actions in groups:
        listed = [action for action in actions if action.shortcuts()]
        lines += [label(title, "heading")] if listed else []
        for action in listed:
            keys = (key.toString(qt.QKeySequence.SequenceFormat.NativeText) for key in action.shortcuts())
            text = action.text().replace("&", "").rstrip("…")
            lines.append(row(label(text, "second"), STRETCH, label(" · ".join(keys))))
        lines += [theme.UNIT] if listed else []
    return column(*lines, STRETCH, spacing=6)
