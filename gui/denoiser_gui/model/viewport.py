"""Geometry between the pixels of a photo and those of a pane.

Lengths in panes are device pixels, so that 100 % is one to one on every screen. The photo is aligned to device
pixels; from 100 % on, all its pixels are squares of equal size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from denoiser.tiling import Region

RIM = 32  # pixels of the pane
LARGEST = 32.0  # device pixels per photo pixel
_STEPS = (1 / 16, 1 / 8, 1 / 6, 1 / 4, 1 / 3, 1 / 2, 2 / 3, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 32.0)


@dataclass(frozen=True, slots=True)
class Viewport:
    """A pane showing a photo at *scale*, with point (x, y) of the photo at its centre."""

    photo_width: int
    photo_height: int
    pane_width: int
    pane_height: int
    scale: float = 1.0
    x: float = 0.0
    y: float = 0.0
    fits: bool = True  # show the whole photo, also after the pane is resized

    @property
    def origin(self) -> tuple[int, int]:
        """Position of the photo's upper left corner in the pane."""
        return round(self.pane_width / 2 - self.x * self.scale), round(self.pane_height / 2 - self.y * self.scale)

    @property
    def level(self) -> int:
        """How often the photo can be halved and still has a pixel for every device pixel."""
        return max(0, math.floor(math.log2(1 / self.scale) + 1e-9)) if self.scale < 1 else 0

    @property
    def visible(self) -> Region:
        """The visible part of the photo, at least one pixel."""
        return self._seen(0)

    @property
    def visible_with_margin(self) -> Region:
        """The visible part with a margin, so that small movements reveal nothing unrendered."""
        return self._seen(RIM)

    def _seen(self, rim: int) -> Region:
        left, top = self.to_photo(-rim, -rim)
        right, bottom = self.to_photo(self.pane_width + rim, self.pane_height + rim)
        first_row, first_column = _within(top, self.photo_height), _within(left, self.photo_width)
        last_row = max(first_row + 1, min(math.ceil(bottom), self.photo_height))
        last_column = max(first_column + 1, min(math.ceil(right), self.photo_width))
        return Region(first_row, first_column, last_row - first_row, last_column - first_column)

    @property
    def fit_scale(self) -> float:
        """The scale that shows the whole photo, at most 1."""
        across, down = self.pane_width / self.photo_width, self.pane_height / self.photo_height
        return max(min(across, down, 1.0), 1e-4)

    def to_photo(self, across: float, down: float) -> tuple[float, float]:
        """Convert a point of the pane to the photo."""
        left, top = self.origin
        return (across - left) / self.scale, (down - top) / self.scale

    def fitted(self) -> Viewport:
        """The view of the whole photo."""
        return replace(self, scale=self.fit_scale, x=self.photo_width / 2, y=self.photo_height / 2, fits=True)

    def resized(self, width: int, height: int) -> Viewport:
        """The same view in a pane of another size."""
        other = replace(self, pane_width=max(width, 1), pane_height=max(height, 1))
        return other.fitted() if self.fits else other._limited()

    def at_scale(self, scale: float, across: float | None = None, down: float | None = None) -> Viewport:
        """Zoom around a point of the pane, by default its centre."""
        across = self.pane_width / 2 if across is None else across
        down = self.pane_height / 2 if down is None else down
        scale = min(max(scale, min(self.fit_scale, 1.0)), LARGEST)
        if scale <= self.fit_scale < 1.0:
            return self.fitted()
        x, y = self.to_photo(across, down)
        x -= (across - self.pane_width / 2) / scale
        y -= (down - self.pane_height / 2) / scale
        return replace(self, scale=scale, x=x, y=y, fits=False)._limited()

    def stepped(self, steps: int, across: float | None = None, down: float | None = None) -> Viewport:
        """Zoom to the next round scale, in or (negative) out."""
        scale = self.scale
        for _ in range(abs(steps)):
            if steps > 0:
                scale = next((step for step in _STEPS if step > scale * 1.001), LARGEST)
            else:
                scale = next((step for step in reversed(_STEPS) if step < scale * 0.999), _STEPS[0])
        return self.at_scale(scale, across, down)

    def panned(self, across: float, down: float) -> Viewport:
        """Move the photo by that many pixels of the pane."""
        return replace(self, x=self.x - across / self.scale, y=self.y - down / self.scale)._limited()

    def for_photo(self, width: int, height: int) -> Viewport:
        """The same zoom and relative position in another photo; all of it if this view shows all."""
        x, y = self.x * (width / self.photo_width), self.y * (height / self.photo_height)
        other = replace(self, photo_width=width, photo_height=height, x=x, y=y)
        return other.fitted() if self.fits or self.scale <= other.fit_scale < 1 else other._limited()

    def _limited(self) -> Viewport:
        """Limit the position to the photo; centre a photo that is smaller than the pane."""
        return replace(
            self,
            x=_kept(self.x, self.photo_width, self.pane_width / self.scale),
            y=_kept(self.y, self.photo_height, self.pane_height / self.scale),
        )


def viewport_of(width: int, height: int, pane_width: int, pane_height: int) -> Viewport:
    """The view of a whole photo in a pane."""
    return Viewport(width, height, max(pane_width, 1), max(pane_height, 1)).fitted()


def _within(place: float, length: int) -> int:
    return min(max(math.floor(place), 0), length - 1)


def _kept(middle: float, length: int, seen: float) -> float:
    return length / 2 if seen >= length else min(max(middle, seen / 2), length - seen / 2)
