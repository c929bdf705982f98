"""The canvas: one photo in one or two panes, controlled by mouse, touchpad and keyboard."""

from __future__ import annotations

import math
import time

from denoiser_gui import qt
from denoiser_gui.model.captions import pixel_text
from denoiser_gui.model.requests import Overview, PreviewFrame, State, View
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.translation import tr
from denoiser_gui.view import painting, theme
from denoiser_gui.view.painting import Pane, Panes
from denoiser_gui.viewer import Viewer

_ZOOM_PER_NOTCH = 1.25
_NOTCH = 120.0  # eighths of a degree
_FRAME_MS = 16
_FRICTION = 0.92  # of the speed, per frame of kinetic scrolling
_SLOWEST = 0.08  # device pixels per ms; kinetic scrolling stops below it
_FLICK_SECONDS = 0.08  # longest time between the last movement and the release for kinetic scrolling
_KEY_PAN = 0.1  # of the pane


class PhotoCanvas(qt.QWidget):
    """Draws the viewer's frames and changes its viewport."""

    split_moved = Signal(float)
    pointed = Signal()  # the pointer is somewhere else

    def __init__(self, viewer: Viewer, split_at: float = 0.5) -> None:
        super().__init__()
        self._viewer = viewer
        self.split_at = split_at  # position of the divider, 0 to 1
        self.frame: PreviewFrame | None = None  # the one that is drawn
        self._sharp: painting.DrawingPair | None = None
        self._coarse: painting.DrawingPair | None = None
        self._overview: Overview | None = None
        self._original = False
        self._pointer: qt.QPointF | None = None
        self._dragging: qt.QPointF | None = None
        self._on_divider = False
        self._speed = qt.QPointF(0, 0)  # of a drag, in device pixels per ms
        self._moved_at = 0.0
        self._scroll_timer = qt.QTimer(self, interval=_FRAME_MS)
        self._scroll_timer.timeout.connect(self._scroll_on)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAccessibleName(tr("Photo before and after denoising"))
        self.setAccessibleDescription(tr("Shift + arrow keys pan, plus and minus zoom, Space shows the original."))
        viewer.frame_ready.connect(self._take_frame)
        viewer.overview_ready.connect(self._take_overview)
        viewer.viewport_changed.connect(self._drop_old_photo)
        viewer.view_changed.connect(self._update_panes)
        viewer.status_changed.connect(lambda _: self.update())
        theme.current().changed.connect(self.update)

    # --- display --------------------------------------------------------------------------------------------------

    @property
    def shown_state(self) -> State:
        """The state to display: exact only if the frame matches the current request completely."""
        frame = self.frame
        if frame is None or self._viewer.pyramid is None:
            return State.WAITING
        if self._viewer.has_failed and frame.state is not State.EXACT:
            return State.FAILED
        if frame.state is State.EXACT and not self._viewer.is_current(frame):
            return State.DRAFT
        return frame.state

    @property
    def _left_state(self) -> State | None:
        """The state of the left image, if it is a snapshot."""
        frame = self.frame
        if frame is None or frame.left_state is not State.EXACT or self._viewer.is_current(frame):
            return None if frame is None else frame.left_state
        return State.DRAFT

    @property
    def pointed_at(self) -> tuple[float, float] | None:
        """The point of the photo below the pointer; None without one, and while it is dragged."""
        viewport = self._viewer.viewport
        if self._pointer is None or viewport is None or self._dragging is not None:
            return None
        point = self._panes().under(self._pointer)[1]
        return viewport.to_photo(point.x(), point.y())

    @property
    def is_original_at_pointer(self) -> bool:
        """Whether the left image is below the pointer."""
        return self._original or (self._pointer is not None and self._panes().under(self._pointer)[0].is_left)

    @property
    def panes(self) -> Panes:
        """The present layout."""
        return self._panes()

    def set_original(self, on: bool) -> None:
        """Show the original in all panes while *on*."""
        if on != self._original:
            self._original = on
            self.update()

    def move_divider(self, to: float) -> None:
        """Move the divider, 0 to 1."""
        self.split_at = min(max(to, 0.0), 1.0)
        self.split_moved.emit(self.split_at)
        self.update()

    def zoom(self, scale: float | None) -> None:
        """Zoom to a scale around the pointer; None fits the whole photo."""
        viewport = self._viewer.viewport
        if viewport is not None:
            shown = viewport.fitted() if scale is None else viewport.at_scale(scale, *self._anchor())
            self._viewer.set_viewport(shown)

    def zoom_step(self, steps: int) -> None:
        """Zoom in or out by round steps."""
        if self._viewer.viewport is not None:
            self._viewer.set_viewport(self._viewer.viewport.stepped(steps, *self._anchor()))

    def sizeHint(self) -> qt.QSize:
        return qt.QSize(800, 560)

    # --- frames ---------------------------------------------------------------------------------------------------

    def _take_frame(self, frame: PreviewFrame) -> None:
        if frame.request.pyramid is self._viewer.pyramid:
            self.frame, self._sharp = frame, painting.drawings_of(frame)
            self.update()

    def _take_overview(self, overview: Overview) -> None:
        if overview.request.pyramid is self._viewer.pyramid:
            self._overview, self._coarse = overview, painting.drawings_of(overview)
            self.update()

    def _drop_old_photo(self, _viewport: object) -> None:
        pyramid = self._viewer.pyramid
        if self.frame is not None and self.frame.request.pyramid is not pyramid:
            self.frame = self._sharp = None
        if self._overview is not None and self._overview.request.pyramid is not pyramid:
            self._overview = self._coarse = None
        self.update()

    def _update_panes(self, _view: object = None) -> None:
        self._viewer.set_pane(*self._panes().size)
        self.update()

    def _panes(self) -> Panes:
        ratio = self.devicePixelRatioF()
        width, height = round(self.width() * ratio), round(self.height() * ratio)
        return Panes(width, height, self._viewer.view, self.split_at)

    def _anchor(self) -> tuple[float, float] | tuple[None, None]:
        if self._pointer is None:
            return None, None
        point = self._panes().under(self._pointer)[1]
        return point.x(), point.y()

    # --- drawing --------------------------------------------------------------------------------------------------

    def paintEvent(self, _event: qt.QPaintEvent) -> None:
        painter = qt.QPainter(self)
        ratio = self.devicePixelRatioF()
        painter.scale(1 / ratio, 1 / ratio)
        panes = self._panes()
        painter.fillRect(qt.QRectF(0, 0, panes.width + 1, panes.height + 1), qt.QColor(theme.current().surround))
        viewport = self._viewer.viewport
        if viewport is None:
            return
        for pane in panes.all:
            painter.save()
            painter.setClipRect(pane.place)
            painter.translate(panes.origin(pane))
            left = pane.is_left or self._original
            painting.draw_photo(painter, viewport, self._sharp, self._coarse, left=left)
            painter.translate(-panes.origin(pane))
            self._label(painter, panes, pane, ratio)
            painter.restore()
        if panes.view is View.SPLIT:
            painting.draw_divider(painter, panes.divider_x, panes.height, ratio, active=self._on_divider)
        self._draw_pixel_values(painter, panes, ratio)

    def _label(self, painter: qt.QPainter, panes: Panes, pane: Pane, ratio: float) -> None:
        request, state = self._viewer.request, None
        on_right = panes.view is View.SPLIT and not pane.is_left
        if self._original or pane.is_left:
            shown = request.left if request is not None and not self._original else None
            text, state = tr("Original"), self._left_state
            if state is not None:
                text = f"{tr('Snapshot A')} · {states()[state]}"
        else:
            state = self.shown_state
            shown = request.right if request is not None else None
            name = _names(self._viewer.gain)[panes.view]
            if self._left_state is not None and panes.view in (View.SIDE_BY_SIDE, View.STACKED, View.SPLIT):
                name = tr("B, current settings")
            text = f"{name} · {states()[state]}"
        corner = pane.place.topRight() if on_right else pane.place.topLeft()
        painting.draw_label(painter, corner, shown.label if shown else text, ratio, state=state, right=on_right)

    def _draw_pixel_values(self, painter: qt.QPainter, panes: Panes, ratio: float) -> None:
        at = self.pointed_at
        values = self.frame.values_at(*at) if at is not None and self.frame is not None else None
        if at is None or values is None:
            return
        x, y = at
        place = f"{math.floor(x)}, {math.floor(y)}"
        before, after = map(pixel_text, values)
        if panes.view.has_two_panes:
            for other in panes.all:
                text = before if other.is_left or self._original else after
                painting.draw_pixel_values(painter, other.place, f"{place}    {text}", ratio)
        else:
            whole = qt.QRectF(0, 0, panes.width, panes.height)
            painting.draw_pixel_values(painter, whole, f"{place}    {before}   →   {after}", ratio)

    def resizeEvent(self, event: qt.QResizeEvent) -> None:
        super().resizeEvent(event)
        self._update_panes()

    # --- mouse and touchpad ---------------------------------------------------------------------------------------

    def mousePressEvent(self, event: qt.QMouseEvent) -> None:
        self._scroll_timer.stop()
        if event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton):
            return
        at = self._at(event)
        self._on_divider = event.button() is Qt.MouseButton.LeftButton and self._panes().is_divider(at)
        self._dragging, self._speed = at, qt.QPointF(0, 0)
        self._moved_at = time.monotonic()
        if not self._on_divider:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        self.update()

    def mouseMoveEvent(self, event: qt.QMouseEvent) -> None:
        self._pointer = at = self._at(event)
        panes = self._panes()
        if self._dragging is None:
            over = panes.is_divider(at)
            self.setCursor(Qt.CursorShape.SplitHCursor if over else Qt.CursorShape.ArrowCursor)
            self.update()
            self.pointed.emit()
        elif self._on_divider:
            self.move_divider(at.x() / max(panes.width, 1))
        else:
            self._drag_to(at)

    def mouseReleaseEvent(self, _event: qt.QMouseEvent) -> None:
        if self._dragging is None:
            return
        was_pan = not self._on_divider
        self._dragging, self._on_divider = None, False
        self.setCursor(Qt.CursorShape.ArrowCursor)
        recent = time.monotonic() - self._moved_at < _FLICK_SECONDS
        if was_pan and recent and math.hypot(self._speed.x(), self._speed.y()) > _SLOWEST and theme.animation_ms():
            self._scroll_timer.start()
        self.update()

    def mouseDoubleClickEvent(self, event: qt.QMouseEvent) -> None:
        viewport = self._viewer.viewport
        if viewport is None:
            return
        self._pointer = self._at(event)
        self.zoom(1.0 if viewport.fits or viewport.scale < 1 else None)

    def leaveEvent(self, event: qt.QEvent) -> None:
        super().leaveEvent(event)
        self._pointer = None
        self.update()
        self.pointed.emit()

    def wheelEvent(self, event: qt.QWheelEvent) -> None:
        viewport = self._viewer.viewport
        if viewport is None:
            return
        self._pointer = self._at(event)
        fingers = event.pixelDelta()
        if fingers.isNull() or event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self.zoom(viewport.scale * _ZOOM_PER_NOTCH ** (event.angleDelta().y() / _NOTCH))
        else:
            self._pan(qt.QPointF(fingers) * self.devicePixelRatioF())
        event.accept()

    def event(self, event: qt.QEvent) -> bool:
        viewport, zoom = self._viewer.viewport, Qt.NativeGestureType.ZoomNativeGesture
        if viewport is None or not isinstance(event, qt.QNativeGestureEvent) or event.gestureType() is not zoom:
            return super().event(event)
        self._pointer = self._at(event)
        self.zoom(viewport.scale * (1 + event.value()))
        return True

    def _drag_to(self, at: qt.QPointF) -> None:
        assert self._dragging is not None  # a button is pressed
        step, now = at - self._dragging, time.monotonic()
        self._speed = step / max((now - self._moved_at) * 1e3, 1.0) * 0.5 + self._speed * 0.5
        self._dragging, self._moved_at = at, now
        self._pan(step)

    def _pan(self, step: qt.QPointF) -> None:
        if self._viewer.viewport is not None:
            self._viewer.set_viewport(self._viewer.viewport.panned(step.x(), step.y()))

    def _scroll_on(self) -> None:
        self._pan(self._speed * _FRAME_MS)
        self._speed = self._speed * _FRICTION
        if math.hypot(self._speed.x(), self._speed.y()) < _SLOWEST:
            self._scroll_timer.stop()

    def _at(self, event: qt.QSinglePointEvent) -> qt.QPointF:
        return event.position() * self.devicePixelRatioF()

    # --- keys -----------------------------------------------------------------------------------------------------

    def keyPressEvent(self, event: qt.QKeyEvent) -> None:
        steps = {
            Qt.Key.Key_Left: (1, 0),
            Qt.Key.Key_Right: (-1, 0),
            Qt.Key.Key_Up: (0, 1),
            Qt.Key.Key_Down: (0, -1),
        }
        step = steps.get(Qt.Key(event.key()))
        if step is None or not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            super().keyPressEvent(event)
            return
        width, height = self._panes().size
        self._pan(qt.QPointF(step[0] * width * _KEY_PAN, step[1] * height * _KEY_PAN))


def _names(gain: int) -> dict[View, str]:
    return {
        View.SIDE_BY_SIDE: tr("Denoised"),
        View.STACKED: tr("Denoised"),
        View.CLEAN: tr("Denoised"),
        View.SPLIT: tr("Denoised"),
        View.DIFFERENCE: tr("Difference, ×{gain}", gain=gain),
        View.TRUST: tr("Possible loss of detail"),
    }


def states() -> dict[State, str]:
    """The states of pixels as words."""
    return {
        State.WAITING: tr("waiting"),
        State.DRAFT: tr("draft"),
        State.EXACT: tr("exact"),
        State.FAILED: tr("not denoised"),
    }
