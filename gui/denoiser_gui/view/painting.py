"""Layout and painting of the canvas: panes, frames, overviews, labels, the divider. In device pixels.

The layout has one pane, or two with a gap or a divider.
"""

from __future__ import annotations

from dataclasses import dataclass

from denoiser_gui.model.requests import Frame, Overview, Screen, State, View
from denoiser_gui.model.viewport import Area, Viewport
from denoiser_gui.qt import QFontMetricsF, QImage, QPainter, QPointF, QRectF, Qt
from denoiser_gui.view import theme

_LABEL_HEIGHT = 22
_MARGIN = 12
_OPACITY = 0.58  # of the background of labels
_DOT = 4  # radius
_KNOB = 11
_DOTS = {State.EXACT: "pane_good", State.DRAFT: "pane_accent", State.WAITING: "track", State.FAILED: "pane_bad"}


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A QImage, the array that owns its pixels, and its area in the photo."""

    image: QImage
    screen: Screen
    area: Area


@dataclass(frozen=True, slots=True, eq=False)
class DrawingPair:
    """Left and right image of a frame or overview."""

    left: Drawing
    right: Drawing


def drawings_of(shown: Frame | Overview) -> DrawingPair:
    """A frame as QImages; copies no pixels."""
    area = shown.area if isinstance(shown, Frame) else shown.request.picture.whole
    return DrawingPair(_drawing(shown.left, area), _drawing(shown.right, area))


def _drawing(screen: Screen, area: Area) -> Drawing:
    height, width = screen.shape[:2]
    image = QImage(screen.data, width, height, screen.strides[0], QImage.Format.Format_RGB32)
    return Drawing(image, screen, area)


def place_of(viewport: Viewport, area: Area) -> QRectF:
    """Position of part of the photo in the pane, in whole pixels."""
    left, top = viewport.origin
    scale = viewport.scale
    across, down = round(left + area.left * scale), round(top + area.top * scale)
    return QRectF(across, down, round(left + area.right * scale) - across, round(top + area.bottom * scale) - down)


def draw_photo(painter: QPainter, viewport: Viewport, sharp: Drawing | None, coarse: Drawing | None) -> None:
    """Draw the frame, and the overview where the frame does not reach."""
    covered = None if sharp is None else place_of(viewport, sharp.area)
    pane = QRectF(0, 0, viewport.pane_width, viewport.pane_height)
    if coarse is not None and (covered is None or not covered.contains(_seen(viewport))):
        painter.save()
        painter.setClipRect(pane, Qt.ClipOperation.IntersectClip)
        painter.drawImage(place_of(viewport, coarse.area), coarse.image)
        painter.restore()
    if sharp is not None and covered is not None:
        if covered.size() == sharp.image.size().toSizeF():
            painter.drawImage(covered.topLeft(), sharp.image)
        else:
            painter.drawImage(covered, sharp.image)


def _seen(viewport: Viewport) -> QRectF:
    pane = QRectF(0, 0, viewport.pane_width, viewport.pane_height)
    whole = Area(0, 0, viewport.photo_height, viewport.photo_width)
    return place_of(viewport, whole).intersected(pane)


def draw_label(
    painter: QPainter, corner: QPointF, words: str, scale: float, *, state: State | None = None, right: bool = False
) -> None:
    """Draw a label with an optional status dot; *corner* is the upper left or right corner."""
    look = theme.current()
    painter.setFont(theme.interface_font(round(12 * scale)))
    dot = 3 * _DOT * scale if state is not None else 0.0
    width = QFontMetricsF(painter.font()).horizontalAdvance(words) + dot + 20 * scale
    margin, height = _MARGIN * scale, _LABEL_HEIGHT * scale
    left = corner.x() - margin - width if right else corner.x() + margin
    place = QRectF(left, corner.y() + margin, width, height)
    _draw_plate(painter, place, scale)
    if state is not None:
        painter.setBrush(look.colour(_DOTS[state]))
        middle = QPointF(place.left() + 10 * scale + _DOT * scale / 2, place.center().y())
        painter.drawEllipse(middle, _DOT * scale, _DOT * scale)
    painter.setPen(look.colour("pane_text"))
    words_at = place.adjusted(10 * scale + dot, 0, 0, 0)
    painter.drawText(words_at, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, words)


def draw_pixel_values(painter: QPainter, pane: QRectF, words: str, scale: float) -> None:
    """Draw the pixel values in the lower left corner of a pane."""
    painter.setFont(theme.interface_font(round(11 * scale)))
    width = QFontMetricsF(painter.font()).horizontalAdvance(words) + 16 * scale
    height = 20 * scale
    place = QRectF(pane.left() + _MARGIN * scale, pane.bottom() - _MARGIN * scale - height, width, height)
    _draw_plate(painter, place, scale)
    painter.setPen(theme.current().colour("pane_text"))
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, words)


def draw_divider(painter: QPainter, across: float, height: float, scale: float, *, active: bool) -> None:
    """Draw the divider with its handle."""
    look = theme.current()
    ink = look.colour("accent") if active else look.colour("pane_text", 0.9)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(look.colour("pane_label", 0.35))
    painter.drawRect(QRectF(across - 1.5 * scale, 0, 3 * scale, height))
    painter.setBrush(ink)
    painter.drawRect(QRectF(across - 0.5 * scale, 0, scale, height))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle = QPointF(across, height / 2)
    painter.setBrush(look.colour("pane_label", 0.7))
    painter.drawEllipse(middle, _KNOB * scale, _KNOB * scale)
    painter.setBrush(ink)
    for side in (-1, 1):
        tip, root = across + side * 7 * scale, across + side * 3 * scale
        painter.drawPolygon(
            [
                QPointF(tip, middle.y()),
                QPointF(root, middle.y() - 4 * scale),
                QPointF(root, middle.y() + 4 * scale),
            ]
        )
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def _draw_plate(painter: QPainter, place: QRectF, scale: float) -> None:
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.current().colour("pane_label", _OPACITY))
    painter.drawRoundedRect(place, 4 * scale, 4 * scale)


GAP = 4  # pixels between two panes
DIVIDER = 24  # px; width of the divider for the mouse
_ALWAYS_SEEN = 0.02  # of the width; the divider stays this far from the edges


@dataclass(frozen=True, slots=True)
class Pane:
    """A rectangle of the canvas that shows the left or right image of a frame."""

    place: QRectF
    is_left: bool


@dataclass(frozen=True, slots=True)
class Panes:
    """The layout of a canvas of that size."""

    width: int
    height: int
    view: View
    split_at: float = 0.5

    @property
    def size(self) -> tuple[int, int]:
        """Size of one pane, and so of the viewport."""
        if self.view is View.SIDE_BY_SIDE:
            return max(1, (self.width - GAP) // 2), max(1, self.height)
        return max(1, self.width), max(1, self.height)

    @property
    def all(self) -> tuple[Pane, ...]:
        """All panes, from left to right."""
        width, height = self.size
        whole = QRectF(0, 0, width, height)
        if self.view is View.SIDE_BY_SIDE:
            return Pane(whole, True), Pane(QRectF(width + GAP, 0, width, height), False)
        if self.view is View.SPLIT:
            at = self.divider_x
            return Pane(QRectF(0, 0, at, height), True), Pane(QRectF(at, 0, width - at, height), False)
        return (Pane(whole, False),)

    @property
    def divider_x(self) -> int:
        """Position of the divider."""
        return round(min(max(self.split_at, _ALWAYS_SEEN), 1 - _ALWAYS_SEEN) * self.width)

    def is_divider(self, point: QPointF) -> bool:
        """Whether the point is on the divider."""
        return self.view is View.SPLIT and abs(point.x() - self.divider_x) <= DIVIDER / 2

    def origin(self, pane: Pane) -> QPointF:
        """Origin of a pane's viewport; both halves of a split share one."""
        return QPointF(0, 0) if self.view is View.SPLIT else pane.place.topLeft()

    def under(self, point: QPointF) -> tuple[Pane, QPointF]:
        """The pane at a point of the canvas, and the point relative to its viewport."""
        pane = next((pane for pane in reversed(self.all) if point.x() >= pane.place.left()), self.all[0])
        return pane, point - self.origin(pane)
