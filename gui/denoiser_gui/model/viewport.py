"""Where a pane looks: pure geometry between the pixels of a photo and those of a screen.

All pane lengths are pixels of the device, so that 100 % is one to one on every screen. The photo lies on whole
device pixels, and at 100 % and beyond each of its pixels is a square of the same size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

RIM = 32  # pixels of the pane
LARGEST = 32.0  # device pixels for one of the photo: single pixels can be pointed at
_STEPS = (1 / 16, 1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0)


@dataclass(frozen=True, slots=True)
class Area:
    """A rectangle of whole pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        return self.top + self.height

    @property
    def right(self) -> int:
        return self.left + self.width

    @property
    def pixels(self) -> int:
        """How many there are."""
        return self.height * self.width

    def contains(self, other: Area) -> bool:
        """Whether all of *other* lies inside."""
        down = self.top <= other.top and other.bottom <= self.bottom
        return down and self.left <= other.left and other.right <= self.right

    def within(self, other: Area) -> Area:
        """The same place, counted from the corner of *other*."""
        return Area(self.top - other.top, self.left - other.left, self.height, self.width)

    def shrunk(self, level: int) -> Area:
        """The same part of a copy that was halved *level* times: all pixels that show any of it."""
        step = 1 << level
        top, left = self.top // step, self.left // step
        return Area(top, left, -(-self.bottom // step) - top, -(-self.right // step) - left)

    def grown(self, level: int, height: int, width: int) -> Area:
        """The other way round: the part of the photo, of that size, that this part of its small copy shows."""
        step = 1 << level
        top, left = self.top * step, self.left * step
        return Area(top, left, min(self.bottom * step, height) - top, min(self.right * step, width) - left)


@dataclass(frozen=True, slots=True)
class Viewport:
    """A pane of that size that shows a photo of that size at *scale*, with (x, y) of the photo in its middle."""

    photo_width: int
    photo_height: int
    pane_width: int
    pane_height: int
    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0
    fits: bool = True  # the whole photo is shown, and stays so when the pane changes

    @property
    def origin(self) -> tuple[int, int]:
        """Where the upper left corner of the photo lies in the pane."""
        return round(self.pane_width / 2 - self.x * self.scale), round(self.pane_height / 2 - self.y * self.scale)

    @property
    def level(self) -> int:
        """How often the photo may be halved and still has a pixel for each of the pane."""
        return max(0, math.floor(math.log2(1 / self.scale) + 1e-9)) if self.scale < 1 else 0

    @property
    def visible(self) -> Area:
        """The pixels of the photo that are seen; at least one."""
        return self._seen(0)

    @property
    def wanted(self) -> Area:
        """Those, and a rim around them, so that a small movement uncovers nothing."""
        return self._seen(RIM)

    def _seen(self, rim: int) -> Area:
        left, top = self.to_photo(-rim, -rim)
        right, bottom = self.to_photo(self.pane_width + rim, self.pane_height + rim)
        first_row, first_column = _within(top, self.photo_height), _within(left, self.photo_width)
        last_row = max(first_row + 1, min(math.ceil(bottom), self.photo_height))
        last_column = max(first_column + 1, min(math.ceil(right), self.photo_width))
        return Area(first_row, first_column, last_row - first_row, last_column - first_column)

    @property
    def fit_scale(self) -> float:
        """The scale at which the whole photo is seen; small photos are not blown up."""
        across, down = self.pane_width / self.photo_width, self.pane_height / self.photo_height
        return max(min(across, down, 1.0), 1e-4)

    def to_photo(self, across: float, down: float) -> tuple[float, float]:
        """The point of the photo under a point of the pane."""
        left, top = self.origin
        return (across - left) / self.scale, (down - top) / self.scale

    def to_pane(self, x: float, y: float) -> tuple[float, float]:
        """The point of the pane that shows this point of the photo."""
        left, top = self.origin
        return left + x * self.scale, top + y * self.scale

    def fitted(self) -> Viewport:
        """The whole photo."""
        return replace(self, scale=self.fit_scale, x=self.photo_width / 2, y=self.photo_height / 2, fits=True)

    def resized(self, width: int, height: int) -> Viewport:
        """The same look through a pane of another size."""
        other = replace(self, pane_width=max(width, 1), pane_height=max(height, 1))
        return other.fitted() if self.fits else other._held()

    def at_scale(self, scale: float, across: float | None = None, down: float | None = None) -> Viewport:
        """Zoomed, with the photo staying where it is at that point of the pane, or in its middle."""
        across = self.pane_width / 2 if across is None else across
        down = self.pane_height / 2 if down is None else down
        scale = min(max(scale, min(self.fit_scale, 1.0)), LARGEST)
        if scale <= self.fit_scale < 1.0:
            return self.fitted()
        x, y = self.to_photo(across, down)
        x -= (across - self.pane_width / 2) / scale
        y -= (down - self.pane_height / 2) / scale
        return replace(self, scale=scale, x=x, y=y, fits=False)._held()

    def stepped(self, steps: int, across: float | None = None, down: float | None = None) -> Viewport:
        """Zoomed to the next round scale, in or (negative) out."""
        scale = self.scale
        for _ in range(abs(steps)):
            if steps > 0:
                scale = next((step for step in _STEPS if step > scale * 1.001), LARGEST)
            else:
                scale = next((step for step in reversed(_STEPS) if step < scale * 0.999), _STEPS[0])
        return self.at_scale(scale, across, down)

    def panned(self, across: float, down: float) -> Viewport:
        """The photo moved by so many pixels of the pane."""
        return replace(self, x=self.x - across / self.scale, y=self.y - down / self.scale)._held()

    def on(self, width: int, height: int) -> Viewport:
        """The same pane over another photo: at the same place where that has the same size, or all of it."""
        if (width, height) == (self.photo_width, self.photo_height):
            return self
        return replace(self, photo_width=width, photo_height=height).fitted()

    def _held(self) -> Viewport:
        """Never beyond the rim of the photo; in the middle where it is smaller than the pane."""
        return replace(
            self,
            x=_kept(self.x, self.photo_width, self.pane_width / self.scale),
            y=_kept(self.y, self.photo_height, self.pane_height / self.scale),
        )


def viewport_of(width: int, height: int, pane_width: int, pane_height: int) -> Viewport:
    """All of a photo in a pane."""
    return Viewport(width, height, max(pane_width, 1), max(pane_height, 1)).fitted()


def _within(place: float, length: int) -> int:
    return min(max(math.floor(place), 0), length - 1)


def _kept(middle: float, length: int, seen: float) -> float:
    return length / 2 if seen >= length else min(max(middle, seen / 2), length - seen / 2)
