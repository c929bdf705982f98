"""How the canvas is divided: one pane or two, a gap or a grip between them. Geometry in pixels of the device."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser_gui.model.requests import View
from denoiser_gui.qt import QPointF, QRectF

GAP = 4  # pixels between two panes
GRIP = 24  # pixels wide is what can be grabbed of the line between two halves
_ALWAYS_SEEN = 0.02  # of the width that stays on either side of the grip


@dataclass(frozen=True, slots=True)
class Pane:
    """A rectangle of the canvas and what it shows: the left or the right picture of a frame."""

    place: QRectF
    is_left: bool


@dataclass(frozen=True, slots=True)
class Panes:
    """The division of a canvas of that size."""

    width: int
    height: int
    view: View
    split_at: float = 0.5

    @property
    def size(self) -> tuple[int, int]:
        """Of one pane: what the viewport is as large as."""
        if self.view is View.SIDE_BY_SIDE:
            return max(1, (self.width - GAP) // 2), max(1, self.height)
        return max(1, self.width), max(1, self.height)

    @property
    def all(self) -> tuple[Pane, ...]:
        """From left to right."""
        width, height = self.size
        whole = QRectF(0, 0, width, height)
        if self.view is View.SIDE_BY_SIDE:
            return Pane(whole, True), Pane(QRectF(width + GAP, 0, width, height), False)
        if self.view is View.SPLIT:
            at = self.grip_x
            return Pane(QRectF(0, 0, at, height), True), Pane(QRectF(at, 0, width - at, height), False)
        return (Pane(whole, False),)

    @property
    def grip_x(self) -> int:
        """Where the two halves of a split meet."""
        return round(min(max(self.split_at, _ALWAYS_SEEN), 1 - _ALWAYS_SEEN) * self.width)

    def is_grip(self, point: QPointF) -> bool:
        """Whether the line between two halves is meant."""
        return self.view is View.SPLIT and abs(point.x() - self.grip_x) <= GRIP / 2

    def origin(self, pane: Pane) -> QPointF:
        """Where the viewport of a pane begins: halves of a split show one and the same."""
        return QPointF(0, 0) if self.view is View.SPLIT else pane.place.topLeft()

    def under(self, point: QPointF) -> tuple[Pane, QPointF]:
        """The pane at a point of the canvas, and the point counted from its viewport's corner."""
        pane = next((pane for pane in reversed(self.all) if point.x() >= pane.place.left()), self.all[0])
        return pane, point - self.origin(pane)
