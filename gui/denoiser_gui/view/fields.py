"""A numeric input that looks like text until it is focused, and never exceeds its range."""

from __future__ import annotations

from denoiser_gui.qt import QFocusEvent, QKeyEvent, QLineEdit, Qt, QWidget, Signal
from denoiser_gui.words import tr


class NumberField(QLineEdit):
    """Shows a value with its unit; emits *entered* after the user typed another one, limited to the range."""

    entered = Signal(object)  # float, or None for automatic

    def __init__(
        self,
        minimum: float,
        maximum: float,
        *,
        decimals: int = 0,
        factor: float = 1.0,
        unit: str = "",
        automatic: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._minimum, self._maximum = minimum, maximum
        self._decimals, self._factor, self._unit = decimals, factor, unit
        self._automatic = automatic
        self._value: float | None = None
        self._prefix = ""
        self.setProperty("role", "number")
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.editingFinished.connect(self._enter)
        self.set_value(None if automatic else minimum)

    @property
    def value(self) -> float | None:
        """The value; None for automatic."""
        return self._value

    def set_value(self, value: float | None, *, measured: float | None = None) -> None:
        """Show a value; for automatic also the estimated one, if known."""
        self._value = value
        if value is not None:
            words = self._in_words(value)
        else:
            words = tr("Auto") if measured is None else tr("Auto {level}", level=self._in_words(measured))
        if not self.hasFocus() or not self.isModified():
            self.setText(words)
            self.setModified(False)
        self.setCursorPosition(0)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.selectAll()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.setModified(False)
            self.set_value(self._value)
            self.clearFocus()
            return
        super().keyPressEvent(event)

    def _in_words(self, value: float) -> str:
        return f"{value * self._factor:.{self._decimals}f}{self._unit}"

    def _enter(self) -> None:
        if not self.isModified():
            return
        self.setModified(False)
        understood, value = self._understood(self.text())
        if understood and value != self._value:
            self._value = value
            self.entered.emit(value)
        self.set_value(self._value)

    def _understood(self, text: str) -> tuple[bool, float | None]:
        """Whether the text is valid, and its value."""
        plain = text.strip().removesuffix(self._unit.strip()).strip().replace(",", ".")
        if self._automatic and (not plain or plain.lower() in ("auto", tr("Auto").lower())):
            return True, None
        plain = plain.removeprefix(tr("Auto")).strip()
        try:
            value = float(plain) / self._factor
        except ValueError:
            return False, None
        if value != value:
            return False, None
        return True, min(max(value, self._minimum), self._maximum)
