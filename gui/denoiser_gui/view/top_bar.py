"""The top bar: open, save, views, zoom, and the menu."""

from __future__ import annotations

from denoiser_gui.model.requests import View
from denoiser_gui.model.viewport import Viewport
from denoiser_gui.qt import QAction, QFrame, QHBoxLayout, QLabel, QMenu, QSize, Qt, QToolButton, QWidget
from denoiser_gui.view import icons, theme
from denoiser_gui.view.actions import Actions
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
