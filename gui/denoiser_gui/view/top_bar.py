"""The bars of the window: top bar, status line and banners.

The top bar has open, save, views, zoom, and the menu. The status line has state, model, device and speed on the
left, the batch on the right. A banner above the canvas is one line with hint and action, until solved or dismissed.
"""

from __future__ import annotations

from denoiser_gui.model.notices import Notice, Severity
from denoiser_gui.model.requests import EngineStatus, State, View
from denoiser_gui.model.viewport import Viewport
from denoiser_gui.qt import (
    QAction,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPropertyAnimation,
    QPushButton,
    QSize,
    QSizePolicy,
    Qt,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from denoiser_gui.view import icons, theme
from denoiser_gui.view.actions import Actions
from denoiser_gui.view.control_rows import word_of
from denoiser_gui.view.icons import icon
from denoiser_gui.view.widgets import ElidedLabel
from denoiser_gui.words import tr

_SEGMENTS = 30  # pixels high


class TopBar(QWidget):
    """Buttons for frequent actions; the menu contains all of them."""

    def __init__(self, actions: Actions, recent: QMenu, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions = actions
        self.setProperty("role", "bar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(theme.TOP_BAR)
        self._scale = QLabel()
        self._scale.setProperty("role", "second")
        self._scale.setMinimumWidth(48)
        self._scale.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._scale.setAccessibleName(tr("Zoom"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 0, 12, 0)
        layout.setSpacing(2)
        layout.addWidget(_title())
        layout.addSpacing(16)
        for name in ("open", "save", "save_as"):
            layout.addWidget(_button(actions[name]))
        layout.addStretch(1)
        layout.addWidget(self._segments(), 0, Qt.AlignmentFlag.AlignVCenter)
        layout.addStretch(1)
        layout.addWidget(self._scale)
        for name in ("fit", "actual_size", "double_size"):
            layout.addWidget(_button(actions[name]))
        layout.addSpacing(12)
        layout.addWidget(_button(actions["copy_command"]))
        layout.addWidget(self._menu(recent))

    def show_scale(self, viewport: Viewport | None) -> None:
        """Show the zoom."""
        self._scale.setText("" if viewport is None else _in_percent(viewport.scale))

    def _segments(self) -> QFrame:
        frame = QFrame()
        frame.setProperty("role", "segments")
        frame.setFixedHeight(_SEGMENTS)
        line = QHBoxLayout(frame)
        line.setContentsMargins(2, 2, 2, 2)
        line.setSpacing(0)
        for view in View:
            button = _button(self._actions[view.value])
            button.setProperty("role", "segment")
            line.addWidget(button)
        return frame

    def _menu(self, recent: QMenu) -> QToolButton:
        menu = QMenu(self)
        for place, (_, actions) in enumerate(self._actions.groups):
            if place:
                menu.addSeparator()
            for action in actions:
                if action.shortcutContext() is not Qt.ShortcutContext.WidgetShortcut:
                    menu.addAction(action)
                if action is self._actions["open_folder"]:
                    menu.addMenu(recent)
        button = QToolButton()
        button.setIcon(icons.icon("more"))
        button.setIconSize(QSize(18, 18))
        button.setMenu(menu)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setToolTip(tr("Menu"))
        button.setAccessibleName(tr("Menu"))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return button


def _title() -> QLabel:
    title = QLabel("denoise")
    title.setProperty("role", "title")
    return title


def _button(action: QAction) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(action)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextOnly)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    keys = action.shortcut().toString()
    button.setToolTip(f"{action.text()} ({keys})" if keys else action.text())
    button.setAccessibleName(action.text())
    return button


def _in_percent(scale: float) -> str:
    percent = scale * 100
    return f"{percent:.0f} %" if percent >= 10 else f"{percent:.1f} %"


_WORTH_SAYING = 0.01  # seconds; the view was already complete below it


class StatusLine(QWidget):
    """One line at the bottom of the window."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("role", "status")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setFixedHeight(theme.STATUS)
        self._left, self._right = QLabel(), QLabel()
        self._left.setTextFormat(Qt.TextFormat.PlainText)
        self._left.setAccessibleName(tr("State"))
        self._right.setAccessibleName(tr("Batch"))
        layout = QHBoxLayout(self)
        layout.setContentsMargins(20, 0, 20, 0)
        layout.addWidget(self._left)
        layout.addStretch()
        layout.addWidget(self._right)

    @property
    def words(self) -> str:
        """The text on the left."""
        return self._left.text()

    def show_status(self, doing: EngineStatus, state: State) -> None:
        """Show what the engine is doing; *state* is that of the drawn frame."""
        self._left.setText(" · ".join(part for part in _parts(doing, state) if part))
        self._left.setToolTip(doing.reason)
        self._left.setAccessibleDescription(doing.reason)

    def show_words(self, words: str) -> None:
        """Show another text on the left."""
        self._left.setText(words)
        self._left.setToolTip("")

    def show_batch(self, words: str) -> None:
        """Show the text of the batch."""
        self._right.setText(words)


def _parts(doing: EngineStatus, state: State) -> list[str]:
    names = {
        State.EXACT: tr("Exact"),
        State.DRAFT: tr("Draft"),
        State.WAITING: tr("Loading the model"),
        State.FAILED: tr("Not denoised"),
    }
    parts = [names[state]]
    if not doing.model:
        return parts
    parts += [doing.model.removeprefix("denoiser-"), f"{word_of(doing.device)} {doing.precision}".strip()]
    if doing.seconds_per_megapixel:
        parts.append(tr("{seconds} s/MP", seconds=f"{doing.seconds_per_megapixel:.2f}"))
    if state is State.EXACT and doing.shown_seconds >= _WORTH_SAYING:
        parts.append(
            tr(
                "{size} MP shown in {seconds} s",
                size=f"{doing.shown_megapixels:.1f}",
                seconds=f"{doing.shown_seconds:.2f}",
            )
        )
    if doing.progress < 1:
        parts.append(tr("{share} % of the photo ready", share=int(doing.progress * 100)))
    return parts


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
