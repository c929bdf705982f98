"""Comparison sheets: crops at 1:1 and enlarged, the removed part, and scores.

title of the image
┌ noisy ────────┐ ┌ clean ────────┐ ┌ removed ──────┐ (┌ reference ────┐)
│ 1:1, a frame  │ │               │ │ ×3 about grey │
└───────────────┘ └───────────────┘ └───────────────┘
┌───────────────┐ ┌───────────────┐ ┌───────────────┐
│ the frame ×4  │ │               │ │               │
└───────────────┘ └───────────────┘ └───────────────┘
score             score
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from denoiser.errors import UnusableData
from denoiser.image import Image, from_numpy
from denoiser.imageio import depth

if TYPE_CHECKING:
    from PIL import Image as PillowImage
    from PIL import ImageDraw

Crop8 = NDArray[np.uint8]  # (H, W, 3)

_PANEL = (320, 240)  # width and height of each panel
_ZOOM = 4
_GAIN = 3  # amplification of the difference
_MARGIN, _GAP = 24, 8
_TITLE, _LABEL, _SCORE = 20, 14, 15  # sizes of the letters
BACKGROUND, INK, FAINT, _FRAME = (250, 250, 248), (28, 28, 30), (105, 105, 110), (255, 196, 0)
_LONGEST_TITLE = 90
_STEP, _STEPS = 8, 128  # of the search for a representative crop: pixels at least, and how many at most


@dataclass(frozen=True, slots=True)
class Row:
    """One image before and after, of one size; scores are printed below noisy and clean."""

    title: str
    noisy: Image
    clean: Image
    reference: Image | None = None
    noisy_score: str = ""
    clean_score: str = ""
    labels: tuple[str, str, str] = ("Noisy", "Clean", "Removed")


@dataclass(frozen=True, slots=True)
class SheetPanel:
    """One column of a strip: title, pixels, caption."""

    label: str
    pixels: Crop8
    score: str = ""


@dataclass(frozen=True, slots=True)
class SheetStrip:
    """One scene in several panels of one size; the panel *guide* decides which part of the scene is shown."""

    title: str
    panels: tuple[SheetPanel, ...]
    guide: int


def contact_sheet(rows: Iterable[Row]) -> Image:
    """The sheet as an 8-bit image. Keeps only drawn strips, so *rows* may be lazy."""
    return drawn(_before_and_after(row) for row in rows)


def drawn(strips: Iterable[SheetStrip]) -> Image:
    """The strips below each other as an 8-bit image; *rows* may be lazy."""
    parts = [_drawn(strip) for strip in strips]
    if not parts:
        raise UnusableData("No images for the sheet.")
    width = max(part.shape[1] for part in parts)
    height = sum(part.shape[0] for part in parts)
    sheet = np.full((height + 2 * _MARGIN, width, 3), BACKGROUND, np.uint8)
    top = _MARGIN
    for part in parts:
        sheet[top : top + part.shape[0], : part.shape[1]] = part
        top += part.shape[0]
    return from_numpy(sheet)


_TILE = 64  # pixels: smaller images in a grid are enlarged to about this
_TILE_GAP = 4


def image_grid(images: NDArray[Any], columns: int = 0) -> Image:
    """*images* (N, H, W, C), uint8 or 0..1, row by row in a grid; as a square if *columns* is 0."""
    if images.dtype != np.uint8:
        images = np.rint(np.clip(images, 0, 1) * 255).astype(np.uint8)
    count, height, width, channels = images.shape
    columns = columns or int(np.ceil(np.sqrt(count)))
    zoom = max(1, round(_TILE / max(height, width)))
    images = images.repeat(zoom, axis=1).repeat(zoom, axis=2)
    height, width = height * zoom + _TILE_GAP, width * zoom + _TILE_GAP
    rows = -(-count // columns)
    grid = np.full((rows * height + _TILE_GAP, columns * width + _TILE_GAP, channels), BACKGROUND[0], np.uint8)
    for number, image in enumerate(images):
        top, left = number // columns * height + _TILE_GAP, number % columns * width + _TILE_GAP
        grid[top : top + image.shape[0], left : left + image.shape[1]] = image
    return from_numpy(grid)


def _drawn(strip: SheetStrip) -> Crop8:
    """One strip: title, two lines of panels, scores."""
    from PIL import Image as PillowImage
    from PIL import ImageDraw

    width = 2 * _MARGIN + len(strip.panels) * (_PANEL[0] + _GAP) - _GAP
    heights = [_TITLE + 12, _LABEL + 6, _PANEL[1] + _GAP, _PANEL[1] + 6, _SCORE + 30]
    part = PillowImage.new("RGB", (width, sum(heights)), BACKGROUND)
    draw = ImageDraw.Draw(part)
    title = strip.title if len(strip.title) <= _LONGEST_TITLE else f"{strip.title[: _LONGEST_TITLE - 3]}..."
    text(draw, (_MARGIN, 0), title, _TITLE, INK)
    guide = strip.panels[strip.guide].pixels
    place = _representative_place(guide, _PANEL)
    frame = _PANEL[0] // _ZOOM, _PANEL[1] // _ZOOM
    inner = _representative_place(_cut(guide, place, _PANEL), frame)
    for number, panel in enumerate(strip.panels):
        left = _MARGIN + number * (_PANEL[0] + _GAP)
        top = heights[0]
        text(draw, (left, top), panel.label, _LABEL, FAINT)
        top += heights[1]
        crop = _cut(panel.pixels, place, _PANEL)
        _paste(part, crop, (left, top), 1)
        draw.rectangle(
            (left + inner[1] - 1, top + inner[0] - 1, left + inner[1] + frame[0], top + inner[0] + frame[1]),
            outline=_FRAME,
        )
        top += heights[2]
        _paste(part, _cut(crop, inner, frame), (left, top), _ZOOM)
        text(draw, (left, top + heights[3]), panel.score, _SCORE, INK)
    return np.asarray(part)


def _before_and_after(row: Row) -> SheetStrip:
    noisy, clean = _as_8_bit(row.noisy), _as_8_bit(row.clean)
    if noisy.shape != clean.shape:
        raise UnusableData(f"{row.title}: noisy and clean image differ in size.")
    removed = noisy.astype(np.int16) - clean
    visible = np.clip(128 + _GAIN * removed, 0, 255).astype(np.uint8)
    before, after, between = row.labels
    panels = [
        SheetPanel(before, noisy, row.noisy_score),
        SheetPanel(after, clean, row.clean_score),
        SheetPanel(f"{between}, {_GAIN} times", visible),
    ]
    if row.reference is not None:
        panels.append(SheetPanel("Reference", _as_8_bit(row.reference)))
        if panels[-1].pixels.shape != clean.shape:
            raise UnusableData(f"{row.title}: the reference differs in size.")
    return SheetStrip(row.title, tuple(panels), guide=1)


def _as_8_bit(image: Image) -> Crop8:
    pixels = depth.rescale(image.pixels, image.white, 8)
    return np.asarray(np.repeat(pixels, 3, axis=2) if image.channels == 1 else pixels, dtype=np.uint8)


def _representative_place(pixels: Crop8, size: tuple[int, int]) -> tuple[int, int]:
    """Return row and column of the window with the most edges; windows near the centre are preferred."""
    grey = pixels.astype(np.float32).mean(axis=2)
    height, width = grey.shape
    rows = range(0, max(1, height - size[1] + 1), max(_STEP, height // _STEPS))
    columns = range(0, max(1, width - size[0] + 1), max(_STEP, width // _STEPS))
    # Square roots, so that one hard edge does not outweigh a face.
    edges = np.sqrt(
        np.abs(np.diff(grey, axis=0, append=grey[-1:])) + np.abs(np.diff(grey, axis=1, append=grey[:, -1:]))
    )
    sums = np.pad(edges.cumsum(axis=0, dtype=np.float64).cumsum(axis=1), ((1, 0), (1, 0)))

    def score(place: tuple[int, int]) -> float:
        top, left = place
        bottom, right = min(top + size[1], height), min(left + size[0], width)
        whole = sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
        off = abs(top + bottom - height) / height + abs(left + right - width) / width
        return float(whole * (1 - 0.25 * off))

    return max(((top, left) for top in rows for left in columns), key=score)


def _cut(pixels: Crop8, place: tuple[int, int], size: tuple[int, int]) -> Crop8:
    return pixels[place[0] : place[0] + size[1], place[1] : place[1] + size[0]]


def _paste(strip: PillowImage.Image, crop: Crop8, at: tuple[int, int], zoom: int) -> None:
    from PIL import Image as PillowImage

    enlarged = crop.repeat(zoom, axis=0).repeat(zoom, axis=1)
    strip.paste(PillowImage.fromarray(np.ascontiguousarray(enlarged)), at)


def text(
    draw: ImageDraw.ImageDraw, at: tuple[int, int], words: str, size: int, colour: tuple[int, int, int]
) -> None:
    """Draw one line of text; letters that Pillow's font lacks are left out."""
    from PIL import ImageFont

    plain = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode()  # Pillow's font has no others
    draw.text(at, plain, fill=colour, font=ImageFont.load_default(size))
