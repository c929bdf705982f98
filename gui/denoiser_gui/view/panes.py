"""Layout of the canvas: one pane, or two with a gap or a divider. In device pixels."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser_gui.model.requests import View
from denoiser_gui.qt import QPointF, QRectF

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
