"""The overlay on the canvas: shows a reduced mask in colour, and draws with the mouse or a pen."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from denoiser.tiling import Region
from denoiser_gui import qt
from denoiser_gui.model.mask import Plane, Point, Step, Stroke
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.translation import tr
from denoiser_gui.view import theme
from denoiser_gui.view.canvas import PhotoCanvas
from denoiser_gui.viewer import Viewer

_LONGER_SIDE = 800  # pixels of the reduced mask: a stroke of any size takes a few milliseconds
_OPACITY = 0.55
_COLOUR = (220, 60, 50)  # of masks in most programs
_LEAST_STEP = 0.15  # of the brush size, between two points of a stroke
_DOT = 3  # px; radius of the pointer of a gradient
_KEY_STEP = 0.02  # of the height, for each arrow key
_ARROWS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}

StepOf = Callable[[tuple[Point, ...]], Step]


class MaskOverlay(qt.QWidget):
    """A transparent widget over the canvas. Inactive, it shows nothing and the mouse goes to the canvas."""

    started = Signal()  # a stroke begins
    drawn = Signal(object)  # tuple[Point, ...]: a stroke ended

    def __init__(self, canvas: PhotoCanvas, viewer: Viewer) -> None:
        super().__init__(canvas)
        self._canvas, self._viewer = canvas, viewer
        self._step_of: StepOf | None = None
        self._size = 0.0  # of the brush; 0 for other tools
        self._visible = True
        self._plane: Plane | None = None  # as it is without the stroke being drawn
        self._shades: NDArray[np.uint8] = np.zeros((1, 1), np.uint8)
        self._coverage: Plane | None = None  # of that stroke
        self._points: list[Point] = []
        self._pointer: qt.QPointF | None = None
        self.region = Region(0, 0, 1, 1)  # the size of the reduced mask
        self._colours = [qt.qRgba(*_COLOUR, round(at * _OPACITY)) for at in range(256)]
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(tr("Mask"))
        self.setAccessibleDescription(tr("Arrow keys move the tool, Enter begins and ends a stroke."))
        canvas.installEventFilter(self)
        self.hide()

    # --- display --------------------------------------------------------------------------------------------------

    def set_active(self, on: bool) -> None:
        """Take the mouse, or leave it to the canvas."""
        self.setGeometry(self._canvas.rect())
        self.setVisible(on)
        if on:
            self.raise_()
            self.setFocus()
        elif self._points:
            self.finish()

    def set_visible(self, on: bool) -> None:
        """Show the mask in colour, or only the tools."""
        self._visible = on
        self.update()

    def set_tool(self, step_of: StepOf, size: float) -> None:
        """The tool that draws; *size* is that of the brush, 0 for others."""
        self._step_of, self._size = step_of, size
        self.update()

    def set_photo(self, width: int, height: int) -> None:
        """Set the size of the photo."""
        factor = min(1.0, _LONGER_SIDE / max(width, height))
        region = Region(0, 0, max(1, round(height * factor)), max(1, round(width * factor)))
        if region != self.region:
            self.region, self._plane = region, None

    def fill(self, value: float) -> None:
        """Begin with one value everywhere."""
        self.show_plane(np.full((self.region.height, self.region.width), value, np.float32))

    def show_plane(self, plane: Plane | None) -> None:
        """Show a reduced mask, or none."""
        if plane is not None and plane.shape != (self.region.height, self.region.width):
            return  # of another photo
        self._plane = plane
        if plane is not None:
            self._shades = _shades(plane)
        self.update()

    def paintEvent(self, _event: qt.QPaintEvent) -> None:
        viewport = self._viewer.viewport
        if viewport is None:
            return
        painter = qt.QPainter(self)
        ratio = self.devicePixelRatioF()
        painter.scale(1 / ratio, 1 / ratio)
        panes = self._canvas.panes
        for pane in panes.all:
            if pane.is_left and len(panes.all) > 1:
                continue  # the original stays as it is
            painter.save()
            painter.setClipRect(pane.place)
            painter.translate(panes.origin(pane))
            if self._plane is not None and self._visible:
                height, width = self._shades.shape
                image = qt.QImage(self._shades.data, width, height, width, qt.QImage.Format.Format_Indexed8)
                image.setColorTable(self._colours)
                left, top = viewport.origin
                scale = viewport.scale
                place = qt.QRectF(left, top, viewport.photo_width * scale, viewport.photo_height * scale)
                painter.drawImage(place, image)
            painter.restore()
        if self._pointer is not None:
            radius = self._size * max(viewport.photo_width, viewport.photo_height) * viewport.scale / 2
            radius = max(radius, _DOT * ratio)
            painter.setRenderHint(qt.QPainter.RenderHint.Antialiasing)
            for colour, thick in (("pane_label", 3.0), ("pane_text", 1.0)):
                painter.setPen(qt.QPen(theme.colour(colour), thick * ratio))
                painter.drawEllipse(self._pointer * ratio, radius, radius)

    # --- drawing --------------------------------------------------------------------------------------------------

    def begin(self, point: Point) -> None:
        """Begin a stroke, or a gradient."""
        self.started.emit()
        self._points = [point]
        self._coverage = np.zeros((self.region.height, self.region.width), np.float32)
        self._draw_last()

    def extend(self, point: Point) -> None:
        """Continue the stroke, or move the end of the gradient."""
        if self._size:
            across, down = (abs(a - b) for a, b in zip(point, self._points[-1], strict=True))
            if max(across, down) < self._size * _LEAST_STEP:
                self.update()
                return
            self._points.append(point)
        else:
            self._points[1:] = [point]
        self._draw_last()

    def finish(self) -> None:
        """End the stroke, which becomes a step of the mask."""
        points, self._points = tuple(self._points), []
        if self._plane is not None and (self._size or len(points) > 1):
            self._plane = self._with_stroke(points)
            self.drawn.emit(points)
        self._coverage = None

    def mousePressEvent(self, event: qt.QMouseEvent) -> None:
        if event.button() is not Qt.MouseButton.LeftButton or self._viewer.viewport is None:
            event.ignore()  # the canvas pans
            return
        self._pointer = event.position()
        self.begin(self._point(self._pointer))

    def mouseMoveEvent(self, event: qt.QMouseEvent) -> None:
        self._pointer = event.position()
        if not self._points:
            event.ignore()
            self.update()
            return
        self.extend(self._point(self._pointer))

    def mouseReleaseEvent(self, event: qt.QMouseEvent) -> None:
        if not self._points:
            event.ignore()
            return
        self.finish()

    def keyPressEvent(self, event: qt.QKeyEvent) -> None:
        """The arrow keys move the tool, Enter begins and ends a stroke."""
        step, enter = _ARROWS.get(Qt.Key(event.key())), (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        plain = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if self._viewer.viewport is None or plain or (step is None and event.key() not in enter):
            super().keyPressEvent(event)
            return
        at = self._pointer or self._middle()
        if step is not None:
            at += qt.QPointF(*step) * max(2.0, self.height() * _KEY_STEP)
            at.setX(min(max(at.x(), 0.0), self.width()))
            at.setY(min(max(at.y(), 0.0), self.height()))
        self._pointer = at
        if step is None and not self._points:
            self.begin(self._point(at))
        elif step is None:
            self.finish()
        elif self._points:
            self.extend(self._point(at))
        self.update()

    def _middle(self) -> qt.QPointF:
        return self._canvas.panes.all[-1].place.center() / self.devicePixelRatioF()

    def mouseDoubleClickEvent(self, event: qt.QMouseEvent) -> None:
        self.mousePressEvent(event)

    def leaveEvent(self, event: qt.QEvent) -> None:
        super().leaveEvent(event)
        self._pointer = None
        self.update()

    def eventFilter(self, watched: qt.QObject, event: qt.QEvent) -> bool:
        if watched is self._canvas and event.type() is qt.QEvent.Type.Resize:
            self.setGeometry(self._canvas.rect())
        return super().eventFilter(watched, event)

    def _point(self, position: qt.QPointF) -> Point:
        """A place of this widget in the photo."""
        viewport = self._viewer.viewport
        assert viewport is not None  # a photo is shown
        at = self._canvas.panes.under(position * self.devicePixelRatioF())[1]
        x, y = viewport.to_photo(at.x(), at.y())
        return x / viewport.photo_width, y / viewport.photo_height

    def _draw_last(self) -> None:
        """Show what the last movement changed."""
        if self._plane is None or self._step_of is None or self._coverage is None:
            return
        points, shape = tuple(self._points), (self.region.height, self.region.width)
        step = self._step_of(points)
        part: Region | None = self.region
        if isinstance(step, Stroke):
            part = step.cover(self._coverage, (points[-2:][0], points[-1]), shape, self.region)
            if part is not None:
                plane = self._plane[part.slices].copy()
                step.ink.blend(plane, self._coverage[part.slices])
                self._shades[part.slices] = _shades(plane)
        elif len(points) > 1:
            self._shades = _shades(self._with_stroke(points))
        self.update()

    def _with_stroke(self, points: tuple[Point, ...]) -> Plane:
        assert self._plane is not None and self._step_of is not None  # it was drawn
        plane = self._plane.copy()
        self._step_of(points).apply(plane, (self.region.height, self.region.width), self.region)
        return plane


def _shades(plane: Plane) -> NDArray[np.uint8]:
    return np.ascontiguousarray(np.rint(plane * 255), np.uint8)
