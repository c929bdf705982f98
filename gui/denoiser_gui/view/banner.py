"""Banners above the canvas: one line each, with hint and action, until solved or dismissed."""

from __future__ import annotations

from denoiser_gui.model.notices import Notice, Severity
from denoiser_gui.qt import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPropertyAnimation,
    QPushButton,
    QSize,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from denoiser_gui.view import theme
from denoiser_gui.view.elided import ElidedLabel
from denoiser_gui.view.icons import icon
from denoiser_gui.words import tr

_ANY_HEIGHT = (1 << 24) - 1  # Qt's value for no limit
MOST = 3  # more would push the photo away; the oldest is removed
_ICONS = {
    Severity.INFO: ("info", "second"),
    Severity.QUESTION: ("info", "accent"),
    Severity.ERROR: ("warning", "bad"),
}


class Banner(QWidget):
    """The current notices, newest at the bottom; hidden when there are none."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines: dict[str, _Line] = {}
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(0)
        self.setAccessibleName(tr("Notices"))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self._slide = QPropertyAnimation(self, b"maximumHeight", self)
        self._slide.finished.connect(lambda: self.setMaximumHeight(_ANY_HEIGHT))
        self.hide()

    @property
    def keys(self) -> list[str]:
        """The keys of the current notices."""
        return list(self._lines)

    def show_notice(self, notice: Notice) -> None:
        """Show a notice; it replaces an older one with the same key."""
        self._drop(notice.key)
        line = _Line(notice, self)
        line.dismissed.clicked.connect(lambda: self.solve(notice.key))
        if line.action is not None:
            line.action.clicked.connect(lambda: self._act(notice))
        self._lines[notice.key] = line
        self._layout.addWidget(line)
        for key in self.keys[:-MOST]:
            self._drop(key)
        was_hidden = self.isHidden()
        self.show()
        if was_hidden and theme.motion():
            self._slide_in()

    def solve(self, key: str) -> None:
        """Remove the notice with this key."""
        self._drop(key)
        if not self._lines:
            self.hide()

    def _act(self, notice: Notice) -> None:
        self.solve(notice.key)
        if notice.act is not None:
            notice.act()

    def _drop(self, key: str) -> None:
        line = self._lines.pop(key, None)
        if line is not None:
            self._layout.removeWidget(line)
            line.hide()
            line.deleteLater()

    def _slide_in(self) -> None:
        self._slide.stop()
        self._slide.setDuration(theme.motion())
        self._slide.setStartValue(0)
        self._slide.setEndValue(self._layout.sizeHint().height())
        self._slide.start()


class _Line(QFrame):
    """One notice."""

    def __init__(self, notice: Notice, parent: QWidget) -> None:
        super().__init__(parent)
        self.setProperty("role", "banner")
        self.setAccessibleName(" ".join(filter(None, (notice.text, notice.hint))))
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * theme.UNIT, 6, theme.UNIT, 6)
        row.setSpacing(theme.UNIT)
        name, colour = _ICONS[notice.severity]
        sign = QLabel(self)
        sign.setPixmap(icon(name, colour).pixmap(QSize(18, 18), self.devicePixelRatioF()))
        row.addWidget(sign)
        row.addWidget(ElidedLabel(notice.text, self))
        row.addWidget(ElidedLabel(notice.hint, self, role="second"))
        row.addStretch(1)
        self.action = self._button(notice) if notice.action else None
        if self.action is not None:
            row.addWidget(self.action)
        self.dismissed = QToolButton(self)
        self.dismissed.setIcon(icon("close", "second"))
        self.dismissed.setIconSize(QSize(14, 14))
        self.dismissed.setAccessibleName(tr("Dismiss"))
        self.dismissed.setToolTip(tr("Dismiss"))
        row.addWidget(self.dismissed)

    def _button(self, notice: Notice) -> QPushButton:
        button = QPushButton(notice.action, self)
        button.setProperty("role", "link")
        button.setAccessibleName(notice.action)
        return button
