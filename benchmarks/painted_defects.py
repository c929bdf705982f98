"""Painted defects for benchmarks/anomaly.py; drawn independently of those that the library trains with.

Each function changes an image (H, W, 3) in 0..1. `painted` returns the image with one defect, and its mask.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Pixels = NDArray[np.float32]
_SEEN = 6 / 255  # a pixel that changes less does not belong to the defect


def painted(image: Pixels, rng: np.random.Generator) -> tuple[str, Pixels, NDArray[np.bool_]]:
    """The name of a defect, *image* with it, and the pixels (H, W) that it changes."""
    while True:
        name = str(rng.choice(list(_DEFECTS)))
        changed = np.clip(_DEFECTS[name](image, rng), 0, 1).astype(np.float32)
        mask = np.abs(changed - image).max(axis=2) > _SEEN
        if mask.sum() >= 12:  # a smear on an even part may change nothing
            return name, changed, mask


def _place(image: Pixels, rng: np.random.Generator) -> NDArray[np.float64]:
    """A point in the inner part of the image, where parts lie."""
    return np.array(image.shape[:2]) * rng.uniform(0.2, 0.8, 2)


def _offsets(image: Pixels, place: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    return rows - place[0], columns - place[1]


def _curve(image: Pixels, rng: np.random.Generator, length: float, bend: float) -> NDArray[np.float64]:
    """The distance (H, W) of each pixel from a curve of that length in pixels."""
    angle, points = rng.uniform(0, 2 * np.pi), [_place(image, rng)]
    for _ in range(int(length)):
        angle += rng.normal(0, bend)
        points.append(points[-1] + np.array([np.sin(angle), np.cos(angle)]))
    off = np.ones(image.shape[:2], bool)
    at = np.rint(points).astype(int)
    inside = ((at >= 0) & (at < image.shape[:2])).all(axis=1)
    off[tuple(at[inside].T)] = False
    return np.asarray(ndimage.distance_transform_edt(off))


def _mixed(image: Pixels, share: NDArray[np.float64], colour: NDArray[np.float64] | float) -> Pixels:
    share = share[:, :, np.newaxis]
    return np.asarray(image * (1 - share) + share * colour, np.float32)


def _scratch(image: Pixels, rng: np.random.Generator) -> Pixels:
    distance = _curve(image, rng, rng.uniform(25, 90), 0.03)
    share = np.clip(rng.uniform(0.6, 1.6) - distance, 0, 1) * rng.uniform(0.5, 0.9)
    return _mixed(image, share, float(rng.choice([0.05, 0.95])))


def _cut(image: Pixels, rng: np.random.Generator) -> Pixels:
    distance = _curve(image, rng, rng.uniform(20, 50), 0.01)
    lip = np.clip(1.5 - np.abs(distance - 3), 0, 1) * 0.4
    return _mixed(_mixed(image, lip, 0.95), np.clip(2.2 - distance, 0, 1), 0.04)


def _thread(image: Pixels, rng: np.random.Generator) -> Pixels:
    distance = _curve(image, rng, rng.uniform(40, 90), 0.12)
    return _mixed(image, np.clip(1.8 - distance, 0, 1), rng.uniform(0.1, 0.95, 3))


def _blob(image: Pixels, rng: np.random.Generator) -> Pixels:
    rows, columns = _offsets(image, _place(image, rng))
    angle = np.arctan2(rows, columns)
    radius = rng.uniform(4, 11) * (1 + 0.25 * np.sin(rng.integers(2, 5) * angle + rng.uniform(0, 6)))
    return _mixed(image, np.clip(radius - np.hypot(rows, columns), 0, 1) * 0.85, rng.uniform(0, 1, 3))


def _colour_spot(image: Pixels, rng: np.random.Generator) -> Pixels:
    rows, columns = _offsets(image, _place(image, rng))
    share = np.exp(-(rows**2 + columns**2) / (2 * rng.uniform(6, 14) ** 2)) * rng.uniform(0.4, 0.7)
    tint = rng.permutation([1.3, 1.0, 0.45])
    return np.asarray(image * (1 + share[:, :, np.newaxis] * (tint - 1)), np.float32)


def _dent(image: Pixels, rng: np.random.Generator) -> Pixels:
    rows, columns = _offsets(image, _place(image, rng))
    width = rng.uniform(5, 12)
    slope = (rows + columns) / width * np.exp(-(rows**2 + columns**2) / (2 * width**2))
    return np.asarray(image * (1 + rng.uniform(0.35, 0.6) * slope[:, :, np.newaxis]), np.float32)


def _print(image: Pixels, rng: np.random.Generator) -> Pixels:
    letters = np.kron(rng.random((5, 4)) < 0.55, np.ones((3, 3)))
    top, left = (_place(image, rng) - 8).astype(int)
    share = np.zeros(image.shape[:2])
    share[top : top + letters.shape[0], left : left + letters.shape[1]] = letters
    return _mixed(image, ndimage.gaussian_filter(share, 0.5) * 0.8, rng.uniform(0, 0.4, 3))


def _hole(image: Pixels, rng: np.random.Generator) -> Pixels:
    rows, columns = _offsets(image, _place(image, rng))
    size = rng.uniform(4, 9)
    return _mixed(image, np.clip(size - np.hypot(rows, columns * rng.uniform(0.7, 1.4)), 0, 1), 0.02)


def _bend(image: Pixels, rng: np.random.Generator) -> Pixels:
    place = _place(image, rng)
    rows, columns = _offsets(image, place)
    share = np.exp(-(rows**2 + columns**2) / (2 * rng.uniform(9, 16) ** 2))
    way = rng.uniform(0, 2 * np.pi)
    far = rng.uniform(6, 10)
    source = rows + place[0] + far * np.sin(way) * share, columns + place[1] + far * np.cos(way) * share
    channels = [ndimage.map_coordinates(image[:, :, c], source, order=1, mode="nearest") for c in range(3)]
    return np.stack(channels, axis=2)


def _worn(image: Pixels, rng: np.random.Generator) -> Pixels:
    """Structure that is missing: an elongated part is smeared."""
    rows, columns = _offsets(image, _place(image, rng))
    angle = rng.uniform(0, np.pi)
    along, across = rows * np.sin(angle) + columns * np.cos(angle), rows * np.cos(angle) - columns * np.sin(angle)
    share = np.clip(1.5 - np.hypot(along / rng.uniform(14, 26), across / rng.uniform(6, 10)), 0, 1)
    return _mixed(image, np.clip(share * 2, 0, 1), ndimage.gaussian_filter(image, (6, 6, 0)))


_DEFECTS: dict[str, Callable[[Pixels, np.random.Generator], Pixels]] = {
    "scratch": _scratch,
    "cut": _cut,
    "thread": _thread,
    "blob": _blob,
    "colour spot": _colour_spot,
    "dent": _dent,
    "print": _print,
    "hole": _hole,
    "bend": _bend,
    "worn": _worn,
}
DEFECTS = tuple(_DEFECTS)
