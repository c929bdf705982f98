"""Replaces dead and hot pixels, which are isolated outliers, by the median of their neighbours.

    all values ──► far from their four neighbours ──► isolated in their 11 x 11 window ──► rare ──► replaced

A value is isolated if it differs from all others in its window by more than their range, while its eight neighbours
are like the rest. Stars and lights of two pixels or more, text, halftones and strong noise are therefore kept. If
such values are frequent, they are noise or texture, and all are kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from denoiser.image import Pixels

_LEAST = 20.0  # 8-bit steps from all neighbours
_LEAST_SIGMAS = 4.0  # the same, in sigmas of the image's noise
_RADIUS = 5  # pixels, of the window: the window around a full stop in small type contains a letter
_SPILL, _SPILL_SIGMAS = 0.1, 3.0  # maximum of a neighbour, relative to the height of the outlier and in sigmas
_CROSS_SPILL, _CROSS_SPILL_SIGMAS = 0.06, 1.0  # the same for the mean of the four direct neighbours
_MOST_SHARE = 1e-3  # of all values that may be far from their neighbours
_BLOCK, _MOST_IN_BLOCK = 64, 12  # pixels on each side; 0.3 % of them
_ROWS_AT_ONCE = 64  # a strip fits the cache
_AT_ONCE = 50_000  # values processed at a time
_SAMPLED_ROWS, _SAMPLES = 32, 20_000
_SIGMA_OF_MEDIAN = 1.4826  # sigma of a normal distribution from the median absolute value

Places = NDArray[np.intp]  # (3, N): row, column, channel
Values = NDArray[np.float32]

_WINDOW: Places = np.indices((2 * _RADIUS + 1,) * 2).reshape(2, -1) - _RADIUS
_REACH = np.abs(_WINDOW).max(axis=0)
_NEAR, _FAR = _WINDOW[:, _REACH == 1], _WINDOW[:, _REACH > 1]
_IS_CROSS = np.abs(_NEAR).sum(axis=0) == 1


def replace_hot_pixels(pixels: Pixels, white: float) -> tuple[Pixels, int]:
    """Return *pixels* (H, W, C) without dead and hot pixels, and how many pixels were replaced.

    *pixels* is a whole image as uint8, uint16 or float32, *white* its value of white. It is not changed, and
    returned itself if nothing is found.
    """
    height, width = pixels.shape[:2]
    if min(height, width) < 2 * _RADIUS:
        return pixels, 0
    with np.errstate(invalid="ignore", over="ignore"):  # images may contain NaN
        least = max(_LEAST * white / 255, _LEAST_SIGMAS * _noise(pixels))
        rows, columns = _not_crowded(_alone(pixels, _rare_peaks(pixels, least), least), width)
        if not len(rows):
            return pixels, 0
        values = _replacements(pixels, rows, columns)
    result = pixels.copy()
    result[rows, columns] = values
    return result, len(rows)


def _noise(pixels: Pixels) -> float:
    """Sigma of the noise, from the median difference of adjacent values in a sample of the rows."""
    rows = pixels[:: max(1, pixels.shape[0] // _SAMPLED_ROWS)]
    step = 2 * max(1, rows.size // _SAMPLES // 2)
    left, right = (rows[:, start : rows.shape[1] - 1 + start : step].astype(np.float32) for start in (0, 1))
    differences = np.abs(left - right)
    differences = differences[np.isfinite(differences)]
    return float(np.median(differences)) * _SIGMA_OF_MEDIAN / 2**0.5 if differences.size else 0.0


def _rare_peaks(pixels: Pixels, least: float) -> Places:
    """Values that differ from their eight neighbours by more than *least* and their range; none if frequent."""
    peaks = [np.empty((3, 0), np.intp)]
    count, most = 0, max(pixels.shape[2], _MOST_SHARE * pixels.size)
    for places in _peaks(pixels, least):
        peaks.append(places)
        count += places.shape[1]
        if count > most:
            return peaks[0]
    return np.concatenate(peaks, axis=1)


def _peaks(pixels: Pixels, least: float) -> Iterator[Places]:
    height, width, channels = pixels.shape
    limit = pixels.dtype.type(np.floor(least) if pixels.dtype.kind == "u" else least)
    rows = np.empty((_ROWS_AT_ONCE + 2, width + 2, channels), pixels.dtype)
    work = np.empty((4, _ROWS_AT_ONCE, width * channels), pixels.dtype)
    for top in range(0, height, _ROWS_AT_ONCE):
        count = min(_ROWS_AT_ONCE, height - top)
        _fill(rows, pixels, top, count)
        strip = rows[: count + 2]
        found = _far_from_four(strip, limit, work[:, :count])
        for first in range(0, len(found), _AT_ONCE):
            places = np.stack(np.unravel_index(found[first : first + _AT_ONCE], (count, width, channels)))
            places = _far_from_eight(strip, places, least)
            places[0] += top
            yield places


def _fill(rows: Pixels, pixels: Pixels, top: int, count: int) -> None:
    """Copy *count* rows from *top* to *rows*, with one more pixel on each side, mirrored at the edges."""
    height = len(pixels)
    inside = slice(max(0, top - 1), min(height, top + count + 1))
    first = inside.start - top + 1
    rows[first : first + inside.stop - inside.start, 1:-1] = pixels[inside]
    if top == 0:
        rows[0, 1:-1] = pixels[1]
    if top + count == height:
        rows[count + 1, 1:-1] = pixels[-2]
    rows[:, 0], rows[:, -1] = rows[:, 2], rows[:, -3]


def _far_from_four(strip: Pixels, limit: Any, work: Pixels) -> NDArray[np.intp]:
    """Flat indices of values that differ from their four neighbours by more than *limit* and their range."""
    step = strip.shape[2]
    flat = strip.reshape(len(strip), -1)
    above, below, middle = flat[:-2, step:-step], flat[2:, step:-step], flat[1:-1]
    centre, left, right = middle[:, step:-step], middle[:, : -2 * step], middle[:, 2 * step :]
    high, low, over, under = work
    np.maximum(np.maximum(above, below, out=high), np.maximum(left, right, out=over), out=high)
    np.minimum(np.minimum(above, below, out=low), np.minimum(left, right, out=under), out=low)
    # Avoid underflow of unsigned values.
    np.subtract(np.maximum(centre, high, out=over), high, out=over)
    np.subtract(low, np.minimum(centre, low, out=under), out=under)
    np.maximum(over, under, out=over)
    found = np.flatnonzero(over > limit)
    far = over.reshape(-1)[found] > high.reshape(-1)[found] - low.reshape(-1)[found]
    places: NDArray[np.intp] = found[far]
    return places


def _far_from_eight(strip: Pixels, places: Places, least: float) -> Places:
    _, width, step = strip.shape
    centre = ((places[0] + 1) * width + places[1] + 1) * step + places[2]
    near = (_NEAR[0] * width + _NEAR[1]) * step
    flat = strip.reshape(-1)
    value, around = flat[centre].astype(np.float32), flat[centre[:, np.newaxis] + near].astype(np.float32)
    high, low = around.max(axis=1), around.min(axis=1)
    return places[:, np.maximum(value - high, low - value) > np.maximum(high - low, least)]


def _alone(pixels: Pixels, peaks: Places, least: float) -> Places:
    """The *peaks* (3, N) that are isolated in their windows."""
    value = pixels[tuple(peaks)].astype(np.float32)
    near, far = _around(pixels, peaks, _NEAR), _around(pixels, peaks, _FAR)
    high, low = np.maximum(near.max(axis=1), far.max(axis=1)), np.minimum(near.min(axis=1), far.min(axis=1))
    beyond = np.flatnonzero(np.maximum(value - high, low - value) > np.maximum(high - low, least))
    if not len(beyond):
        return peaks[:, :0]
    # Dead pixels are handled as hot pixels of the negative.
    sign = np.where(value > high, 1, -1).astype(np.float32)[beyond, np.newaxis]
    value, near, far = value[beyond] * sign[:, 0], near[beyond] * sign, far[beyond] * sign
    middle = np.median(far, axis=1)
    sigma = np.median(np.abs(far - middle[:, np.newaxis]), axis=1) * _SIGMA_OF_MEDIAN
    height = value - middle
    spill, cross = near.max(axis=1) - middle, near[:, _IS_CROSS].mean(axis=1) - middle
    # A single uniform value around means a drawing, unless it is black.
    photographed = (high > low)[beyond] | (middle == 0)
    alone = (
        photographed
        & np.isfinite(height)
        & (spill <= _SPILL * height + _SPILL_SIGMAS * sigma)
        & (cross <= _CROSS_SPILL * height + _CROSS_SPILL_SIGMAS * sigma)
    )
    return peaks[:, beyond[alone]]


def _not_crowded(outliers: Places, width: int) -> Places:
    """Rows and columns (2, N) of *outliers*, except those in blocks with many."""
    places: Places = np.unique(outliers[:2], axis=1)
    blocks = places[0] // _BLOCK * (width // _BLOCK + 1) + places[1] // _BLOCK
    _, owner, counts = np.unique(blocks, return_inverse=True, return_counts=True)
    return places[:, counts[owner] <= _MOST_IN_BLOCK]


def _replacements(pixels: Pixels, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> Pixels:
    """The new values (N, C); channels within the range of their neighbours are kept."""
    values = pixels[rows, columns]
    for channel in range(pixels.shape[2]):
        near = _around(pixels, np.stack([rows, columns, np.full_like(rows, channel)]), _NEAR)
        middle = np.median(near, axis=1)
        middle = np.rint(middle) if pixels.dtype.kind == "u" else middle
        inside = (values[:, channel] >= near.min(axis=1)) & (values[:, channel] <= near.max(axis=1))
        values[:, channel] = np.where(inside, values[:, channel], middle)
    return values


def _around(pixels: Pixels, places: Places, offsets: Places) -> Values:
    """The values (N, M) at *offsets* (2, M) from *places* (3, N), mirrored at the edges."""
    height, width = pixels.shape[:2]
    rows = _mirrored(places[0][:, np.newaxis] + offsets[0], height)
    columns = _mirrored(places[1][:, np.newaxis] + offsets[1], width)
    values: Values = pixels[rows, columns, places[2][:, np.newaxis]].astype(np.float32)
    return values


def _mirrored(places: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """Reflect indices into 0 to *count* - 1, without repeating the edge."""
    places = np.abs(places)
    mirrored: NDArray[np.intp] = np.where(places >= count, 2 * (count - 1) - places, places)
    return mirrored
