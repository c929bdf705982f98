"""A combo box that looks like text, right-aligned next to its arrow."""

from __future__ import annotations

from denoiser_gui.qt import QComboBox, QPainter, QPaintEvent, QRectF, QSize, Qt
from denoiser_gui.view import icons, theme

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
