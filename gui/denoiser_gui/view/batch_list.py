"""The rows of the batch panel as a table model, and the texts about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from denoiser_gui.batch_control import BatchStatus
from denoiser_gui.model import captions
from denoiser_gui.model.batch_queue import BatchCounts, BatchRow, RowState
from denoiser_gui.qt import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, QSize, Qt
from denoiser_gui.translation import tr
from denoiser_gui.view import theme
from denoiser_gui.view.icons import icon
from denoiser_gui.view.thumbnails import Thumbnails, framed, untinted

Index = QModelIndex | QPersistentModelIndex
NAME, DETAIL, NOISE, STATE, TIME = range(5)  # columns; the detail is the folder, a note or the error
WIDTHS = {NAME: 230, NOISE: 80, STATE: 130, TIME: 80}  # in px; the detail gets the rest
THUMBNAIL = QSize(48, 32)
_SIGN = QSize(14, 14)
_COLOURS = {RowState.DONE: "good", RowState.ALREADY_DONE: "good", RowState.FAILED: "bad"}
_ICONS = {RowState.WAITING: "waiting", RowState.RUNNING: "resume", RowState.FAILED: "warning"}
_NO_INDEX = QModelIndex()


def state_text(row: BatchRow) -> str:
    """The state of a row as text."""
    if row.state is RowState.RUNNING:
        return tr("writing") if row.fraction == 1 else tr("{percent} %", percent=round(100 * row.fraction))
    texts = {
        RowState.WAITING: tr("waiting"),
        RowState.DONE: tr("done"),
        RowState.ALREADY_DONE: tr("already done"),
        RowState.FAILED: tr("failed"),
    }
    return texts[row.state]


def summary(counts: BatchCounts, status: BatchStatus, seconds_left: float | None) -> str:
    """Progress of the batch in one line; empty without a batch."""
    if not counts.size:
        return ""
    texts = {
        BatchStatus.IDLE: "",
        BatchStatus.RUNNING: tr("running"),
        BatchStatus.PAUSING: tr("pausing"),
        BatchStatus.PAUSED: tr("paused"),
        BatchStatus.STOPPING: tr("stopping"),
    }
    timed = status is BatchStatus.RUNNING and seconds_left is not None
    failed = counts.states[RowState.FAILED]
    parts = [
        tr("{over} of {total}", over=counts.over, total=counts.size),
        captions.time_left(seconds_left or 0.0) if timed else texts[status],
        tr("{count} failed", count=failed) if failed else "",
    ]
    return " · ".join(filter(None, parts))


class BatchModel(QAbstractTableModel):
    """One row per file, in the order they were added."""

    def __init__(self, thumbnails: Thumbnails, parent: QObject) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self._rows: list[BatchRow] = []
        self._places: dict[object, int] = {}

    def rowCount(self, parent: Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = _NO_INDEX) -> int:
        return 0 if parent.isValid() else TIME + 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        row, column = self._rows[index.row()], index.column()
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return _text(row, column)
            case Qt.ItemDataRole.DecorationRole if column == NAME:
                return untinted(framed(self._thumbnails.get(row.source), THUMBNAIL))
            case Qt.ItemDataRole.DecorationRole if column == STATE:
                sign = icon(_ICONS.get(row.state, "check"), _COLOURS.get(row.state, "second"))
                return untinted(sign.pixmap(_SIGN, theme.scale()))
            case Qt.ItemDataRole.ForegroundRole if column == STATE:
                return theme.colour(_COLOURS.get(row.state, "second"))
            case Qt.ItemDataRole.ForegroundRole if column != NAME:
                return theme.colour("bad" if column == DETAIL and row.problem else "second")
            case Qt.ItemDataRole.TextAlignmentRole if column in (NOISE, TIME):
                return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            case Qt.ItemDataRole.ToolTipRole:
                return _full_text(row)
            case Qt.ItemDataRole.AccessibleTextRole:
                return _full_text(row).replace("\n", ", ")
        return None

    def put(self, rows: Sequence[BatchRow]) -> None:
        """Show these rows; keeps the scroll position if the files are the same."""
        if [row.source for row in rows] == [row.source for row in self._rows]:
            self._rows = list(rows)
            self._emit_changed(0, len(rows) - 1)
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
            self._emit_changed(place, place)

    def row_at(self, index: Index) -> BatchRow:
        """The row at an index."""
        return self._rows[index.row()]

    def _emit_changed(self, first: int, last: int) -> None:
        if last >= first:
            self.dataChanged.emit(self.index(first, NAME), self.index(last, TIME))


def _text(row: BatchRow, column: int) -> str:
    match column:
        case 0:
            return row.source.name
        case 1:
            problem = " ".join(filter(None, (row.problem, row.hint)))
            return problem or next(iter(row.notes), "") or captions.short_path(row.source.parent)
        case 2:
            return captions.noise_text(row.sigma)
        case 3:
            return state_text(row)
    return "" if row.seconds is None else captions.duration(row.seconds)


def _full_text(row: BatchRow) -> str:
    """Everything known about a row, one fact per line."""
    folder = captions.short_path(row.source.parent)
    more = (row.problem, row.hint, *row.notes)
    return captions.caption_lines(f"{row.source.name}\n{folder}", state_text(row), row.sigma, row.target, *more)
