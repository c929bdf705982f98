"""The pixel under the pointer: position and values before and after, in the bit depth of the photo."""

from __future__ import annotations

import math
from dataclasses import dataclass

from denoiser.image import Pixels
from denoiser_gui.model.requests import Frame


@dataclass(frozen=True, slots=True)
class PixelValues:
    """One pixel of the photo before and after denoising."""

    x: int
    y: int
    before: tuple[float, ...]
    after: tuple[float, ...]


def pixel_values_at(frame: Frame, x: float, y: float) -> PixelValues | None:
    """The pixel at a point of the photo; None outside the photo or the frame."""
    column, row = math.floor(x), math.floor(y)
    area = frame.area
    if not (area.left <= column < area.right and area.top <= row < area.bottom):
        return None
    return PixelValues(column, row, _value(frame, frame.left_values, x, y), _value(frame, frame.right_values, x, y))


def in_words(values: tuple[float, ...]) -> str:
    """Pixel values as text: integers, or four decimals for float images."""
    names = ("R", "G", "B") if len(values) == 3 else ("K",)
    whole = all(value == int(value) for value in values if math.isfinite(value)) and any(v > 1 for v in values)
    shown = [f"{value:.0f}" if whole or value == 0 else f"{value:.4f}" for value in values]
    return "  ".join(f"{name} {value}" for name, value in zip(names, shown, strict=True))


def _value(frame: Frame, pixels: Pixels, x: float, y: float) -> tuple[float, ...]:
    height, width = pixels.shape[:2]
    row = min(height - 1, int((y - frame.area.top) * height / frame.area.height))
    column = min(width - 1, int((x - frame.area.left) * width / frame.area.width))
    return tuple(float(value) for value in pixels[row, column])
