"""Layout and painting of the canvas: panes, frames, overviews, labels, the divider. In device pixels.

The layout has one pane, or two with a gap or a divider. The image "left" of a frame is above the other one in the
stacked view.
"""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.tiling import Region
from denoiser_gui.model.requests import Overview, PreviewFrame, Screen, State, View
from denoiser_gui.model.viewport import Viewport
from denoiser_gui.qt import QFontMetricsF, QImage, QPainter, QPointF, QRectF, Qt
from denoiser_gui.view import theme

_LABEL_HEIGHT = 22
_MARGIN = 12
_OPACITY = 0.58  # of the background of labels
_DOT = 4  # radius
_KNOB = 11
_DOTS = {State.EXACT: "pane_good", State.DRAFT: "pane_accent", State.WAITING: "track", State.FAILED: "pane_bad"}


@dataclass(frozen=True, slots=True, eq=False)
class DrawingPair:
    """Left and right image of a frame or overview, which owns the pixels, and their region in the photo."""

    left: QImage
    right: QImage
    region: Region


def drawings_of(shown: PreviewFrame | Overview) -> DrawingPair:
    """A frame as QImages; copies no pixels, so *shown* must be kept."""
    region = shown.region if isinstance(shown, PreviewFrame) else shown.request.pyramid.whole
    return DrawingPair(_drawing(shown.left), _drawing(shown.right), region)


def _drawing(screen: Screen) -> QImage:
    height, width = screen.shape[:2]
    return QImage(screen.data, width, height, screen.strides[0], QImage.Format.Format_RGB32)


def place_of(viewport: Viewport, region: Region) -> QRectF:
    """Position of part of the photo in the pane, in whole pixels."""
    left, top = viewport.origin
    scale = viewport.scale
    first = QPointF(round(left + region.left * scale), round(top + region.top * scale))
    return QRectF(first, QPointF(round(left + region.right * scale), round(top + region.bottom * scale)))


def draw_photo(
    painter: QPainter, viewport: Viewport, sharp: DrawingPair | None, coarse: DrawingPair | None, *, left: bool
) -> None:
    """Draw the frame, and the overview where the frame does not reach."""
    covered = QRectF() if sharp is None else place_of(viewport, sharp.region)
    pane = QRectF(0, 0, viewport.pane_width, viewport.pane_height)
    whole = place_of(viewport, Region(0, 0, viewport.photo_height, viewport.photo_width))
    if coarse is not None and not covered.contains(whole.intersected(pane)):
        painter.save()
        painter.setClipRect(pane, Qt.ClipOperation.IntersectClip)
        painter.drawImage(whole, coarse.left if left else coarse.right)
        painter.restore()
    if sharp is not None:
        image = sharp.left if left else sharp.right
        if covered.size() == image.size().toSizeF():
            painter.drawImage(covered.topLeft(), image)
        else:
            painter.drawImage(covered, image)


def draw_label(
    painter: QPainter, corner: QPointF, text: str, scale: float, *, state: State | None = None, right: bool = False
) -> None:
    """Draw a label with an optional status dot; *corner* is the upper left or right corner."""
    painter.setFont(theme.interface_font(round(12 * scale)))
    dot = 3 * _DOT * scale if state is not None else 0.0
    width = QFontMetricsF(painter.font()).horizontalAdvance(text) + dot + 20 * scale
    margin, height = _MARGIN * scale, _LABEL_HEIGHT * scale
    left = corner.x() - margin - width if right else corner.x() + margin
    place = QRectF(left, corner.y() + margin, width, height)
    _draw_plate(painter, place, scale)
    if state is not None:
        painter.setBrush(theme.colour(_DOTS[state]))
        middle = QPointF(place.left() + 10 * scale + _DOT * scale / 2, place.center().y())
        painter.drawEllipse(middle, _DOT * scale, _DOT * scale)
    painter.setPen(theme.colour("pane_text"))
    text_place = place.adjusted(10 * scale + dot, 0, 0, 0)
    painter.drawText(text_place, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, text)


def draw_pixel_values(painter: QPainter, pane: QRectF, text: str, scale: float) -> None:
    """Draw the pixel values in the lower left corner of a pane."""
    painter.setFont(theme.interface_font(round(11 * scale)))
    width = QFontMetricsF(painter.font()).horizontalAdvance(text) + 16 * scale
    height = 20 * scale
    place = QRectF(pane.left() + _MARGIN * scale, pane.bottom() - _MARGIN * scale - height, width, height)
    _draw_plate(painter, place, scale)
    painter.setPen(theme.colour("pane_text"))
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)


def draw_divider(painter: QPainter, across: float, height: float, scale: float, *, active: bool) -> None:
    """Draw the divider with its handle."""
    ink = theme.colour("accent") if active else theme.colour("pane_text", 0.9)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(theme.colour("pane_label", 0.35))
    painter.drawRect(QRectF(across - 1.5 * scale, 0, 3 * scale, height))
    painter.setBrush(ink)
    painter.drawRect(QRectF(across - 0.5 * scale, 0, scale, height))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    middle = QPointF(across, height / 2)
    painter.setBrush(theme.colour("pane_label", 0.7))
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
    painter.setBrush(theme.colour("pane_label", _OPACITY))
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
        if self.view is View.STACKED:
            return max(1, self.width), max(1, (self.height - GAP) // 2)
        return max(1, self.width), max(1, self.height)

    @property
    def all(self) -> tuple[Pane, ...]:
        """All panes, from left to right or from top to bottom."""
        width, height = self.size
        whole = QRectF(0, 0, width, height)
        if self.view is View.SIDE_BY_SIDE:
            return Pane(whole, True), Pane(QRectF(width + GAP, 0, width, height), False)
        if self.view is View.STACKED:
            return Pane(whole, True), Pane(QRectF(0, height + GAP, width, height), False)
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

        def is_in(pane: Pane) -> bool:
            return point.x() >= pane.place.left() and point.y() >= pane.place.top()

        pane = next(filter(is_in, reversed(self.all)), self.all[0])
        return pane, point - self.origin(pane)
