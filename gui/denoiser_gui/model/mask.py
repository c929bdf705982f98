"""Masks of photos as lists of steps: brush strokes, gradients, the trust map, a picture. Drawn at any size.

Places are shares of the width and height of the photo, so the same mask is drawn small for the overlay and large
for the result. A step changes the value m of a pixel by its coverage c there: m += c · amount · (value − m). Any
thread.
"""

from __future__ import annotations

import functools
import os
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from denoiser.image import Image, from_numpy
from denoiser.image import Mask as MaskPixels
from denoiser.tiling import Region

Plane = NDArray[np.float32]
Point = tuple[float, float]  # across and down, 0 to 1
_FULL = 65535
_MOST_KEPT = 8  # planes of views, for the next step
_MOST_PIXELS = 6_000_000  # of a plane that is kept
_PIXELS_AT_ONCE = 200_000
_THREADS = min(4, os.cpu_count() or 1)
_FINEST = 1.0  # pixels; width of the edge of a hard brush


@dataclass(frozen=True, slots=True)
class Fill:
    """One value everywhere: the beginning of a mask."""

    value: float

    def apply(self, plane: Plane, _shape: tuple[int, int], _region: Region) -> None:
        plane[:] = self.value


@dataclass(frozen=True, slots=True)
class Picture:
    """A mask from a file, by its content."""

    data: bytes

    def apply(self, plane: Plane, shape: tuple[int, int], region: Region) -> None:
        from denoiser.imageio.screen import resized

        pixels = _decoded(self.data)
        if pixels.shape != shape:
            pixels = resized(pixels[:, :, np.newaxis], *shape)[:, :, 0]
        np.divide(pixels[region.slices], _FULL, out=plane, dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class TrustMap:
    """The trust in each block of the photo: full strength where only noise is removed."""

    blocks: Plane

    def apply(self, plane: Plane, shape: tuple[int, int], region: Region) -> None:
        rows, columns = (
            (np.arange(start, start + count) + 0.5) * length / whole - 0.5
            for start, count, length, whole in zip(
                (region.top, region.left), (region.height, region.width), self.blocks.shape, shape, strict=True
            )
        )
        plane[:] = between(between(self.blocks, rows, 0), columns, 1)


@dataclass(frozen=True, slots=True)
class Inverted:
    """Black becomes white."""

    def apply(self, plane: Plane, _shape: tuple[int, int], _region: Region) -> None:
        np.subtract(1, plane, out=plane)


@dataclass(frozen=True, slots=True)
class Ink:
    """What a tool paints."""

    value: float = 1.0
    amount: float = 1.0

    def blend(self, plane: Plane, coverage: Plane) -> None:
        """Change a plane where it is covered."""
        plane += coverage * np.float32(self.amount) * (np.float32(self.value) - plane)


@dataclass(frozen=True, slots=True)
class Stroke:
    """A stroke of the brush. *size* is its diameter as a share of the longer side."""

    points: tuple[Point, ...]
    size: float
    softness: float
    ink: Ink

    def apply(self, plane: Plane, shape: tuple[int, int], region: Region) -> None:
        coverage = np.zeros_like(plane)
        for first, second in zip(self.points, self.points[1:] or self.points, strict=False):
            self.cover(coverage, (first, second), shape, region)
        self.ink.blend(plane, coverage)

    def cover(
        self, coverage: Plane, line: tuple[Point, Point], shape: tuple[int, int], region: Region
    ) -> Region | None:
        """Add one line of the stroke to a coverage; return the part of *region* that it can change."""
        height, width = shape
        (x, y), (to_x, to_y) = ((across * width, down * height) for across, down in line)
        radius = max(self.size * max(shape) / 2, 0.5)
        top, left = int(min(y, to_y) - radius), int(min(x, to_x) - radius)
        bottom, right = int(max(y, to_y) + radius) + 2, int(max(x, to_x) + radius) + 2
        part = Region(top, left, bottom - top, right - left).overlap(region)
        if part is None:
            return None
        down, across = _centres(part)
        down, across = down - np.float32(y), across - np.float32(x)
        along_x, along_y = np.float32(to_x - x), np.float32(to_y - y)
        length = along_x * along_x + along_y * along_y
        if length > 0:
            place: Plane = np.clip((across * along_x + down * along_y) / length, 0, 1).astype(np.float32)
            across, down = across - place * along_x, down - place * along_y
        distance = np.sqrt(across * across + down * down)
        edge = np.float32(max(self.softness * radius, _FINEST))
        here = coverage[part.within(region).slices]
        np.maximum(here, _smooth((np.float32(radius) - distance) / edge), out=here)
        return part


@dataclass(frozen=True, slots=True)
class Linear:
    """A gradient, full before *start* and nothing after *end*."""

    start: Point
    end: Point
    ink: Ink

    def apply(self, plane: Plane, shape: tuple[int, int], region: Region) -> None:
        height, width = shape
        down, across = _centres(region)
        x, y = self.start[0] * width, self.start[1] * height
        along_x, along_y = self.end[0] * width - x, self.end[1] * height - y
        length = max(along_x * along_x + along_y * along_y, 1e-6)
        across = (across - np.float32(x)) * np.float32(along_x / length)
        down = (down - np.float32(y)) * np.float32(along_y / length)
        self.ink.blend(plane, _smooth(1 - (across + down)))


@dataclass(frozen=True, slots=True)
class Radial:
    """An ellipse around *centre* through the corner *to*, with a soft edge inside."""

    centre: Point
    to: Point
    softness: float
    ink: Ink

    def apply(self, plane: Plane, shape: tuple[int, int], region: Region) -> None:
        height, width = shape
        down, across = _centres(region)
        radii = [max(abs(self.to[axis] - self.centre[axis]) * (width, height)[axis], 0.5) for axis in (0, 1)]
        across = (across - np.float32(self.centre[0] * width)) / np.float32(radii[0])
        down = (down - np.float32(self.centre[1] * height)) / np.float32(radii[1])
        edge = np.float32(max(self.softness, _FINEST / max(radii)))
        self.ink.blend(plane, _smooth((1 - np.sqrt(across * across + down * down)) / edge))


Step = Fill | Picture | TrustMap | Inverted | Stroke | Linear | Radial


@dataclass(frozen=True, slots=True)
class Mask:
    """The steps of a mask; the first gives every pixel a value."""

    steps: tuple[Step, ...]

    @property
    def is_portable(self) -> bool:
        """Whether it suits other photos: gradients only."""
        return all(isinstance(step, Fill | Linear | Radial | Inverted) for step in self.steps)

    def then(self, step: Step) -> Mask:
        """This mask with one more step; the second of two inversions removes both."""
        if isinstance(step, Inverted) and isinstance(self.steps[-1], Inverted):
            return Mask(self.steps[:-1])
        return Mask((*self.steps, step))


def begun(mask: Mask | None, *, erases: bool) -> Mask:
    """The mask to which a tool adds its step: without one, black for painting, white for erasing."""
    return mask or Mask((Fill(1.0 if erases else 0.0),))


class MaskDrawer:
    """Draws masks; keeps the last views, so that a new step is drawn over the steps before it. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Mask, tuple[int, int], Region], Plane] = OrderedDict()

    def plane(self, mask: Mask, shape: tuple[int, int], region: Region) -> Plane:
        """A part of a mask that is drawn at the size *shape*: values from 0 to 1, which must not be changed."""
        key = (mask, shape, region)
        with self._lock:
            kept = self._kept.get(key)
            before = self._kept.get((Mask(mask.steps[:-1]), shape, region))
        if kept is not None:
            return kept
        plane = np.zeros((region.height, region.width), np.float32) if before is None else before.copy()
        _draw(mask.steps if before is None else mask.steps[-1:], plane, shape, region)
        if region.pixels <= _MOST_PIXELS:
            with self._lock:
                self._kept[key] = plane
                while len(self._kept) > _MOST_KEPT:
                    self._kept.popitem(last=False)
        return plane

    def pixels(self, mask: Mask, shape: tuple[int, int], region: Region | None = None) -> MaskPixels:
        """The same as the engine uses it. Whole masks equal their parts bit for bit."""
        part = region or Region(0, 0, *shape)
        return np.asarray(np.rint(self.plane(mask, shape, part) * np.float32(_FULL)), np.uint16)

    def encoded(self, mask: Mask, shape: tuple[int, int]) -> bytes:
        """The mask as a 16-bit PNG; the content of its file if nothing was added."""
        from denoiser import imageio

        if len(mask.steps) == 1 and isinstance(mask.steps[0], Picture):
            return mask.steps[0].data
        return imageio.encode(from_numpy(self.pixels(mask, shape)), "png")


def _draw(steps: tuple[Step, ...], plane: Plane, shape: tuple[int, int], region: Region) -> None:
    """Apply steps in strips, which fit the cache, by several threads."""
    rows = max(1, _PIXELS_AT_ONCE // region.width)

    def draw(top: int) -> None:
        strip = Region(region.top + top, region.left, min(rows, region.height - top), region.width)
        for step in steps:
            step.apply(plane[top : top + rows], shape, strip)

    with ThreadPoolExecutor(_THREADS, thread_name_prefix="denoise-mask") as threads:
        list(threads.map(draw, range(0, region.height, rows)))


def trust_step(source: Image, clean: Image) -> TrustMap:
    """The trust map of a photo that is fully denoised."""
    from denoiser.engine.trust import trust

    return TrustMap(trust(source, clean.pixels).map)


def mask_from(data: bytes, name: str, size: tuple[int, int]) -> Mask:
    """The mask in the content of a file for a photo of this size, width and height. Raises UnreadableImage."""
    from denoiser.imageio import masks

    masks.mask_in(data, name, size)
    return Mask((Picture(data),))


@functools.lru_cache(maxsize=2)
def _decoded(data: bytes) -> MaskPixels:
    from denoiser.imageio import masks, reader

    image = reader.read_bytes(data, "the mask")
    return masks.mask_of(image, "the mask", (image.width, image.height))


def between(values: Plane, places: NDArray[np.float64], axis: int) -> Plane:
    """Linear interpolation along an axis; the first and last values continue."""
    last = values.shape[axis] - 1
    places = np.clip(places, 0, last)
    low = places.astype(np.intp)
    share = (places - low).astype(np.float32).reshape((-1, 1) if axis == 0 else (1, -1))
    below, above = values.take(low, axis=axis), values.take(np.minimum(low + 1, last), axis=axis)
    return np.asarray(below + share * (above - below), np.float32)


def _centres(region: Region) -> tuple[Plane, Plane]:
    """The centres of the pixels of a region: down (rows, 1) and across (1, columns)."""
    down = np.arange(region.top, region.bottom, dtype=np.float32)[:, np.newaxis] + np.float32(0.5)
    across = np.arange(region.left, region.right, dtype=np.float32)[np.newaxis, :] + np.float32(0.5)
    return down, across


def _smooth(share: NDArray[np.floating[Any]]) -> Plane:
    """From 0 to 1 without a corner."""
    share = np.clip(share, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)
