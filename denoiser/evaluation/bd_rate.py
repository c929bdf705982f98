"""BD-rate: the difference in bits between two codecs at equal quality (Bjøntegaard 2001).

The logarithm of the rate as a curve over quality, through the measured points and monotone between them (Fritsch
and Carlson 1980), averaged over the qualities that both reach.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Points = Sequence[tuple[float, float]]  # bits per pixel and quality in dB, in any order
_FEWEST = 3
_FINE = 400  # places at which the curves are compared


def bd_rate(points: Points, anchor: Points, *, rates: tuple[float, float] = (0.0, math.inf)) -> float:
    """Percent of bits that *points* need more than *anchor*; NaN if they do not overlap.

    Only the part of the anchor between *rates*, in bits per pixel, is compared.
    """
    mine, theirs = _fitted_curve(points), _fitted_curve(anchor)
    if mine is None or theirs is None:
        return math.nan
    low, high = _qualities(theirs, rates)
    low, high = max(low, mine[0][0]), min(high, mine[0][-1])
    if high <= low:
        return math.nan
    quality = np.linspace(low, high, _FINE)
    gap = interpolated(*mine, quality) - interpolated(*theirs, quality)
    mean = float((gap[1:] + gap[:-1]).mean() / 2)
    return (math.exp(mean) - 1) * 100


def interpolated(x: NDArray[np.float64], y: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """The monotone cubic through (*x*, *y*), *x* rising, at places inside of it."""
    step, slope = np.diff(x), np.diff(y) / np.diff(x)
    inner = np.zeros_like(slope[1:])
    rising = slope[:-1] * slope[1:] > 0
    early, late = 2 * step[1:] + step[:-1], step[1:] + 2 * step[:-1]
    before, after = slope[:-1][rising], slope[1:][rising]
    early, late = early[rising], late[rising]
    inner[rising] = (early + late) / (early / before + late / after)
    ends = [_end(step[0], step[1], slope[0], slope[1]), _end(step[-1], step[-2], slope[-1], slope[-2])]
    tangent = np.concatenate([[ends[0]], inner, [ends[1]]])
    place = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(step) - 1)
    t, width = (at - x[place]) / step[place], step[place]
    result: NDArray[np.float64] = (
        (1 + 2 * t) * (1 - t) ** 2 * y[place]
        + t * (1 - t) ** 2 * width * tangent[place]
        + t**2 * (3 - 2 * t) * y[place + 1]
        + t**2 * (t - 1) * width * tangent[place + 1]
    )
    return result


def _end(near: float, far: float, slope: float, next_slope: float) -> float:
    """A tangent for an end of the curve that keeps its shape."""
    tangent = ((2 * near + far) * slope - near * next_slope) / (near + far)
    if tangent * slope <= 0:
        return 0.0
    if slope * next_slope <= 0 and abs(tangent) > abs(3 * slope):
        return 3 * slope
    return tangent


def _fitted_curve(points: Points) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Quality, rising, and the logarithm of the rate, without points that need more bits for no gain."""
    kept: list[tuple[float, float]] = []
    for rate, quality in sorted(points):
        if rate > 0 and math.isfinite(quality) and (not kept or quality > kept[-1][1]):
            kept.append((rate, quality))
    if len(kept) < _FEWEST:
        return None
    return np.array([q for _, q in kept]), np.log([r for r, _ in kept])


def _qualities(
    curve: tuple[NDArray[np.float64], NDArray[np.float64]], rates: tuple[float, float]
) -> tuple[float, float]:
    """The range of qualities for which the rate of the curve is within *rates*."""
    quality, log_rate = curve
    fine = np.linspace(quality[0], quality[-1], 10 * _FINE)
    rate = np.exp(interpolated(quality, log_rate, fine))
    inside = fine[(rate >= rates[0]) & (rate <= rates[1])]
    return (float(inside[0]), float(inside[-1])) if len(inside) else (math.inf, -math.inf)
