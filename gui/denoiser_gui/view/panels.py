"""Hides everything around the photo, for comparing and for full screen."""

from __future__ import annotations

from denoiser_gui import qt
from denoiser_gui.qt import Qt
from denoiser_gui.translation import tr
from denoiser_gui.view.window_parts import WindowParts


class Panels(qt.QObject):
    """The bars, the panel and the film strip of a window: hidden or shown together."""

    def __init__(self, window: WindowParts) -> None:
        super().__init__(window)
        self._window, self.are_hidden = window, False
        window.canvas.addAction(window.actions_["panels"])

    def toggle(self) -> None:
        """Hide or show the panels."""
        self._set_hidden(not self.are_hidden)

    def toggle_full_screen(self) -> None:
        """Enter full screen, without panels, or leave it."""
        if self._window.isFullScreen():
            self.show()
        else:
            self._window.setWindowState(self._window.windowState() | Qt.WindowState.WindowFullScreen)
            self._set_hidden(self._window.controller.current is not None)

    def show(self) -> None:
        """Show the panels and leave full screen."""
        self._window.setWindowState(self._window.windowState() & ~Qt.WindowState.WindowFullScreen)
        self._set_hidden(False)

    def _set_hidden(self, hidden: bool) -> None:
        window = self._window
        if hidden == self.are_hidden:
            return
        self.are_hidden = hidden
        window.actions_["panels"].setText(tr("Show panels") if hidden else tr("Hide panels"))
        for part in (window.top, window.tabs, window.bottom, window.status):
            part.setVisible(not hidden)
        if hidden:
            (window.middle.currentWidget() or window.canvas).setFocus()
