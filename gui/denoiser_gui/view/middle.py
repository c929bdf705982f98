"""The middle of the window: the empty state, the photo, an error in its place, or a view of all photos."""

from __future__ import annotations

from pathlib import Path

from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model.open_photos import OpenPhoto
from denoiser_gui.view.actions import Actions
from denoiser_gui.view.canvas import PhotoCanvas
from denoiser_gui.view.error_state import ErrorState
from denoiser_gui.view.film_strip import FilmStrip
from denoiser_gui.view.find_view import FindView
from denoiser_gui.view.grid_view import GridView
from denoiser_gui.view.loupe import Loupe
from denoiser_gui.view.navigator import Navigator
from denoiser_gui.view.photo_opener import EmptyState
from denoiser_gui.view.snapshot_bar import SnapshotBar
from denoiser_gui.view.toasts import Toasts
from denoiser_gui.view.trust_bar import TrustBar
from denoiser_gui.view.widgets import column


class Middle(qt.QStackedWidget):
    """Shows the page for the current photo, or a view of all photos. Notices are on top of it."""

    def __init__(self, controller: Controller, actions: Actions, strip: FilmStrip) -> None:
        super().__init__()
        self._controller = controller
        self.canvas = PhotoCanvas(controller.viewer, controller.preferences.split_at)
        self.empty, self.error = EmptyState(controller), ErrorState()
        self.finder = FindView(controller, strip.thumbnails)
        self.grid = GridView(controller, strip)
        self.navigator = Navigator(self.canvas, controller)
        self.loupe = Loupe(self.canvas, controller.viewer)
        self.trust, self.snapshot = TrustBar(controller, self.canvas), SnapshotBar(controller, actions)
        self._photo = qt.QWidget()
        self._photo.setLayout(column(self.canvas, self.trust, self.snapshot))
        self._photo.setFocusProxy(self.canvas)
        for page in (self.empty, self._photo, self.error, self.finder, self.grid):
            self.addWidget(page)
        self.toasts = Toasts(self)
        self.currentChanged.connect(lambda _: self.toasts.raise_())
        controller.current_changed.connect(self._show_current)
        controller.photo_changed.connect(self._show_changed)
        self.finder.photo_chosen.connect(self._show_found)
        self.finder.closed.connect(self.show_photo)
        self.grid.closed.connect(self.show_photo)
        strip.shown_requested.connect(self.show_photo)

    @property
    def shows_all(self) -> bool:
        """Whether a view of all photos is shown: the grid or the Find view."""
        return self.currentWidget() in (self.finder, self.grid)

    def toggle(self, page: qt.QWidget) -> None:
        """Show the Find view or the grid, or the photo again."""
        if self.currentWidget() is page:
            self.show_photo()
        else:
            self.setCurrentWidget(page)
            page.setFocus()

    def show_photo(self) -> None:
        """Show the page for the current photo, with the keyboard focus."""
        self._show_page()
        (self.currentWidget() or self.canvas).setFocus()

    def _show_current(self, photo: OpenPhoto | None) -> None:
        was_empty = self.currentWidget() is self.empty
        if photo is None or self.currentWidget() is not self.grid:
            self._show_page()
        if was_empty and photo is not None:
            self.canvas.setFocus()

    def _show_changed(self, photo: OpenPhoto) -> None:
        current = self._controller.current
        if current is not None and current.key == photo.key and not self.shows_all:
            self._show_page()

    def _show_page(self) -> None:
        """Show the page for the current photo, which takes over the keyboard focus if the page before had it."""
        current, focused = self._controller.current, self.window().focusWidget()
        page: qt.QWidget = self._photo
        if current is None:
            page = self.empty
        elif self._controller.is_unreadable:
            page = self.error
            self.error.show_photo(current)
        had_focus = focused is not None and self.isAncestorOf(focused)
        if page is not self.currentWidget():
            self.setCurrentWidget(page)
            if had_focus:
                page.setFocus()

    def _show_found(self, path: Path) -> None:
        photo = next((photo for photo in self._controller.photos if photo.path == path), None)
        if photo is not None:  # it may have been closed
            self._controller.show_photo(photo.key)
            self.canvas.setFocus()
