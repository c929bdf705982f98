"""A second window that shows the same photo with its own view and zoom, for example on a second screen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model.open_photos import OpenPhoto
from denoiser_gui.model.requests import View
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.translation import tr
from denoiser_gui.view import theme
from denoiser_gui.view.actions import Actions
from denoiser_gui.view.bars import SEGMENTS, action_button
from denoiser_gui.view.canvas import PhotoCanvas
from denoiser_gui.view.widgets import STRETCH, column, label, row, segments, styled
from denoiser_gui.viewer import Viewer

_SIZE = qt.QSize(960, 720)
_ZOOMS = {"fit": None, "actual_size": 1.0, "double_size": 2.0}


class SecondWindow(qt.QWidget):
    """Shows the current photo; settings are changed in the main window only."""

    closed = Signal()

    def __init__(self, controller: Controller, actions: Actions, window: qt.QWidget) -> None:
        super().__init__(window, Qt.WindowType.Window)
        self._window = window
        self.viewer = Viewer(self, main=controller.viewer, place="second")
        self.viewer.set_view(View.CLEAN)
        self.canvas = PhotoCanvas(self.viewer)
        self._views = qt.QActionGroup(self)
        views = {view: self._action(actions[view.value], partial(self.viewer.set_view, view)) for view in View}
        for view, action in views.items():
            action.setCheckable(True)
            action.setChecked(view is View.CLEAN)
            self._views.addAction(action)
        zooms = [self._action(actions[name], partial(self.canvas.zoom, scale)) for name, scale in _ZOOMS.items()]
        self._scale = label(role="second")
        self._scale.setAccessibleName(tr("Zoom"))
        self.viewer.viewport_changed.connect(
            lambda viewport: self._scale.setText(f"{100 * viewport.scale:.0f} %" if viewport else "")
        )
        bar = styled(qt.QWidget(), "bar")
        bar.setFixedHeight(theme.TOP_BAR)
        choice = segments([action_button(action, icon_only=True) for action in views.values()])
        choice.setFixedHeight(SEGMENTS)
        bar.setLayout(
            row(choice, STRETCH, self._scale, *map(action_button, zooms), margins=(12, 0, 12, 0), spacing=2)
        )
        self.setLayout(column(bar, self.canvas))
        self.resize(_SIZE)
        controller.current_changed.connect(self._show_name)
        self._show_name(controller.current)

    def open(self) -> None:
        """Show the window, on another screen if there is one."""
        own = self._window.screen()
        others = [screen for screen in qt.QGuiApplication.screens() if screen is not own]
        if others:
            self.move(others[0].availableGeometry().topLeft())
        self.viewer.follow(on=True)
        self.show()
        self.canvas.setFocus()

    def keyPressEvent(self, event: qt.QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.canvas.set_original(True)
        elif event.key() == Qt.Key.Key_F11:
            self.setWindowState(self.windowState() ^ Qt.WindowState.WindowFullScreen)
        elif event.key() == Qt.Key.Key_Escape:
            self.setWindowState(self.windowState() & ~Qt.WindowState.WindowFullScreen)
        else:
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: qt.QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.canvas.set_original(False)
        else:
            super().keyReleaseEvent(event)

    def closeEvent(self, event: qt.QCloseEvent) -> None:
        super().closeEvent(event)
        self.viewer.follow(on=False)
        self.closed.emit()

    def _action(self, like: qt.QAction, handler: Callable[[], object]) -> qt.QAction:
        """An action of this window with the text, icon and keys of one of the main window."""
        made = qt.QAction(like.icon(), like.text(), self)
        made.setShortcuts(like.shortcuts())
        made.triggered.connect(lambda _checked: handler())
        self.addAction(made)
        return made

    def _show_name(self, photo: OpenPhoto | None) -> None:
        self.setWindowTitle(tr("Second window") if photo is None else f"{photo.name} — {tr('Second window')}")
