"""Small widgets and layouts that several parts of the window use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from denoiser_gui import qt
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.translation import tr
from denoiser_gui.view import theme
from denoiser_gui.view.icons import icon

STRETCH = None  # in a row or column: takes the free space
Item = qt.QWidget | qt.QLayout | int | None  # an int is a space in pixels
Margins = tuple[int, int, int, int]  # left, top, right, bottom
Widget = TypeVar("Widget", bound=qt.QWidget)
_COMBO = 150  # px; width of a combo box in the panel
Layout = TypeVar("Layout", bound=qt.QBoxLayout)


def row(*items: Item, margins: Margins = (0, 0, 0, 0), spacing: int = theme.UNIT) -> qt.QHBoxLayout:
    """Items from left to right."""
    return _filled(qt.QHBoxLayout(), items, margins, spacing)


def column(*items: Item, margins: Margins = (0, 0, 0, 0), spacing: int = 0) -> qt.QVBoxLayout:
    """Items from top to bottom."""
    return _filled(qt.QVBoxLayout(), items, margins, spacing)


def _filled(layout: Layout, items: tuple[Item, ...], margins: Margins, spacing: int) -> Layout:
    layout.setContentsMargins(*margins)
    layout.setSpacing(spacing)
    for item in items:
        if item is None:
            layout.addStretch(1)
        elif isinstance(item, int):
            layout.addSpacing(item)
        elif isinstance(item, qt.QLayout):
            layout.addLayout(item)
        else:
            layout.addWidget(item)
    return layout


def styled(widget: Widget, role: str) -> Widget:
    """Give a widget the background of a role of the style sheet."""
    widget.setProperty("role", role)
    widget.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    return widget


def label(text: str = "", role: str = "") -> qt.QLabel:
    """A text in the style of a role."""
    made = qt.QLabel(text)
    made.setProperty("role", role)
    return made


def button(text: str, role: str, icon_name: str = "", pressed: Callable[[], Any] | None = None) -> qt.QPushButton:
    """A button in the style of a role, with an optional icon."""
    made = qt.QPushButton()
    made.setProperty("role", role)
    made.setIconSize(qt.QSize(20, 14))  # wider than the icon, for space before the text
    set_label(made, text, icon_name)
    if pressed is not None:
        made.clicked.connect(lambda _checked: pressed())
    return made


def set_label(pushed: qt.QPushButton, text: str, icon_name: str = "") -> None:
    """Change text and icon of a button only if they differ: a change recomputes the layout."""
    if pushed.text() != text:
        pushed.setText(text)
        pushed.setAccessibleName(text.rstrip("…"))
        if icon_name:
            pushed.setIcon(icon(icon_name, "on_accent" if pushed.property("role") == "primary" else "second"))


def tool_button(icon_name: str, name: str, pressed: Callable[[], Any] | None = None) -> qt.QToolButton:
    """A button that shows an icon only."""
    made = qt.QToolButton()
    made.setIcon(icon(icon_name, "second"))
    made.setToolTip(name)
    made.setAccessibleName(name)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    if pressed is not None:
        made.clicked.connect(lambda _checked: pressed())
    return made


class _ChoiceDelegate(qt.QStyledItemDelegate):
    """Draws choices, and separators as lines."""

    def sizeHint(self, option: qt.QStyleOptionViewItem, index: Any) -> qt.QSize:
        size = super().sizeHint(option, index)
        return qt.QSize(size.width(), theme.UNIT + 1) if _is_separator(index) else size

    def paint(self, painter: qt.QPainter, option: qt.QStyleOptionViewItem, index: Any) -> None:
        if not _is_separator(index):
            super().paint(painter, option, index)
            return
        place: qt.QRect = option.rect
        painter.fillRect(place.left(), place.center().y(), place.width(), 1, theme.colour("line"))


def _is_separator(index: Any) -> bool:
    return bool(index.data(Qt.ItemDataRole.AccessibleDescriptionRole) == "separator")  # as QComboBox marks it


class Dropdown(qt.QComboBox):
    """A combo box whose list shows complete rows, within the window where it can."""

    def __init__(self) -> None:
        super().__init__()
        self.setItemDelegate(_ChoiceDelegate(self))  # the default one ignores the height of the style sheet

    def showPopup(self) -> None:
        super().showPopup()
        view = self.view()
        shown = range(min(self.count(), self.maxVisibleItems()))
        rows = sum(view.sizeHintForRow(at) for at in shown)
        for _ in range(2):  # the frame of the list is known after the first time
            self._place(view.window(), rows + view.window().height() - view.viewport().height())

    def _place(self, popup: qt.QWidget, height: int) -> None:
        """Move the list below the box, or above it, within the window."""
        window = self.window()
        room = window.rect().translated(window.mapToGlobal(qt.QPoint(0, 0)))
        left, above = self.mapToGlobal(qt.QPoint(0, 0)).toTuple()
        below, height = above + self.height(), min(height, room.height())
        top = below if below + height <= room.bottom() else max(above - height, room.top())
        width = min(max(popup.width(), self.width()), room.width())
        popup.setGeometry(max(room.left(), min(left, room.right() - width)), top, width, height)


def plain_combo(name: str) -> Dropdown:
    """A combo box without a frame."""
    made = Dropdown()
    made.setProperty("role", "plain")
    made.setFixedWidth(_COMBO)  # the choices of a column of combo boxes are aligned
    made.setAccessibleName(name)
    return made


def segments(buttons: list[Widget]) -> qt.QFrame:
    """Buttons of which one is checked, in a common frame."""
    frame = qt.QFrame()
    frame.setProperty("role", "segments")
    for segment in buttons:
        segment.setProperty("role", "segment")
    frame.setLayout(row(*buttons, margins=(2, 2, 2, 2), spacing=0))
    return frame


def separator() -> qt.QFrame:
    """A horizontal line, one pixel high."""
    line = qt.QFrame()
    line.setProperty("role", "rule")
    return line


def scroll_area(content: qt.QWidget) -> qt.QScrollArea:
    """Scrolls *content*, which takes the full width."""
    area = qt.QScrollArea()
    area.setWidget(content)
    area.setWidgetResizable(True)
    area.setFrameShape(qt.QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    return area


def choose_folder(parent: qt.QWidget, title: str, start: str, chosen: Callable[[Path], object]) -> None:
    """Show a dialog to choose a folder; *chosen* receives it."""
    dialog = qt.QFileDialog(parent, title, start)
    dialog.setFileMode(qt.QFileDialog.FileMode.Directory)
    dialog.setOption(qt.QFileDialog.Option.ShowDirsOnly)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.fileSelected.connect(lambda name: chosen(Path(name)))
    dialog.open()


class ElidedLabel(qt.QLabel):
    """Plain text of flexible width."""

    def __init__(
        self, text: str = "", role: str = "", mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight
    ) -> None:
        super().__init__()
        self._mode = mode
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(qt.QSizePolicy.Policy.Maximum, qt.QSizePolicy.Policy.Preferred)
        self.setProperty("role", role)
        self.set_text(text)

    def set_text(self, text: str) -> None:
        """Set the text and the tooltip."""
        self.setText(text)
        self.setToolTip(text)

    def minimumSizeHint(self) -> qt.QSize:
        return qt.QSize(min(48, self.sizeHint().width()), super().minimumSizeHint().height())

    def paintEvent(self, _event: qt.QPaintEvent) -> None:
        painter = qt.QPainter(self)
        text = self.fontMetrics().elidedText(self.text(), self._mode, self.contentsRect().width())
        painter.drawText(self.contentsRect(), int(self.alignment()), text)


class NumberBox(qt.QDoubleSpinBox):
    """A number with its unit. With *automatic*, the position below the minimum means automatic."""

    entered = Signal(object)  # by the user: float, or None for automatic

    def __init__(
        self, minimum: float, maximum: float, *, decimals: int = 0, unit: str = "", automatic: bool = False
    ) -> None:
        super().__init__()
        self._minimum, self._automatic = minimum, automatic
        self.setDecimals(decimals)
        self.setSuffix(unit)
        self.setRange(minimum - (10**-decimals if automatic else 0), maximum)
        self.setSpecialValueText(tr("Auto") if automatic else "")
        self.setLocale(qt.QLocale.c())
        self.setKeyboardTracking(False)
        self.setProperty("role", "number")
        self.setButtonSymbols(qt.QAbstractSpinBox.ButtonSymbols.NoButtons)
        self.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.setMinimumWidth(96 if automatic else 64)
        self.valueChanged.connect(lambda _: self.entered.emit(self.amount))

    @property
    def amount(self) -> float | None:
        """The value; None for automatic."""
        return None if self._automatic and self.value() < self._minimum else self.value()

    def set_amount(self, amount: float | None, estimate: float | None = None) -> None:
        """Show a value without emitting `entered`; for automatic also the estimated one, if known."""
        with qt.QSignalBlocker(self):
            if self._automatic:
                text = tr("Auto {level}", level=f"{estimate:.{self.decimals()}f}") if estimate else tr("Auto")
                self.setSpecialValueText(text)
            self.setValue(self.minimum() if amount is None else amount)

    def keyPressEvent(self, event: qt.QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.setValue(self.value())  # discards what was typed
            self.clearFocus()
        else:
            super().keyPressEvent(event)

    def validate(self, text: str, position: int) -> tuple[qt.QValidator.State, str, int]:
        if self._means_automatic(text):
            return qt.QValidator.State.Acceptable, text, position
        return super().validate(text.replace(",", "."), position)

    def valueFromText(self, text: str) -> float:
        return self.minimum() if self._means_automatic(text) else super().valueFromText(text.replace(",", "."))

    def _means_automatic(self, text: str) -> bool:
        """Whether the text is empty, or begins the word for automatic."""
        word = text.strip().lower()
        return self._automatic and (tr("Auto").lower().startswith(word) or text == self.specialValueText())


_TICKS = 10_000
_STEPS = 100  # arrow key steps from end to end
_FINE = 10  # Shift makes steps this many times smaller
_NOTCH = 120


class ValueSlider(qt.QSlider):
    """Converts positions to values; *bend* below 1 gives small values more room."""

    moved = Signal(float)  # by the user
    reset = Signal()  # the user asks for the default

    def __init__(
        self,
        minimum: float,
        maximum: float,
        *,
        bend: float = 1.0,
        handle: int = 12,
        unit: str = "",
        factor: float = 1.0,
    ) -> None:
        super().__init__(Qt.Orientation.Horizontal)
        self._minimum, self._maximum, self._bend = minimum, maximum, bend
        self.unit, self.factor = unit, factor  # for screen readers
        self._handle = handle  # its width, as in the style sheet
        self._mark: float | None = None
        self._automatic = False
        self.setProperty("handle", handle)
        self.setRange(0, _TICKS)
        self.setPageStep(_TICKS // 10)
        self.setFixedHeight(handle + 10)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.valueChanged.connect(lambda _: self.moved.emit(self.amount))

    @property
    def amount(self) -> float:
        """The current value."""
        share: float = (self.value() / _TICKS) ** (1 / self._bend)
        return self._minimum + (self._maximum - self._minimum) * share

    @property
    def limits(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        return self._minimum, self._maximum

    @property
    def decimals(self) -> int:
        """Decimals that a person distinguishes."""
        return 1 if (self._maximum - self._minimum) * self.factor / _STEPS < 1 else 0

    @property
    def spoken(self) -> str:
        """The value with its unit, for screen readers."""
        text = f"{self.amount * self.factor:.{self.decimals}f} {self.unit}".strip()
        return tr("Auto {level}", level=text) if self._automatic else text

    def set_amount(self, amount: float) -> None:
        """Set the value without emitting `moved`."""
        with qt.QSignalBlocker(self):
            self.set_position_of(amount)

    def set_position_of(self, amount: float) -> None:
        """Move to a value as the user does."""
        self.setValue(round(_TICKS * self._share(amount)))

    def set_mark(self, amount: float | None, *, automatic: bool = False) -> None:
        """Mark a value on the scale; *automatic* if it is also the current one."""
        self._mark, self._automatic = amount, automatic
        self.update()

    def keyPressEvent(self, event: qt.QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.reset.emit()
            return
        self.setSingleStep(_step(event))
        super().keyPressEvent(event)

    def wheelEvent(self, event: qt.QWheelEvent) -> None:
        turned = event.angleDelta().y() or event.angleDelta().x()
        self.setValue(self.value() + round(turned / _NOTCH * _step(event)))
        event.accept()

    def mousePressEvent(self, event: qt.QMouseEvent) -> None:
        if event.button() is Qt.MouseButton.LeftButton:
            self.setSliderDown(True)
            self.mouseMoveEvent(event)

    def mouseMoveEvent(self, event: qt.QMouseEvent) -> None:
        if self.isSliderDown():
            across, room = round(event.position().x()) - self._handle // 2, self.width() - self._handle
            self.setValue(qt.QStyle.sliderValueFromPosition(0, _TICKS, across, room))

    def mouseReleaseEvent(self, _event: qt.QMouseEvent) -> None:
        self.setSliderDown(False)

    def mouseDoubleClickEvent(self, _event: qt.QMouseEvent) -> None:
        self.setSliderDown(False)
        self.reset.emit()

    def paintEvent(self, event: qt.QPaintEvent) -> None:
        super().paintEvent(event)
        if self._mark is None:
            return
        painter = qt.QPainter(self)
        painter.setRenderHint(qt.QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme.colour("accent"))
        at = self.place_of(self._mark)
        painter.drawPolygon([qt.QPointF(at, 6), qt.QPointF(at - 4, 0), qt.QPointF(at + 4, 0)])
        if not self._automatic:
            painter.drawRect(qt.QRectF(at - 0.75, self.height() / 2 - 6, 1.5, 12))

    def place_of(self, amount: float) -> float:
        """Where the centre of the handle is at this value, in px from the left."""
        return self._handle / 2 + (self.width() - self._handle) * self._share(amount)

    def _share(self, amount: float) -> float:
        share = (amount - self._minimum) / (self._maximum - self._minimum)
        return float(min(max(share, 0.0), 1.0) ** self._bend)


def _step(event: qt.QKeyEvent | qt.QWheelEvent) -> int:
    is_fine = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
    return _TICKS // _STEPS // (_FINE if is_fine else 1)
