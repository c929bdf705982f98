"""The export settings of the batch: place and names of the outputs, with an example, and output options."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from denoiser.errors import DenoiserError
from denoiser.imageio import formats
from denoiser.options import WriteOptions
from denoiser.options.runs import FIELDS
from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model.captions import short_path
from denoiser_gui.model.export_rules import ExportRules, example
from denoiser_gui.model.notices import hint_of, message_of
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.translation import tr
from denoiser_gui.view.export_fields import ExportFields, box
from denoiser_gui.view.widgets import STRETCH, button, choose_folder, column, label, row

_DELAY_MS = 150  # after typing, before the example is made


class ExportDialog(qt.QDialog):
    """Emits *chosen* with rules, folder and output options; these are None if each photo has its own."""

    chosen = Signal(object, object, object)

    def __init__(
        self,
        controller: Controller,
        folder: Path,
        source: Path | None,
        count: int,
        parent: qt.QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._controller, self._source = controller, source
        rules, options = controller.preferences.rules, controller.preferences.export_options
        self.setWindowTitle(tr("Export settings"))
        self.setMinimumWidth(560)
        places = [
            (tr("In one folder, with the subfolders of the photos"), "tree"),
            (tr("In one folder, without subfolders"), "folder"),
            (tr("In a subfolder next to each photo"), "subfolder"),
            (tr("Beside each photo"), "beside"),
        ]
        self.place = box(places)
        self.place.setCurrentIndex(self.place.findData(rules.place))
        self.folder = qt.QLineEdit(str(folder))
        self.subfolder = qt.QLineEdit(rules.subfolder)
        self.template = qt.QLineEdit(rules.template)
        self.template.setToolTip(tr("Text, and a slash for subfolders. The button inserts fields."))
        self.own = qt.QCheckBox(tr("Each photo with its own output settings"))
        self.own.setChecked(options is None)
        self.fields = ExportFields(options or controller.settings.write, tr("Same as source, if supported"))
        self.example = label(role="second")
        self.example.setWordWrap(True)
        self.example.setTextFormat(Qt.TextFormat.PlainText)
        self.example.setSizePolicy(qt.QSizePolicy.Policy.Expanding, qt.QSizePolicy.Policy.Preferred)
        self.example.setMinimumHeight(2 * self.fontMetrics().lineSpacing())  # the dialog keeps its size
        text = tr("Apply to {count} photos", count=count) if count > 1 else tr("Apply")
        self.apply = button(text, "primary", pressed=self.accept)
        self.apply.setDefault(True)
        self._timer = qt.QTimer(self, singleShot=True, interval=_DELAY_MS)
        self._timer.timeout.connect(self._make_example)
        self.finished.connect(lambda _: controller.files.cancel("example"))
        self._build()
        self._connect()
        self._show_place()
        self._show_own()

    @property
    def rules(self) -> ExportRules:
        """The chosen place and names."""
        template, subfolder = self.template.text().strip(), self.subfolder.text().strip()
        return ExportRules(self.place.currentData(), subfolder, template)

    @property
    def options(self) -> WriteOptions | None:
        """The chosen output options; None if each photo has its own."""
        return None if self.own.isChecked() else self.fields.options

    def accept(self) -> None:
        """Emit the settings and close."""
        self.chosen.emit(self.rules, Path(self.folder.text()).expanduser(), self.options)
        super().accept()

    def _build(self) -> None:
        self._form = form = qt.QFormLayout()
        form.setSpacing(10)
        form.setFieldGrowthPolicy(qt.QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        self._in_folder = qt.QWidget()
        self._in_folder.setLayout(row(self.folder, button(tr("Browse…"), "outline", pressed=self._browse)))
        self._insert = button(tr("Insert"), "outline")
        self._insert.setMenu(self._menu())
        named = row(self.template, self._insert)
        form.addRow(tr("Place"), self.place)
        form.addRow(tr("Folder"), self._in_folder)
        form.addRow(tr("Subfolder"), self.subfolder)
        form.addRow(tr("File name"), named)
        form.addRow(tr("Example"), self.example)
        form.addRow("", self.own)
        self.fields.add_to(form)
        names = {tr("Place"): self.place, tr("Folder"): self.folder, tr("Subfolder"): self.subfolder}
        for name, field in (names | {tr("File name"): self.template}).items():
            field.setAccessibleName(name)
        buttons = row(STRETCH, button(tr("Cancel"), "outline", pressed=self.reject), self.apply)
        self.setLayout(column(form, buttons, margins=(20, 20, 20, 16), spacing=16))

    def _menu(self) -> qt.QMenu:
        texts = {
            "name": tr("Name of the photo"),
            "date": tr("Date taken"),
            "time": tr("Time taken"),
            "camera": tr("Camera"),
            "iso": tr("ISO"),
            "folder": tr("Folder of the photo"),
            "number": tr("Number"),
        }
        menu = qt.QMenu(self)
        for field in FIELDS:
            act = menu.addAction(f"{texts[field]}  {{{field}}}")
            act.triggered.connect(lambda _checked, field=field: self.template.insert(f"{{{field}}}"))
        return menu

    def _connect(self) -> None:
        self.place.currentIndexChanged.connect(lambda _at: self._show_place())
        self.own.toggled.connect(lambda _on: self._show_own())
        self.fields.format.currentIndexChanged.connect(lambda _at: self._show_own())
        for line in (self.folder, self.subfolder, self.template):
            line.textChanged.connect(lambda _text: self._timer.start())

    def _show_place(self) -> None:
        place = self.place.currentData()
        self._form.setRowVisible(self._in_folder, place in ("tree", "folder"))
        self._form.setRowVisible(self.subfolder, place == "subfolder")
        self._timer.start()

    def _show_own(self) -> None:
        self.fields.set_enabled(True)
        key = self.fields.format.currentData()
        self.fields.show_format(formats.ROWS[key] if key else None)
        if self.own.isChecked():
            self.fields.set_enabled(False)
        self._timer.start()

    def _browse(self) -> None:
        choose_folder(self, tr("Output folder"), self.folder.text(), lambda path: self.folder.setText(str(path)))

    def _make_example(self) -> None:
        """Make the example in a worker thread, which reads the header of the photo."""
        source, rules, options = self._source or Path.home() / "photo.jpg", self.rules, self.options
        write, folder = options or self._controller.settings.write, Path(self.folder.text()).expanduser()
        self._controller.files.submit(
            "example",
            lambda _: example(source, write, rules, folder),
            self._show_example,
            self._show_problem,
        )

    def _show_example(self, path: Path) -> None:
        self._show_text(short_path(path), "second")
        self.apply.setEnabled(True)

    def _show_problem(self, error: DenoiserError) -> None:
        self._show_text(f"{message_of(error)} {hint_of(error)}".strip(), "failed")
        self.apply.setEnabled(False)

    def _show_text(self, text: str, role: str) -> None:
        self.example.setText(text)
        if self.example.property("role") != role:
            self.example.setProperty("role", role)
            self.example.style().unpolish(self.example)
            self.example.style().polish(self.example)


def as_preferences(rules: ExportRules, options: WriteOptions | None) -> dict[str, object]:
    """The values of Preferences that keep export settings."""
    write = "" if options is None else json.dumps(dataclasses.asdict(options))
    return {
        "export_place": rules.place,
        "export_subfolder": rules.subfolder,
        "export_name": rules.template,
        "export_write": write,
    }
