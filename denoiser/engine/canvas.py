"""An image during inference: tiles are cut from the source, and denoised tiles are pasted into the result.

The whole image is never converted to float: each tile is converted when it is cut and when it is pasted.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from denoiser.engine.arrays import Array, as_float, is_floating, is_on_cpu, module_of
from denoiser.engine.local_means import CELL, limits_of
from denoiser.estimation.estimate import NoiseEstimate
from denoiser.image import Image, Mask, Pixels
from denoiser.networks.condition import Condition
from denoiser.options import DenoiseOptions
from denoiser.tiling import Region, Span, Tile, TilePlan

_ROWS_AT_ONCE = 256  # processed at a time, to find the maximum of a float image


@dataclass(frozen=True, slots=True)
class Scale:
    """The scale between the values of an image and the network's 0..1."""

    one: float  # the value that becomes 1
    white: float | None  # results are rounded and clipped to 0..white; None for float: unchanged


def scale_of(image: Image) -> Scale:
    """Map white to 1; scale float images that are brighter than white down to fit."""
    if image.bits != 32:
        return Scale(image.white, image.white)
    brightest = 1.0
    for start in range(0, image.height, _ROWS_AT_ONCE):
        rows = image.pixels[start : start + _ROWS_AT_ONCE]
        brightest = max(brightest, float(np.max(rows, initial=1.0, where=np.isfinite(rows))))
    return Scale(brightest, None)


class Canvas:
    """An image, the condition that the network is given, and the finished tiles. Not thread-safe.

    *noise* is the estimated noise, by default *condition*.
    """

    def __init__(
        self,
        source: Pixels,
        scale: Scale,
        condition: Condition,
        share: float = 1.0,
        noise: Condition | None = None,
        passes: int = 1,
    ) -> None:
        self.source = source
        self.scale = scale
        self.condition, self.planes = condition, condition.planes()
        self.limits = limits_of(noise or condition)
        self.share = share  # of the removed noise
        self.passes = passes  # whose results are averaged: 1, 2, 4 or 8
        self.kept_cells: float = 0.0  # number of 8 x 8 cells where the sanity check kept the source
        self.result = np.empty_like(source)
        self.notes: list[str] = []  # for the user
        self.tiles_total = self.tiles_left = 0

    @property
    def is_done(self) -> bool:
        """Whether all tiles are finished."""
        return self.tiles_left == 0

    def begin(self, plan: TilePlan) -> None:
        """Start, or restart with other tiles."""
        self.tiles_total = self.tiles_left = len(plan.tiles)
        self.kept_cells = 0.0

    def window(self, tile: Tile) -> Pixels:
        """A copy (h, w, C) of a tile of the source, mirrored beyond the edges."""
        height, width = self.source.shape[:2]
        rows, columns = tile.rows, tile.columns
        if rows.stop <= height and columns.stop <= width:
            return self.source[rows.start : rows.stop, columns.start : columns.stop].copy()
        down, across = _mirrored(rows, height), _mirrored(columns, width)
        picked: Pixels = self.source[down[:, np.newaxis], across]
        return picked

    @property
    def kept_share(self) -> float:
        """Share of the image that was kept as in the source, 0 to 1."""
        height, width = self.source.shape[:2]
        return min(1.0, float(self.kept_cells * CELL * CELL / max(1, height * width)))

    def put(self, tile: Tile, block: Pixels, kept: NDArray[np.float32] | None = None) -> None:
        """Paste the core of a clean tile (h, w, C) in the source depth, with the share *kept* of each cell."""
        rows, columns = tile.rows, tile.columns
        core = tile.core(*self.source.shape[:2])
        self.result[core.slices] = block[core.within(Region(rows.start, columns.start, *tile.shape)).slices]
        if kept is not None:
            self.kept_cells += float(kept[_cells_of(rows), _cells_of(columns)].sum())
        self.tiles_left -= 1


def network_input(windows: Array, ones: Array) -> Array:
    """Convert tiles (B, h, w, C) in source depth to (B, h, w, 3) in 0..1: grey in all channels, NaN as 0."""
    values = as_float(windows)
    if is_floating(windows):
        values = module_of(values).nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    values /= ones  # a division, so that n / white * white is n again
    return values if values.shape[3] == 3 else module_of(values).concatenate([values] * 3, axis=3)


def own_depth(clean: Array, windows: Array, canvases: list[Canvas], ones: Array) -> Array:
    """Convert (B, h, w, 3) in 0..1 to tiles (B, h, w, C) in source depth, with the share of each canvas applied.

    Integers are rounded and clipped to their range; NaN and infinity in float images are kept.
    """
    module = module_of(clean)
    values = clean.mean(axis=3, keepdims=True) if windows.shape[3] == 1 else clean
    values = values * ones
    if any(canvas.share != 1.0 for canvas in canvases):
        shares = module.asarray([canvas.share for canvas in canvases], dtype=values.dtype, device=values.device)
        source = as_float(windows)
        values = source + shares.reshape(-1, 1, 1, 1) * (values - source)
    if is_floating(windows):
        return module.where(module.isfinite(windows), values, windows)
    whites = [canvas.scale.white for canvas in canvases]
    limits = module.asarray(whites, dtype=values.dtype, device=values.device).reshape(-1, 1, 1, 1)
    module.round(values, out=values)  # in place, which takes a third of the time
    module.clip(values, 0, None, out=values)
    module.minimum(values, limits, out=values)
    return values.astype(windows.dtype) if is_on_cpu(values) else values.to(windows.dtype)


def _cells_of(span: Span) -> slice:
    return slice((span.core_start - span.start) // CELL, (span.core_stop - span.start) // CELL)


def _mirrored(span: Span, length: int) -> NDArray[np.intp]:
    """Indices of *span*, mirrored into 0..length with edges repeated."""
    places = np.arange(span.start, span.stop) % (2 * length)
    return np.where(places < length, places, 2 * length - 1 - places)


@dataclass(frozen=True, slots=True, eq=False)
class Cleaned:
    """A denoised image, how it was computed, and notes for the user."""

    image: Image
    seconds: float
    notes: tuple[str, ...] = ()
    device: str = ""  # empty if nothing was computed
    precision: str = ""
    tile: int = 0
    trust: float = 1.0  # 0..1: 1 if all of the removed signal looks like noise
    estimate: NoiseEstimate | None = None  # in automatic mode


@dataclass(slots=True, eq=False)
class Work:
    """An image between `prepare` and `finish`; without a canvas it is returned unchanged.

    In ``image`` dead and hot pixels have been replaced; ``original`` has them where the mask is black.
    """

    image: Image
    canvas: Canvas | None
    estimate: NoiseEstimate | None = None
    options: DenoiseOptions = DenoiseOptions()
    mask: Mask | None = None
    original: Image | None = None  # None if no pixel was replaced
    began: float = field(default_factory=time.perf_counter)
