"""A slider with a value range, an optional mark, wheel and keyboard control."""

from __future__ import annotations

from denoiser_gui.qt import (
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPointF,
    QPolygonF,
    QRectF,
    QSize,
    QSlider,
    Qt,
    QWheelEvent,
    Signal,
)
from denoiser_gui.view import theme

_TICKS = 10_000
_STEPS = 100  # arrow key steps from end to end
_FINE = 10  # Shift makes steps this many times smaller
_NOTCH = 120
_TRACK, _KNOB, _ROOM = 4, 8, 10  # track height, knob radius, margin at both ends


class ValueSlider(QSlider):
    """Converts positions to values; *bend* below 1 gives small values more room."""

    moved = Signal(float)  # by the user
    reset = Signal()  # the user wants the default

    def __init__(
        self,
        minimum: float,
        maximum: float,
        *,
        bend: float = 1.0,
        small: bool = False,
    ) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._minimum, self._maximum, self._bend = minimum, maximum, bend
        self._radius = _KNOB - 2 if small else _KNOB
        self._mark: float | None = None
        self._automatic = False
        self.setRange(0, _TICKS)
        self.setSingleStep(_TICKS // _STEPS)
        self.setPageStep(_TICKS // 10)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedHeight(24 if not small else 20)
        theme.current().changed.connect(self.update)

    @property
    def amount(self) -> float:
        """The current value."""
        share: float = (self.value() / _TICKS) ** (1 / self._bend)
        return self._minimum + (self._maximum - self._minimum) * share

    def set_amount(self, amount: float) -> None:
        """Set the value without emitting `moved`."""
        share = (amount - self._minimum) / (self._maximum - self._minimum)
        self.setValue(round(_TICKS * min(max(share, 0.0), 1.0) ** self._bend))

    def set_mark(self, amount: float | None, *, automatic: bool = False) -> None:
        """Mark a value on the scale; *automatic* if it is also the current one."""
        self._mark, self._automatic = amount, automatic
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, self.height())

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Down: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: 1,
            Qt.Key.Key_PageUp: 10,
            Qt.Key.Key_PageDown: -10,
        }
        key = Qt.Key(event.key())
        if key in steps:
            self._step(steps[key], fine=bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier))
        elif key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._go(0 if key is Qt.Key.Key_Home else _TICKS)
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.reset.emit()
        else:
            event.ignore()

    def wheelEvent(self, event: QWheelEvent) -> None:
        fine = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        turned = event.angleDelta().y() or event.angleDelta().x()
        self._step(turned / _NOTCH, fine=fine)
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self._go_to(event.position().x())
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self.isSliderDown():
            self._go_to(event.position().x())

    def mouseReleaseEvent(self, _event: QMouseEvent) -> None:
        self.setSliderDown(False)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.setSliderDown(False)
        self.reset.emit()
        event.accept()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.update()

    def paintEvent(self, _event: QPaintEvent) -> None:
        look = theme.current()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        middle, left, right = self.height() / 2, float(_ROOM), float(self.width() - _ROOM)
        at = left + (right - left) * self.value() / _TICKS
        enabled = self.isEnabled()
        painter.setBrush(look.colour("track"))
        painter.drawRoundedRect(QRectF(left, middle - _TRACK / 2, right - left, _TRACK), _TRACK / 2, _TRACK / 2)
        painter.setBrush(look.colour("accent" if enabled else "faint"))
        painter.drawRoundedRect(QRectF(left, middle - _TRACK / 2, at - left, _TRACK), _TRACK / 2, _TRACK / 2)
        if self._mark is not None:
            self._draw_mark(painter, left, right, middle)
        if self.hasFocus():
            painter.setBrush(look.colour("focus", 0.35))
            painter.drawEllipse(QPointF(at, middle), self._radius + 4, self._radius + 4)
        painter.setBrush(look.colour("knob" if enabled else "faint"))
        painter.setPen(look.colour("second", 0.6))
        painter.drawEllipse(QPointF(at, middle), self._radius, self._radius)

    def _draw_mark(self, painter: QPainter, left: float, right: float, middle: float) -> None:
        assert self._mark is not None  # checked by the caller
        share = (self._mark - self._minimum) / (self._maximum - self._minimum)
        at = left + (right - left) * min(max(share, 0.0), 1.0) ** self._bend
        painter.setBrush(theme.current().colour("accent"))
        top = middle - self._radius - 3
        painter.drawPolygon(QPolygonF([QPointF(at, top + 4), QPointF(at - 4, top - 2), QPointF(at + 4, top - 2)]))
        if not self._automatic:
            painter.drawRect(QRectF(at - 0.75, middle - 6, 1.5, 12))

    def _step(self, steps: float, *, fine: bool) -> None:
        self._go(self.value() + round(steps * self.singleStep() / (_FINE if fine else 1)))

    def _go_to(self, across: float) -> None:
        room = max(1, self.width() - 2 * _ROOM)
        self._go(round(_TICKS * (across - _ROOM) / room))

    def _go(self, ticks: int) -> None:
        ticks = min(max(ticks, 0), _TICKS)
        if ticks != self.value():
            self.setValue(ticks)
            self.moved.emit(self.amount)
