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
from denoiser.options import WriteOptions, controls
from denoiser_gui.controller import Controller
from denoiser_gui.model.notices import hint_of, message_of
from denoiser_gui.model.saving import SaveRequest, depths_of, refuse
from denoiser_gui.qt import (
    QAction,
    QCheckBox,
    QComboBox,
    QDialog,
    QFileDialog,
    QFormLayout,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QKeySequence,
    QLabel,
    QLineEdit,
    QPushButton,
    QScrollArea,
    Qt,
    QVBoxLayout,
    QWidget,
    Signal,
)
from denoiser_gui.view import theme
from denoiser_gui.view.widgets import NumberField
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


class SaveDialog(QDialog):
    """Contains every output option. Emits *ordered* when the user saves."""

    ordered = Signal(object)  # SaveRequest

    def __init__(self, controller: Controller, target: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller = controller
        self._settings = controller.settings
        self._inputs = [photo.path for photo in controller.photos if photo.path is not None]
        self._replaces = False
        known = controls(WriteOptions)
        self.target = QLineEdit(str(target))
        named = [(formats.ROWS[str(key)].name, key) for key in known["format"].choices]
        self.format = _box([(tr("From file name"), None), *named])
        self.bits = QComboBox()
        self.jpeg_quality = NumberField(1, 100, automatic=True)
        self.jpeg_quality.setProperty("role", None)
        self.jpeg_quality.setAlignment(Qt.AlignmentFlag.AlignLeft)
        self.strip = QCheckBox(tr("Remove metadata (keep colour profile)"))
        self.ticket = QCheckBox(tr("Embed processing record"))
        self._problem = QLabel()
        self.save = QPushButton(tr("Save"))
        self.setWindowTitle(tr("Save as"))
        self.setMinimumWidth(520)
        self._build(known)
        self._show_options(self._settings.write)
        self._listen()
        self._look()

    @property
    def options(self) -> WriteOptions:
        """The chosen output options."""
        quality = self.jpeg_quality.value
        return WriteOptions(
            format=self.format.currentData(),
            jpeg_quality=None if quality is None else round(quality),
            strip=self.strip.isChecked(),
            ticket=self.ticket.isChecked(),
        )

    @property
    def order(self) -> SaveRequest:
        """The chosen target and options."""
        settings = dataclasses.replace(self._settings, write=self.options)
        path = Path(self.target.text()).expanduser()
        return SaveRequest(path, settings, self.bits.currentData(), overwrite=self._replaces)

    def accept(self) -> None:
        """Emit the request and close."""
        self.ordered.emit(self.order)
        super().accept()

    def _build(self, known: dict[str, Any]) -> None:
        browse = QPushButton(tr("Browse…"))
        browse.setProperty("role", "outline")
        browse.clicked.connect(self._browse)
        place = QHBoxLayout()
        place.addWidget(self.target, 1)
        place.addWidget(browse)
        form = QFormLayout()
        form.setSpacing(10)
        form.addRow(tr("File"), place)
        for field, words, name in (
            (self.format, tr("Format"), "format"),
            (self.bits, tr("Depth"), ""),
            (self.jpeg_quality, tr("JPEG quality"), "jpeg_quality"),
        ):
            form.addRow(words, field)
            field.setAccessibleName(words)
            field.setToolTip(tr(known[name].help) if name else "")
        for tick, name in ((self.strip, "strip"), (self.ticket, "ticket")):
            form.addRow("", tick)
            tick.setToolTip(tr(known[name].help))
        self.target.setAccessibleName(tr("File"))
        self._problem.setProperty("role", "failed")
        self._problem.setWordWrap(True)
        cancel = QPushButton(tr("Cancel"))
        cancel.setProperty("role", "outline")
        cancel.clicked.connect(self.reject)
        self.save.setProperty("role", "primary")
        self.save.setDefault(True)
        self.save.clicked.connect(self.accept)
        buttons = QHBoxLayout()
        buttons.addWidget(self._problem, 1)
        buttons.addWidget(cancel)
        buttons.addWidget(self.save)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(20, 20, 20, 16)
        whole.setSpacing(16)
        whole.addLayout(form)
        whole.addLayout(buttons)

    def _listen(self) -> None:
        self.target.textChanged.connect(self._look)
        self.format.currentIndexChanged.connect(self._rename)

    def _show_options(self, options: WriteOptions) -> None:
        self.format.setCurrentIndex(max(0, self.format.findData(options.format)))
        self.jpeg_quality.set_value(options.jpeg_quality)
        self.strip.setChecked(options.strip)
        self.ticket.setChecked(options.ticket)

    def _rename(self, _at: int) -> None:
        """Change the suffix to the chosen format; the file name determines the format."""
        key = self.format.currentData()
        path = Path(self.target.text())
        if key is not None and path.suffix.lower() not in formats.ROWS[key].suffixes:
            self.target.setText(str(path.with_suffix(formats.ROWS[key].suffix)))

    def _look(self) -> None:
        """Check the target in a worker thread."""
        self._show_depths()
        order = dataclasses.replace(self.order, overwrite=False)
        self._controller.files.submit(
            "look", lambda _: refuse(order, self._inputs), lambda _: self._free(), self._taken
        )

    def _show_depths(self) -> None:
        kept = self.bits.currentData()
        try:
            depths = depths_of(Path(self.target.text()))
        except DenoiserError:
            depths = ()
        self.bits.clear()
        self.bits.addItem(tr("Same as source, if supported"), None)
        for bits in depths:
            self.bits.addItem(tr("float") if bits == 32 else tr("{bits} bit", bits=bits), bits)
        self.bits.setCurrentIndex(max(0, self.bits.findData(kept)))
        key = formats.by_suffix(Path(self.target.text())).key if depths else ""
        self.jpeg_quality.setEnabled(key == "jpeg")

    def _free(self) -> None:
        self._replaces = False
        self._say("", tr("Save"), possible=True)

    def _taken(self, error: DenoiserError) -> None:
        self._replaces = isinstance(error, ForeignOutput)
        if self._replaces:
            self._say(message_of(error), tr("Replace"), possible=True)
        else:
            self._say(f"{message_of(error)} {hint_of(error)}".strip(), tr("Save"), possible=False)

    def _say(self, problem: str, word: str, *, possible: bool) -> None:
        self._problem.setText(problem)
        self.save.setText(word)
        self.save.setEnabled(possible)

    def _browse(self) -> None:
        dialog = QFileDialog(self, tr("Save as"), self.target.text())
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)  # the dialog shows Replace instead
        dialog.fileSelected.connect(self.target.setText)
        dialog.open()


def _box(choices: list[tuple[str, Any]]) -> QComboBox:
    box = QComboBox()
    for words, value in choices:
        box.addItem(words, value)
    return box


Groups = Sequence[tuple[str, Sequence[QAction]]]
_COLUMNS = 2


class ShortcutSheet(QDialog):
    """Shows all shortcuts; not modal."""

    def __init__(self, groups: Groups, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keyboard shortcuts"))
        self.setAccessibleName(tr("Keyboard shortcuts"))
        self.setModal(False)
        body = QWidget(self)
        columns = QHBoxLayout(body)
        columns.setContentsMargins(*(3 * theme.UNIT,) * 4)
        columns.setSpacing(5 * theme.UNIT)
        for share in _shared(_lines(groups), _COLUMNS):
            columns.addLayout(self._column(share))
        area = QScrollArea(self)
        area.setWidget(body)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setAccessibleName(tr("Keyboard shortcuts"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)
        wanted = body.sizeHint()
        self.resize(min(wanted.width() + 24, 1000), min(wanted.height() + 8, 760))

    def _column(self, groups: list[tuple[str, list[tuple[str, str]]]]) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(theme.UNIT)
        for title, lines in groups:
            heading = QLabel(title, self)
            heading.setProperty("role", "heading")
            column.addWidget(heading)
            grid = QGridLayout()
            grid.setVerticalSpacing(6)
            grid.setHorizontalSpacing(3 * theme.UNIT)
            grid.setColumnStretch(0, 1)
            for number, (words, keys) in enumerate(lines):
                what = QLabel(words, self)
                what.setProperty("role", "second")
                key = QLabel(keys, self)
                key.setAlignment(Qt.AlignmentFlag.AlignRight)
                grid.addWidget(what, number, 0)
                grid.addWidget(key, number, 1)
            column.addLayout(grid)
            column.addSpacing(theme.UNIT)
        column.addStretch()
        return column


def _lines(groups: Groups) -> list[tuple[str, list[tuple[str, str]]]]:
    """Title and lines of each group: the text of an action, and its keys."""
    found = []
    for title, actions in groups:
        lines = [
            (action.text().replace("&", "").rstrip("…"), " · ".join(_said(key) for key in action.shortcuts()))
            for action in actions
            if action.shortcuts()
        ]
        if lines:
            found.append((title, lines))
    return found


def _said(keys: QKeySequence) -> str:
    return keys.toString(QKeySequence.SequenceFormat.NativeText)


def _shared(
    groups: list[tuple[str, list[tuple[str, str]]]], columns: int
) -> list[list[tuple[str, list[tuple[str, str]]]]]:
    """Distribute the groups over columns of similar height, in order."""
    total = sum(len(lines) + 2 for _, lines in groups)
    shares: list[list[tuple[str, list[tuple[str, str]]]]] = [[] for _ in range(columns)]
    height = 0
    for group in groups:
        middle = height + (len(group[1]) + 2) // 2
        shares[min(columns - 1, middle * columns // max(total, 1))].append(group)
        height += len(group[1]) + 2
    return [share for share in shares if share]
