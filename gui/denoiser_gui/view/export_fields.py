"""The fields of the output options, which Save as and the export settings of the batch share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from denoiser.batch.layout import WITH_QUALITY
from denoiser.imageio import formats
from denoiser.options import WriteOptions, bits_of, controls
from denoiser_gui import qt
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.translation import tr
from denoiser_gui.view.widgets import STRETCH, Dropdown, NumberBox, row

_INDENT = 6  # px; as in the other fields
_LONG_EDGE, _PERCENT = 2048, 50  # what the fields of the size begin with


class SizeField(qt.QWidget):
    """Full size, the long edge in pixels, or a percentage."""

    changed = Signal()

    def __init__(self, size: str) -> None:
        super().__init__()
        self.kind = box([(tr("Full size"), ""), (tr("Long edge"), "px"), (tr("Percent"), "%")])
        self.kind.setAccessibleName(tr("Size"))
        self.number = NumberBox(1, 9_999_999, unit=" px")
        self.number.setAccessibleName(tr("Long edge"))
        self.number.setProperty("role", "")
        self.kind.setCurrentIndex(2 if size.endswith("%") else 1 if size else 0)
        self._show_kind()
        if size:
            self.number.setValue(float(size.removesuffix("%")))
        self.setLayout(row(self.kind, self.number, STRETCH))
        self.kind.currentIndexChanged.connect(lambda _at: self._show_kind())
        self.number.valueChanged.connect(lambda _value: self.changed.emit())

    @property
    def size(self) -> str:  # type: ignore[override]  # the size of a widget is not asked for
        """The option: empty, pixels, or a percentage."""
        kind = self.kind.currentData()
        self.number.interpretText()
        if kind == "px":
            return str(round(self.number.value()))
        return f"{self.number.value():g}%" if kind else ""

    def _show_kind(self) -> None:
        kind = self.kind.currentData()
        with qt.QSignalBlocker(self.number):
            self.number.setDecimals(1 if kind == "%" else 0)
            self.number.setSuffix(" %" if kind == "%" else " px")
            self.number.setRange(0.1 if kind == "%" else 1, 100 if kind == "%" else 9_999_999)
            self.number.setValue(_PERCENT if kind == "%" else _LONG_EDGE)
        self.number.setAccessibleName(tr("Percent") if kind == "%" else tr("Long edge"))
        self.number.setVisible(bool(kind))
        self.changed.emit()


class ExportFields:
    """Widgets for format, depth, quality, size and metadata. The format may follow from a file name instead."""

    def __init__(self, options: WriteOptions, same_format: str) -> None:
        named = [(formats.ROWS[str(key)].name, key) for key in controls(WriteOptions)["format"].choices]
        self.format = box([(same_format, None), *named])
        self.format.setCurrentIndex(max(0, self.format.findData(options.format)))
        self.bits = Dropdown()
        self._depth = options.depth
        self.quality = NumberBox(1, 100, automatic=True)
        self.quality.setProperty("role", "")
        self.quality.setAlignment(Qt.AlignmentFlag.AlignLeft)
        self.quality.lineEdit().setTextMargins(_INDENT, 0, 0, 0)
        self.quality.set_amount(options.quality)
        self.size = SizeField(options.size)
        self.strip = qt.QCheckBox(tr("Remove metadata (keep colour profile)"))
        self.strip.setChecked(options.strip)
        self.ticket = qt.QCheckBox(tr("Embed processing record"))
        self.ticket.setChecked(options.ticket)
        for name, described in controls(WriteOptions).items():
            widget = self.bits if name == "depth" else getattr(self, name)  # QWidget.depth is a method
            widget.setToolTip(tr(described.help))
        self.show_format(None)

    def add_to(self, form: qt.QFormLayout) -> None:
        """Add a row for each field."""
        fields: dict[str, qt.QWidget] = {tr("Format"): self.format, tr("Depth"): self.bits}
        fields |= {tr("Quality"): self.quality, tr("Size"): self.size}
        for text, field in fields.items():
            form.addRow(text, field)
            field.setAccessibleName(text)
        form.addRow("", self.strip)
        form.addRow("", self.ticket)

    def set_enabled(self, is_on: bool) -> None:
        """Enable or disable all fields; `show_format` decides on the quality."""
        for field in (self.format, self.bits, self.quality, self.size, self.strip, self.ticket):
            field.setEnabled(is_on)

    @property
    def options(self) -> WriteOptions:
        """The chosen output options."""
        self.quality.interpretText()  # what is being typed
        quality = self.quality.amount
        return WriteOptions(
            format=self.format.currentData(),
            depth=self.bits.currentData(),
            quality=None if quality is None else round(quality),
            size=self.size.size,
            strip=self.strip.isChecked(),
            ticket=self.ticket.isChecked(),
        )

    def show_format(self, shown: formats.Format | None) -> None:
        """Offer the depths of a format, and the quality if it has one; all of them for an unknown format."""
        kept = self.bits.currentData() if self.bits.count() else self._depth
        self.bits.clear()
        self.bits.addItem(tr("Same as source, if supported"), None)
        for value in map(str, controls(WriteOptions)["depth"].choices):
            bits = bits_of(WriteOptions(depth=value))
            if shown is None or not shown.depths or bits in shown.depths:
                self.bits.addItem(tr("float") if bits == 32 else tr("{bits} bit", bits=bits), value)
        self.bits.setCurrentIndex(max(0, self.bits.findData(kept)))
        self.quality.setEnabled(shown is None or shown.key in WITH_QUALITY)


def box(choices: Iterable[tuple[str, Any]]) -> Dropdown:
    """A combo box with these texts and values."""
    made = Dropdown()
    for text, value in choices:
        made.addItem(text, value)
    return made
