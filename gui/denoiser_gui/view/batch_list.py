"""The parts of the batch panel: list model and delegate of the rows, header and footer.

The header has progress and buttons, the footer the output folder.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from denoiser_gui.batch_control import BatchStatus, status_in_words
from denoiser_gui.model import captions
from denoiser_gui.model.batch_queue import BatchQueue, BatchRow, RowState
from denoiser_gui.qt import (
    QAbstractListModel,
    QFontMetrics,
    QHBoxLayout,
    QLabel,
    QModelIndex,
    QObject,
    QPainter,
    QPen,
    QProgressBar,
    QPushButton,
    QRectF,
    QSize,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    Qt,
    QToolButton,
    QVBoxLayout,
    QWidget,
    Signal,
)
from denoiser_gui.view import theme
from denoiser_gui.view.icons import icon, paint_icon
from denoiser_gui.view.photo_list import Index, paint_picture
from denoiser_gui.view.thumbnails import Thumbnails
from denoiser_gui.view.widgets import ElidedLabel
from denoiser_gui.words import tr, tr_count

ROW = Qt.ItemDataRole.UserRole
HEIGHT = 44  # px of a row
_NOWHERE = QModelIndex()
# Widths of the columns at the right, in px: noise, state, time.
_NOISE, _STATE, _TIME = 64, 120, 76
_COLOURS = {RowState.DONE: "good", RowState.ALREADY_DONE: "good", RowState.FAILED: "bad", RowState.CLEANING: "text"}
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


def state_in_words(row: BatchRow) -> str:
    """The state of a row as text."""
    if row.state is RowState.CLEANING and row.fraction == 1:
        return tr("writing")
    words = {
        RowState.WAITING: tr("waiting"),
        RowState.CLEANING: tr("{percent} %", percent=round(100 * row.fraction)),
        RowState.DONE: tr("done"),
        RowState.ALREADY_DONE: tr("already done"),
        RowState.FAILED: tr("failed"),
    }
    return words[row.state]


def in_full(row: BatchRow) -> str:
    """Everything known about a row, one fact per line."""
    lines = [row.source.name, captions.short_path(row.source.parent), state_in_words(row)]
    if row.sigma is not None:
        lines.append(tr("measured noise: σ {sigma}", sigma=f"{row.sigma:.1f}"))
    if row.target is not None:
        lines.append(tr("saved as {path}", path=captions.short_path(row.target)))
    lines += [line for line in (row.problem, row.hint, *row.notes) if line]
    return "\n".join(lines)


class BatchList(QAbstractListModel):
    """One row per file, in the order they were added."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._rows: list[BatchRow] = []
        self._places: dict[object, int] = {}

    def rowCount(self, parent: Index = _NOWHERE) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
        if role == ROW:
            return row
        if role == Qt.ItemDataRole.DisplayRole:
            return row.source.name
        if role == Qt.ItemDataRole.ToolTipRole:
            return in_full(row)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return in_full(row).replace("\n", ", ")
        return None

    def put(self, rows: Sequence[BatchRow]) -> None:
        """Show these rows; keeps the scroll position if the files are the same."""
        same = [row.source for row in rows] == [row.source for row in self._rows]
        if same:
            self._rows = list(rows)
            if rows:
                self.dataChanged.emit(self.index(0), self.index(len(rows) - 1))
            return
        self.beginResetModel()
        self._rows = list(rows)
        self._places = {row.source: place for place, row in enumerate(self._rows)}
        self.endResetModel()

    def change(self, row: BatchRow) -> None:
        """Update one row."""
        place = self._places.get(row.source)
        if place is not None:
            self._rows[place] = row
            at = self.index(place)
            self.dataChanged.emit(at, at)

    def row_at(self, index: Index) -> BatchRow | None:
        """The row at an index."""
        found = self.data(index, ROW)
        return found if isinstance(found, BatchRow) else None


class BatchDelegate(QStyledItemDelegate):
    """Paints thumbnail, name, folder, noise, state and time."""

    def __init__(self, thumbnails: Thumbnails, parent: QObject) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: ARG002
        return QSize(200, HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = index.data(ROW)
        if not isinstance(row, BatchRow):
            return
        painter.save()
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        place = QRectF(option.rect).adjusted(theme.UNIT, 1, -theme.UNIT, -1)
        _paint_ground(painter, place, option)
        paint_picture(painter, QRectF(place.x() + 6, place.y() + 5, 48, 32), self._thumbnails.get(row.source))
        right = place.right() - theme.UNIT
        columns = _TIME + _STATE + _NOISE
        self._paint_words(
            painter, QRectF(place.x() + 66, place.y(), right - columns - place.x() - 78, place.height()), row
        )
        _paint_cell(painter, QRectF(right - columns, place.y(), _NOISE, place.height()), captions.noise(row.sigma))
        _paint_state(painter, QRectF(right - _TIME - _STATE + 20, place.y(), _STATE - 20, place.height()), row)
        seconds = "" if row.seconds is None else captions.duration(row.seconds)
        _paint_cell(painter, QRectF(right - _TIME, place.y(), _TIME, place.height()), seconds)
        painter.restore()

    @staticmethod
    def _paint_words(painter: QPainter, place: QRectF, row: BatchRow) -> None:
        """The name, and below it the folder, or the error and its hint."""
        look = theme.current()
        painter.setFont(theme.interface_font())
        painter.setPen(look.colour("text"))
        upper = QRectF(place.x(), place.y() + 4, place.width(), 18)
        lower = QRectF(place.x(), place.y() + 22, place.width(), 16)
        painter.drawText(upper, _LEFT, _cut(painter, row.source.name, upper, Qt.TextElideMode.ElideMiddle))
        painter.setFont(theme.interface_font(theme.CAPTION_PX))
        below = " ".join(filter(None, (row.problem, row.hint))) or captions.short_path(row.source.parent)
        if row.notes and not row.problem:
            below = row.notes[0]
        painter.setPen(look.colour("bad" if row.problem else "second"))
        painter.drawText(lower, _LEFT, _cut(painter, below, lower, Qt.TextElideMode.ElideRight))


def _cut(painter: QPainter, text: str, place: QRectF, mode: Qt.TextElideMode) -> str:
    return QFontMetrics(painter.font()).elidedText(text, mode, int(place.width()))


def _paint_ground(painter: QPainter, place: QRectF, option: QStyleOptionViewItem) -> None:
    look = theme.current()
    chosen = bool(option.state & QStyle.StateFlag.State_Selected)
    if chosen or option.state & QStyle.StateFlag.State_MouseOver:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.colour("selected" if chosen else "hover"))
        painter.drawRoundedRect(place, 6, 6)
    if option.state & QStyle.StateFlag.State_HasFocus:
        painter.setPen(QPen(look.colour("focus"), 2))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(place.adjusted(1, 1, -1, -1), 5, 5)


def _paint_cell(painter: QPainter, place: QRectF, text: str) -> None:
    painter.setFont(theme.interface_font(theme.CAPTION_PX + 1))
    painter.setPen(theme.current().colour("second"))
    painter.drawText(place, _RIGHT, text)


def _paint_state(painter: QPainter, place: QRectF, row: BatchRow) -> None:
    """State with icon, or a progress bar while the row is processed."""
    look = theme.current()
    ink = look.colour(_COLOURS.get(row.state, "second"))
    painter.setFont(theme.interface_font(theme.CAPTION_PX + 1))
    painter.setPen(ink)
    words = state_in_words(row)
    if row.state is RowState.CLEANING:
        track = QRectF(place.x(), place.center().y() - 1.5, place.width() - 52, 3)
        painter.drawText(place, _RIGHT, words)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.colour("track"))
        painter.drawRoundedRect(track, 1.5, 1.5)
        painter.setBrush(look.colour("accent"))
        painter.drawRoundedRect(QRectF(track.x(), track.y(), track.width() * row.fraction, 3), 1.5, 1.5)
        return
    painter.drawText(place.adjusted(20, 0, 0, 0), _LEFT, words)
    sign = {RowState.FAILED: "warning", RowState.WAITING: "waiting"}.get(row.state, "check")
    paint_icon(painter, QRectF(place.x(), place.center().y() - 7, 14, 14), sign, ink)


_STEPS = 1000  # of the bar


def summary(queue: BatchQueue, status: BatchStatus) -> str:
    """Progress of the batch in one line; empty without a batch."""
    tally = queue.tally
    if not tally.size:
        return ""
    parts = [tr("{over} of {total}", over=tally.over, total=tally.size)]
    left = queue.seconds_left
    if status is BatchStatus.RUNNING and left is not None:
        parts.append(captions.time_left(left))
    elif status is not BatchStatus.IDLE:
        parts.append(status_in_words(status))
    if failed := tally.states[RowState.FAILED]:
        parts.append(tr("{count} failed", count=failed))
    return " · ".join(parts)


class BatchHeader(QWidget):
    """Title, progress, and the buttons for the current status."""

    start_wanted = Signal()
    pause_wanted = Signal()  # or resume
    stop_wanted = Signal()
    retry_wanted = Signal()
    replace_wanted = Signal()
    hide_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        title = QLabel(tr("Batch"), self)
        title.setProperty("role", "heading")
        self._summary = ElidedLabel(role="second", parent=self)
        self._replace = _button(self, "quiet", self.replace_wanted)
        self._retry = _button(self, "quiet", self.retry_wanted)
        self.start = _button(self, "outline", self.start_wanted)
        self.pause = _button(self, "quiet", self.pause_wanted)
        self.stop = _button(self, "quiet", self.stop_wanted)
        _label(self.start, tr("Start"), "resume")
        _label(self.stop, tr("Stop"), "stop")
        self._bar = QProgressBar(self)
        self._bar.setRange(0, _STEPS)
        self._bar.setTextVisible(False)
        keeps_its_place = self._bar.sizePolicy()
        keeps_its_place.setRetainSizeWhenHidden(True)
        self._bar.setSizePolicy(keeps_its_place)
        self._bar.setAccessibleName(tr("Progress of the batch"))
        row = _row(title, self._summary)
        row.addStretch(1)
        for widget in (self._replace, self._retry, self.start, self.pause, self.stop, self._hide_button()):
            row.addWidget(widget)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self._bar)

    def show_progress(self, queue: BatchQueue, status: BatchStatus) -> None:
        """Update the progress; fast enough to call for every tile."""
        self._bar.setValue(round(_STEPS * queue.tally.fraction))
        self._summary.say(summary(queue, status))

    def show_choices(self, queue: BatchQueue, status: BatchStatus) -> None:
        """Show the buttons that apply now."""
        idle, running = status is BatchStatus.IDLE, status is BatchStatus.RUNNING
        failed, blocked = queue.tally.states[RowState.FAILED], queue.tally.in_the_way
        self._bar.setVisible(not idle)
        self.start.setVisible(idle)
        self.start.setEnabled(queue.tally.states[RowState.WAITING] > 0)
        for button in (self.pause, self.stop):
            button.setVisible(not idle)
            button.setEnabled(status is not BatchStatus.STOPPING)
        _label(self.pause, tr("Pause") if running else tr("Resume"), "pause" if running else "resume")
        self._retry.setVisible(idle and failed > blocked)
        _label(self._retry, tr("Retry failed ({count})", count=failed), "retry")
        self._replace.setVisible(idle and blocked > 0)
        words = tr_count("Replace existing file", "Replace {count} existing files", blocked)
        _label(self._replace, words, "warning")

    def _hide_button(self) -> QToolButton:
        button = QToolButton(self)
        button.setIcon(icon("down", "second"))
        button.setIconSize(QSize(16, 16))
        button.setToolTip(tr("Hide (batch continues)"))
        button.setAccessibleName(tr("Hide (batch continues)"))
        button.clicked.connect(self.hide_wanted)
        return button


class BatchFooter(QWidget):
    """Output folder, and buttons to add and remove photos."""

    change_wanted = Signal()
    tree_wanted = Signal()
    clear_wanted = Signal()
    show_wanted = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._into = ElidedLabel(role="second", parent=self, mode=Qt.TextElideMode.ElideMiddle)
        self._change = _button(self, "link", self.change_wanted)
        self._tree = _button(self, "quiet", self.tree_wanted)
        self._clear = _button(self, "quiet", self.clear_wanted)
        self._show = _button(self, "quiet", self.show_wanted)
        _label(self._change, tr("Change…"), "")
        _label(self._tree, tr("Add folder…"), "open")
        _label(self._clear, tr("Clear finished"), "check")
        _label(self._show, tr("Open folder"), "folder")
        row = _row(self._into, self._change)
        row.addStretch(1)
        for button in (self._tree, self._clear, self._show):
            row.addWidget(button)
        self.setLayout(row)

    def show_choices(self, queue: BatchQueue, status: BatchStatus, folder: Path) -> None:
        """Show the buttons that apply now."""
        self._into.say(tr("Output: {folder}", folder=captions.short_path(folder)))
        self._change.setEnabled(status is BatchStatus.IDLE)
        states = queue.tally.states
        self._clear.setEnabled(states[RowState.DONE] + states[RowState.ALREADY_DONE] > 0)


def _button(parent: QWidget, role: str, pressed: object) -> QPushButton:
    button = QPushButton(parent)
    button.setProperty("role", role)
    button.setIconSize(QSize(20, 14))  # wider than the icon, for space before the text
    button.clicked.connect(pressed)
    return button


def _label(button: QPushButton, text: str, drawing: str) -> None:
    """Change text and icon of a button only if they differ: a change recomputes the layout."""
    if button.text() != text:
        button.setText(text)
        button.setAccessibleName(text.rstrip("…"))
        if drawing:
            button.setIcon(icon(drawing, "second"))


def _row(*widgets: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(2 * theme.UNIT, 4, theme.UNIT, 4)
    row.setSpacing(theme.UNIT)
    for widget in widgets:
        row.addWidget(widget)
    return row
