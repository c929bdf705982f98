"""List model and delegate of the batch rows."""

from __future__ import annotations

from collections.abc import Sequence

from denoiser_gui.model import captions
from denoiser_gui.model.batch_queue import Row, RowState
from denoiser_gui.qt import (
    QAbstractListModel,
    QFontMetrics,
    QModelIndex,
    QObject,
    QPainter,
    QPen,
    QRectF,
    QSize,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    Qt,
)
from denoiser_gui.view import theme
from denoiser_gui.view.frames import paint_picture
from denoiser_gui.view.icons import paint_icon
from denoiser_gui.view.photo_list import Index
from denoiser_gui.view.thumbnails import Thumbnails
from denoiser_gui.words import tr

ROW = Qt.ItemDataRole.UserRole
HEIGHT = 44  # px of a row
_NOWHERE = QModelIndex()
# Widths of the columns at the right, in px: noise, state, time.
_NOISE, _STATE, _TIME = 64, 120, 76
_COLOURS = {RowState.DONE: "good", RowState.ALREADY_DONE: "good", RowState.FAILED: "bad", RowState.CLEANING: "text"}
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter


def state_in_words(row: Row) -> str:
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


def in_full(row: Row) -> str:
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
        self._rows: list[Row] = []
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

    def put(self, rows: Sequence[Row]) -> None:
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

    def change(self, row: Row) -> None:
        """Update one row."""
        place = self._places.get(row.source)
        if place is not None:
            self._rows[place] = row
            at = self.index(place)
            self.dataChanged.emit(at, at)

    def row_at(self, index: Index) -> Row | None:
        """The row at an index."""
        found = self.data(index, ROW)
        return found if isinstance(found, Row) else None


class BatchDelegate(QStyledItemDelegate):
    """Paints thumbnail, name, folder, noise, state and time."""

    def __init__(self, thumbnails: Thumbnails, parent: QObject) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: ARG002
        return QSize(200, HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        row = index.data(ROW)
        if not isinstance(row, Row):
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
    def _paint_words(painter: QPainter, place: QRectF, row: Row) -> None:
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


def _paint_state(painter: QPainter, place: QRectF, row: Row) -> None:
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
