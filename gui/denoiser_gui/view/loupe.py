"""The loupe: the place below the pointer at 100 % or 200 %, while a key is held."""

from __future__ import annotations

from denoiser_gui import qt
from denoiser_gui.model.requests import PreviewFrame, State, View
from denoiser_gui.model.viewport import viewport_of
from denoiser_gui.qt import Qt
from denoiser_gui.translation import tr
from denoiser_gui.view import painting, theme
from denoiser_gui.view.canvas import PhotoCanvas, states
from denoiser_gui.viewer import Viewer

_SIDE = 264  # px


class Loupe(qt.QWidget):
    """A child of the canvas that follows the pointer. Its part of the photo is computed before all others."""

    def __init__(self, canvas: PhotoCanvas, viewer: Viewer) -> None:
        super().__init__(canvas)
        self._canvas, self._scale = canvas, 1.0
        self.viewer = Viewer(self, main=viewer, place="loupe")
        self.viewer.set_view(View.CLEAN)
        self.frame: PreviewFrame | None = None
        self._drawn: painting.DrawingPair | None = None
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName(tr("Loupe"))
        self.resize(_SIDE, _SIDE)
        self.hide()
        canvas.pointed.connect(self._place)
        self.viewer.frame_ready.connect(self._take)

    def begin(self, scale: float) -> None:
        """Show the place below the pointer at this scale."""
        self._scale = scale
        side = round(_SIDE * self.devicePixelRatioF())
        self.viewer.set_pane(side, side)
        self.viewer.follow(on=True)
        self.show()
        self._place()

    def end(self) -> None:
        """Hide the loupe."""
        if not self.isVisible():
            return
        self.hide()
        self.viewer.follow(on=False)
        self.frame = self._drawn = None

    def _place(self) -> None:
        pyramid, at = self.viewer.pyramid, self._canvas.pointed_at
        if not self.isVisible() or pyramid is None or at is None:
            return
        side = round(_SIDE * self.devicePixelRatioF())
        viewport = viewport_of(pyramid.image.width, pyramid.image.height, side, side).at_scale(self._scale)
        self.viewer.set_viewport(
            viewport.panned((viewport.x - at[0]) * viewport.scale, (viewport.y - at[1]) * viewport.scale)
        )
        corner = self._canvas.mapFromGlobal(qt.QCursor.pos()) - qt.QPoint(_SIDE // 2, _SIDE // 2)
        room = self._canvas.rect()
        self.move(
            min(max(corner.x(), 0), max(room.width() - _SIDE, 0)),
            min(max(corner.y(), 0), max(room.height() - _SIDE, 0)),
        )
        self.update()

    def _take(self, frame: PreviewFrame) -> None:
        if frame.request.pyramid is self.viewer.pyramid:
            self.frame, self._drawn = frame, painting.drawings_of(frame)
            self.update()

    def _state(self, *, is_left: bool) -> State | None:
        """The state of the pixels that are shown; None for the source."""
        frame = self.frame
        if frame is None:
            return State.WAITING
        state = frame.left_state if is_left else frame.state
        return State.DRAFT if state is State.EXACT and not self.viewer.is_current(frame) else state

    def paintEvent(self, _event: qt.QPaintEvent) -> None:
        viewport, ratio = self.viewer.viewport, self.devicePixelRatioF()
        painter = qt.QPainter(self)
        painter.fillRect(self.rect(), qt.QColor(theme.current().surround))
        if viewport is None:
            return
        painter.save()
        painter.scale(1 / ratio, 1 / ratio)
        is_left = self._canvas.is_original_at_pointer
        painting.draw_photo(painter, viewport, self._drawn, None, left=is_left)
        state = self._state(is_left=is_left)
        text = f"{100 * viewport.scale:.0f} % · {states()[state] if state else tr('Original')}"
        painting.draw_label(painter, qt.QPointF(0, 0), text, ratio, state=state)
        painter.restore()
        painter.setPen(qt.QPen(theme.colour("pane_text", 0.9), 2))
        painter.drawRect(self.rect().adjusted(1, 1, -1, -1))
