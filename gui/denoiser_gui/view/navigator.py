"""The navigator: the whole photo at small size with the visible part, over the canvas while it is zoomed in."""

from __future__ import annotations

from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model.requests import Overview
from denoiser_gui.model.viewport import Viewport
from denoiser_gui.qt import Qt
from denoiser_gui.translation import tr
from denoiser_gui.view import painting, theme

_SIDE = 176  # px of the longer side
_MARGIN = 12  # px to the edges of the canvas, as that of its labels
_SHADE = 0.5  # of the part that is not visible


class Navigator(qt.QWidget):
    """Pans by click and drag. Follows the canvas, whose child it is."""

    def __init__(self, canvas: qt.QWidget, controller: Controller) -> None:
        super().__init__(canvas)
        self._canvas, self._controller, self._viewer = canvas, controller, controller.viewer
        self._overview: Overview | None = None
        self._drawn: painting.DrawingPair | None = None
        self.setAccessibleName(tr("Navigator"))
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.hide()
        canvas.installEventFilter(self)
        self._viewer.overview_ready.connect(self._take)
        self._viewer.viewport_changed.connect(lambda _: self._place())
        controller.preferences_changed.connect(lambda _: self._place())
        theme.current().changed.connect(self.update)

    def eventFilter(self, watched: qt.QObject, event: qt.QEvent) -> bool:
        if event.type() == qt.QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def _take(self, overview: Overview) -> None:
        self._overview, self._drawn = overview, painting.drawings_of(overview)
        self._place()

    def _place(self) -> None:
        """Show or hide it, in the lower right corner; size and place are those of the photo."""
        viewport = self._viewer.viewport
        is_there = self._overview is not None and self._overview.request.pyramid is self._viewer.pyramid
        wanted = self._controller.preferences.navigator and is_there
        if not wanted or viewport is None or _is_whole(viewport):
            self.hide()
            return
        share = _SIDE / max(viewport.photo_width, viewport.photo_height)
        width, height = max(24, round(viewport.photo_width * share)), max(24, round(viewport.photo_height * share))
        room = self._canvas.size()
        self.setGeometry(room.width() - width - _MARGIN, room.height() - height - _MARGIN, width, height)
        seen = 100 * viewport.visible.pixels / (viewport.photo_width * viewport.photo_height)
        self.setAccessibleDescription(tr("{share} % of the photo is visible.", share=f"{max(seen, 1):.0f}"))
        self.show()
        self.update()

    def paintEvent(self, _event: qt.QPaintEvent) -> None:
        viewport = self._viewer.viewport
        if viewport is None or self._drawn is None:
            return
        painter = qt.QPainter(self)
        painter.setRenderHint(qt.QPainter.RenderHint.SmoothPixmapTransform)
        whole = qt.QRectF(self.rect())
        painter.drawImage(whole, self._drawn.right)
        seen = viewport.visible
        across, down = whole.width() / viewport.photo_width, whole.height() / viewport.photo_height
        place = qt.QRectF(seen.left * across, seen.top * down, seen.width * across, seen.height * down)
        outside = qt.QPainterPath()
        outside.addRect(whole)
        outside.addRect(place)  # the overlap is not filled
        painter.fillPath(outside, theme.colour("pane_label", _SHADE))
        painter.setPen(qt.QPen(theme.colour("pane_text", 0.9), 1))
        painter.drawRect(place.adjusted(0.5, 0.5, -0.5, -0.5))
        painter.setPen(qt.QPen(theme.colour("pane_label", 0.6), 1))
        painter.drawRect(whole.adjusted(0.5, 0.5, -0.5, -0.5))

    def mousePressEvent(self, event: qt.QMouseEvent) -> None:
        self._centre_at(event.position())

    def mouseMoveEvent(self, event: qt.QMouseEvent) -> None:
        self._centre_at(event.position())

    def _centre_at(self, point: qt.QPointF) -> None:
        viewport = self._viewer.viewport
        if viewport is not None:
            x = point.x() / self.width() * viewport.photo_width
            y = point.y() / self.height() * viewport.photo_height
            self._viewer.set_viewport(
                viewport.panned((viewport.x - x) * viewport.scale, (viewport.y - y) * viewport.scale)
            )


def _is_whole(viewport: Viewport) -> bool:
    return viewport.visible.pixels == viewport.photo_width * viewport.photo_height
