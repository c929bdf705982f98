"""Shown instead of the canvas while the current photo cannot be opened."""

from __future__ import annotations

from denoiser_gui import qt
from denoiser_gui.model.captions import breakable
from denoiser_gui.model.open_photos import OpenPhoto
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.translation import tr
from denoiser_gui.view import theme
from denoiser_gui.view.icons import icon
from denoiser_gui.view.widgets import STRETCH, button, column, label, row, styled

_MARK = qt.QSize(48, 48)  # px of the icon
_WIDTH = 520  # px of the texts


class ErrorState(qt.QWidget):
    """Name of the photo, what failed, and what to do."""

    retry_requested = Signal()
    close_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        styled(self, "canvas")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._mark = label()
        self._name, self._problem, self._hint = label(role="large"), label(role="failed"), label(role="second")
        texts = (self._name, self._problem, self._hint)
        for text in texts:
            text.setTextFormat(Qt.TextFormat.PlainText)
            text.setWordWrap(True)
            text.setAlignment(Qt.AlignmentFlag.AlignCenter)
            text.setFixedWidth(_WIDTH)
        self._problem.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        retry = button(tr("Try again"), "outline", "retry", self.retry_requested.emit)
        close = button(tr("Remove from list"), "outline", "close", self.close_requested.emit)
        for each in (retry, close):
            each.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        lines = (row(STRETCH, widget, STRETCH) for widget in (self._mark, *texts))
        buttons = row(STRETCH, retry, close, STRETCH)
        self.setLayout(column(STRETCH, *lines, buttons, STRETCH, spacing=2 * theme.UNIT))
        theme.current().changed.connect(self._draw_mark)
        self._draw_mark()

    def show_photo(self, photo: OpenPhoto) -> None:
        """Show why a photo cannot be opened."""
        self._name.setText(breakable(tr("{name} cannot be opened", name=photo.name)))
        self._problem.setText(breakable(photo.problem))
        self._hint.setText(breakable(photo.hint))
        self._hint.setVisible(bool(photo.hint))
        self.setAccessibleName(" ".join(filter(None, (self._name.text(), photo.problem, photo.hint))))

    def _draw_mark(self) -> None:
        self._mark.setPixmap(icon("warning", "bad").pixmap(_MARK, theme.scale()))
