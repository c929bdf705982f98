"""The bars of the window: top bar and status line.

The top bar has open, save, views, zoom, and the menu. The status line has state, model, device and speed on the
left, the batch on the right.
"""

from __future__ import annotations

from denoiser_gui import qt
from denoiser_gui.model.requests import EngineStatus, State, View
from denoiser_gui.model.viewport import Viewport
from denoiser_gui.qt import Qt
from denoiser_gui.translation import tr
from denoiser_gui.view import theme
from denoiser_gui.view.actions import Actions
from denoiser_gui.view.control_rows import choice_label
from denoiser_gui.view.widgets import (
    STRETCH,
    ElidedLabel,
    label,
    row,
    segments,
    styled,
    tool_button,
)

SEGMENTS = 30  # px high


class TopBar(qt.QWidget):
    """Buttons for frequent actions; the menu contains all of them."""

    def __init__(self, actions: Actions, recent: qt.QMenu) -> None:
        super().__init__()
        styled(self, "bar")
        self.setFixedHeight(theme.TOP_BAR)
        self._scale = label(role="second")
        self._scale.setMinimumWidth(48)
        self._scale.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._scale.setAccessibleName(tr("Zoom"))
        views = segments([action_button(actions[view.value], icon_only=True) for view in View])
        views.setFixedHeight(SEGMENTS)
        files, zooms, command = (
            [action_button(actions[name]) for name in names]
            for names in (("open", "save", "save_as"), ("fit", "actual_size", "double_size"), ("copy_command",))
        )
        menu = tool_button("more", tr("Menu"))
        menu.setIconSize(qt.QSize(18, 18))
        menu.setMenu(_menu(actions, recent, self))
        menu.setPopupMode(qt.QToolButton.ToolButtonPopupMode.InstantPopup)
        left = row(label("denoise", "title"), 16, *files, spacing=2)
        right = row(self._scale, *zooms, 12, *command, menu, spacing=2)
        self.setLayout(row(left, STRETCH, views, STRETCH, right, margins=(20, 0, 12, 0)))

    def show_scale(self, viewport: Viewport | None) -> None:
        """Show the zoom."""
        percent = 100 * viewport.scale if viewport is not None else 0.0
        self._scale.setText(f"{percent:.{0 if percent >= 10 else 1}f} %" if percent else "")


def _menu(actions: Actions, recent: qt.QMenu, parent: qt.QWidget) -> qt.QMenu:
    menu = qt.QMenu(parent)
    for title, group in actions.groups:
        submenu = menu.addMenu(title)  # one list of all would be higher than a small screen
        for action in group:
            if action.isVisible():
                submenu.addAction(action)
            if action is actions["open_folder"]:
                submenu.addMenu(recent)
    return menu


def action_button(action: qt.QAction, *, icon_only: bool = False) -> qt.QToolButton:
    """A button for an action, with its keys in the tooltip."""
    style = Qt.ToolButtonStyle
    made = qt.QToolButton()
    made.setDefaultAction(action)
    made.setToolButtonStyle(style.ToolButtonIconOnly if icon_only else style.ToolButtonTextOnly)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    keys = action.shortcut().toString()
    made.setToolTip(f"{action.text()} ({keys})" if keys else action.text())
    made.setAccessibleName(action.text())
    return made


_LEAST_SECONDS = 0.01  # the view was already complete below it


class StatusLine(qt.QWidget):
    """One line at the bottom of the window."""

    def __init__(self) -> None:
        super().__init__()
        styled(self, "status")
        self.setFixedHeight(theme.STATUS)
        self._left = ElidedLabel(mode=Qt.TextElideMode.ElideMiddle)
        self._right = ElidedLabel()
        self._left.setAccessibleName(tr("State"))
        self._right.setAccessibleName(tr("Batch"))
        self.setLayout(row(self._left, STRETCH, self._right, margins=(20, 0, 20, 0)))

    def show_status(self, status: EngineStatus, state: State) -> None:
        """Show what the engine is doing; *state* is that of the drawn frame."""
        self.show_text(" · ".join(filter(None, _parts(status, state))), status.reason)

    def show_text(self, text: str, details: str = "") -> None:
        """Show another text on the left."""
        self._left.setText(text)
        self._left.setToolTip(details or text)
        self._left.setAccessibleDescription(details)

    def show_batch(self, text: str) -> None:
        """Show the text of the batch."""
        self._right.set_text(text)


def _parts(status: EngineStatus, state: State) -> list[str]:
    names = {
        State.EXACT: tr("Exact"),
        State.DRAFT: tr("Draft"),
        State.WAITING: tr("Loading the model"),
        State.FAILED: tr("Not denoised"),
    }
    if not status.model:
        return [names[state]]
    device = f"{choice_label(status.device)} {status.precision}".strip()
    parts = [names[state], status.model.removeprefix("denoiser-"), device]
    if status.seconds_per_megapixel:
        parts.append(tr("{seconds} s/MP", seconds=f"{status.seconds_per_megapixel:.2f}"))
    if state is State.EXACT and status.shown_seconds >= _LEAST_SECONDS:
        size, seconds = f"{status.shown_megapixels:.1f}", f"{status.shown_seconds:.2f}"
        parts.append(tr("{size} MP shown in {seconds} s", size=size, seconds=seconds))
    if status.progress < 1:
        parts.append(tr("{share} % of the photo ready", share=int(status.progress * 100)))
    return parts
