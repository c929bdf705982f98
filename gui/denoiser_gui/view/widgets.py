"""Small widgets that several parts of the window use, and opening folders in the system's file manager."""

from __future__ import annotations

from pathlib import Path

from denoiser_gui.qt import (
    QComboBox,
    QDesktopServices,
    QFocusEvent,
    QFrame,
    QKeyEvent,
    QLabel,
    QLineEdit,
    QPainter,
    QPaintEvent,
    QRectF,
    QSize,
    QSizePolicy,
    Qt,
    QUrl,
    QWidget,
    Signal,
)
from denoiser_gui.view import icons, theme
from denoiser_gui.words import tr


def separator(parent: QWidget | None = None) -> QFrame:
    """A horizontal line, one pixel high."""
    line = QFrame(parent)
    line.setProperty("role", "rule")
    line.setFixedHeight(1)
    return line


def show_folder(folder: Path) -> None:
    """Open *folder*, or its nearest existing parent."""
    place = next((each for each in (folder, *folder.parents) if each.is_dir()), folder)
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(place)))


class ElidedLabel(QLabel):
    """Plain text of flexible width."""

    def __init__(
        self,
        text: str = "",
        parent: QWidget | None = None,
        *,
        role: str = "",
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
    ) -> None:
        super().__init__(parent)
        self._mode = mode
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        if role:
            self.setProperty("role", role)
        self.say(text)

    def say(self, text: str) -> None:
        """Set the text and the tooltip."""
        self.setText(text)
        self.setToolTip(text)

    def minimumSizeHint(self) -> QSize:
        return QSize(min(48, self.sizeHint().width()), super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: ARG002
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(self.palette().windowText().color())
        words = self.fontMetrics().elidedText(self.text(), self._mode, self.contentsRect().width())
        painter.drawText(self.contentsRect(), int(self.alignment()), words)
        painter.end()


_ARROW = 12
_ROOM = 6


class PlainCombo(QComboBox):
    """For rows of the panel; as wide as its text."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "plain")
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.currentTextChanged.connect(lambda _: self.updateGeometry())
        theme.current().changed.connect(self.update)

    def sizeHint(self) -> QSize:
        words = self.fontMetrics().horizontalAdvance(self.currentText())
        return QSize(words + _ARROW + 4 * _ROOM, 26)

    def minimumSizeHint(self) -> QSize:
        return QSize(48, 26)

    def showPopup(self) -> None:
        """Open the list, as wide as its longest entry."""
        self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + 4 * _ROOM)
        super().showPopup()

    def paintEvent(self, _event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        place = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(Qt.PenStyle.NoPen)
        if self.isEnabled() and self.underMouse():
            painter.setBrush(look.colour("hover"))
            painter.drawRoundedRect(place, 6, 6)
        if self.hasFocus():
            pen = painter.pen()
            pen.setStyle(Qt.PenStyle.SolidLine)
            pen.setColor(look.colour("focus"))
            pen.setWidth(2)
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(place, 6, 6)
        ink = look.colour("text" if self.isEnabled() else "faint")
        arrow = QRectF(place.right() - _ARROW - 3, place.center().y() - _ARROW / 2, _ARROW, _ARROW)
        icons.paint_icon(painter, arrow, "down", look.colour("second"))
        painter.setPen(ink)
        words = place.adjusted(_ROOM, 0, -_ARROW - 2 * _ROOM, 0)
        shown = self.fontMetrics().elidedText(self.currentText(), Qt.TextElideMode.ElideMiddle, int(words.width()))
        painter.drawText(words, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, shown)


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
