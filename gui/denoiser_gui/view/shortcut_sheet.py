"""The list of keyboard shortcuts, generated from the actions."""

from __future__ import annotations

from collections.abc import Sequence

from denoiser_gui.qt import (
    QAction,
    QDialog,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QKeySequence,
    QLabel,
    QScrollArea,
    Qt,
    QVBoxLayout,
    QWidget,
)
from denoiser_gui.view import theme
from denoiser_gui.words import tr

Groups = Sequence[tuple[str, Sequence[QAction]]]
_COLUMNS = 2


class ShortcutSheet(QDialog):
    """Shows all shortcuts; not modal."""

    def __init__(self, groups: Groups, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(tr("Keyboard shortcuts"))
        self.setAccessibleName(tr("Keyboard shortcuts"))
        self.setModal(False)
        body = QWidget(self)
        columns = QHBoxLayout(body)
        columns.setContentsMargins(*(3 * theme.UNIT,) * 4)
        columns.setSpacing(5 * theme.UNIT)
        for share in _shared(_lines(groups), _COLUMNS):
            columns.addLayout(self._column(share))
        area = QScrollArea(self)
        area.setWidget(body)
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setAccessibleName(tr("Keyboard shortcuts"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)
        wanted = body.sizeHint()
        self.resize(min(wanted.width() + 24, 1000), min(wanted.height() + 8, 760))

    def _column(self, groups: list[tuple[str, list[tuple[str, str]]]]) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(theme.UNIT)
        for title, lines in groups:
            heading = QLabel(title, self)
            heading.setProperty("role", "heading")
            column.addWidget(heading)
            grid = QGridLayout()
            grid.setVerticalSpacing(6)
            grid.setHorizontalSpacing(3 * theme.UNIT)
            grid.setColumnStretch(0, 1)
            for number, (words, keys) in enumerate(lines):
                what = QLabel(words, self)
                what.setProperty("role", "second")
                key = QLabel(keys, self)
                key.setAlignment(Qt.AlignmentFlag.AlignRight)
                grid.addWidget(what, number, 0)
                grid.addWidget(key, number, 1)
            column.addLayout(grid)
            column.addSpacing(theme.UNIT)
        column.addStretch()
        return column


def _lines(groups: Groups) -> list[tuple[str, list[tuple[str, str]]]]:
    """Title and lines of each group: the text of an action, and its keys."""
    found = []
    for title, actions in groups:
        lines = [
            (action.text().replace("&", "").rstrip("…"), " · ".join(_said(key) for key in action.shortcuts()))
            for action in actions
            if action.shortcuts()
        ]
        if lines:
            found.append((title, lines))
    return found


def _said(keys: QKeySequence) -> str:
    return keys.toString(QKeySequence.SequenceFormat.NativeText)


def _shared(
    groups: list[tuple[str, list[tuple[str, str]]]], columns: int
) -> list[list[tuple[str, list[tuple[str, str]]]]]:
    """Distribute the groups over columns of similar height, in order."""
    total = sum(len(lines) + 2 for _, lines in groups)
    shares: list[list[tuple[str, list[tuple[str, str]]]]] = [[] for _ in range(columns)]
    height = 0
    for group in groups:
        middle = height + (len(group[1]) + 2) // 2
        shares[min(columns - 1, middle * columns // max(total, 1))].append(group)
        height += len(group[1]) + 2
    return [share for share in shares if share]
