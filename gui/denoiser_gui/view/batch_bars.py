"""Header and footer of the batch panel: progress and buttons, output folder."""

from __future__ import annotations

from pathlib import Path

from denoiser_gui.batch_control import BatchStatus, status_in_words
from denoiser_gui.model import captions
from denoiser_gui.model.batch_queue import BatchQueue, RowState
from denoiser_gui.qt import (
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSize,
    Qt,
    QToolButton,
    QVBoxLayout,
    QWidget,
    Signal,
)
from denoiser_gui.view import theme
from denoiser_gui.view.elided import ElidedLabel
from denoiser_gui.view.icons import icon
from denoiser_gui.words import tr, tr_count

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
