"""Surfaces and parts for benchmarks/anomaly.py: some are photos of scikit-image, the others are generated.

`surface` returns images without defects; train and test images of a photo come from parts of it that do not
overlap. Brightness, position and noise differ from image to image, as under a camera.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Pixels = NDArray[np.float32]  # (H, W, 3) in 0..1
SIDE = 192
_PHOTOS = ("brick", "grass", "gravel")
_SPLIT = 300  # rows of a photo of 512 that train images come from


def surface(name: str, count: int, rng: np.random.Generator, *, test: bool) -> list[Pixels]:
    """*count* images of that surface without defects."""
    if name in _PHOTOS:
        return [_seen(_photo_crop(name, rng, test=test), rng) for _ in range(count)]
    return [_seen(_GENERATED[name](rng), rng) for _ in range(count)]


def _photo_crop(name: str, rng: np.random.Generator, *, test: bool) -> Pixels:
    from skimage import data

    photo = getattr(data, name)().astype(np.float32) / 255
    part = photo[_SPLIT:] if test else photo[:_SPLIT]
    top, left = (int(rng.integers(0, side - SIDE + 1)) for side in part.shape[:2])
    crop = part[top : top + SIDE, left : left + SIDE]
    return np.repeat(crop[:, :, np.newaxis], 3, axis=2)


def _seen(scene: Pixels, rng: np.random.Generator) -> Pixels:
    """*scene* under slightly different light, with the noise of a camera."""
    rows, columns = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    slope = rng.normal(0, 0.02, 2)
    light = rng.uniform(0.92, 1.08) * (1 + slope[0] * rows + slope[1] * columns)
    noisy = scene * light[:, :, np.newaxis] + rng.normal(0, 2 / 255, scene.shape)
    return np.clip(noisy, 0, 1).astype(np.float32)


def _smooth(rng: np.random.Generator, sigma: float | tuple[float, float]) -> NDArray[np.float64]:
    """Gaussian noise of standard deviation 1, smoothed by *sigma*."""
    values = ndimage.gaussian_filter(rng.normal(size=(SIDE, SIDE)), sigma, mode="wrap")
    return np.asarray(values / values.std())


def _coloured(values: NDArray[np.float64], dark: tuple[float, ...], bright: tuple[float, ...]) -> Pixels:
    """*values* in 0..1 as colours between two."""
    share = np.clip(values, 0, 1)[:, :, np.newaxis]
    return np.asarray(share * np.array(bright) + (1 - share) * np.array(dark), np.float32)


def _fabric(rng: np.random.Generator) -> Pixels:
    rows, columns = np.mgrid[:SIDE, :SIDE] + rng.uniform(0, 8, 2)[:, None, None]
    rows = rows + 0.5 * _smooth(rng, 12)
    columns = columns + 0.5 * _smooth(rng, 12)
    warp, weft = np.abs(np.sin(columns * np.pi / 4)), np.abs(np.sin(rows * np.pi / 4))
    over = np.where((np.floor(rows / 4) + np.floor(columns / 4)) % 2 == 0, warp, 0.8 * weft)
    return _coloured(0.2 + 0.6 * over + 0.05 * _smooth(rng, 0.7), (0.12, 0.16, 0.3), (0.5, 0.56, 0.72))


def _wood(rng: np.random.Generator) -> Pixels:
    rings = _smooth(rng, (30, 3)) + 0.4 * _smooth(rng, (40, 1))
    fibres = _smooth(rng, (8, 0.6))
    return _coloured(0.5 + 0.16 * rings + 0.07 * fibres, (0.3, 0.17, 0.08), (0.8, 0.6, 0.38))


def _metal(rng: np.random.Generator) -> Pixels:
    brushed = 0.07 * _smooth(rng, (0.5, 18)) + 0.04 * _smooth(rng, (0.5, 3))
    return _coloured(0.55 + brushed + 0.05 * _smooth(rng, 60), (0.2, 0.2, 0.22), (0.9, 0.9, 0.92))


def _grid(rng: np.random.Generator) -> Pixels:
    angle = rng.normal(0, 0.02)
    rows, columns = np.mgrid[:SIDE, :SIDE] + rng.uniform(0, 24, 2)[:, None, None]
    across = columns * np.cos(angle) + rows * np.sin(angle)
    down = rows * np.cos(angle) - columns * np.sin(angle)
    wires = [np.clip(2.5 - np.abs((axis % 24) - 12), 0, 1) for axis in (across, down)]
    return _coloured(0.85 - 0.7 * np.maximum(*wires) + 0.02 * _smooth(rng, 1), (0.1, 0.1, 0.12), (0.9, 0.9, 0.88))


def _leather(rng: np.random.Generator) -> Pixels:
    height = np.abs(_smooth(rng, 3)) + 0.3 * _smooth(rng, 1.2)
    shaded = ndimage.sobel(height, axis=0) + ndimage.sobel(height, axis=1)
    return _coloured(0.45 + 0.12 * shaded / shaded.std(), (0.15, 0.07, 0.04), (0.62, 0.38, 0.24))


def _terrazzo(rng: np.random.Generator) -> Pixels:
    scene = _coloured(0.6 + 0.05 * _smooth(rng, 1), (0.4, 0.4, 0.38), (0.9, 0.9, 0.86))
    colours = np.array([(0.3, 0.25, 0.22), (0.72, 0.42, 0.3), (0.96, 0.95, 0.9), (0.45, 0.5, 0.52)])
    for colour in colours:
        chips = _smooth(rng, 3) > 1.5
        scene[chips] = colour + rng.normal(0, 0.03, 3)
    return np.asarray(ndimage.gaussian_filter(scene, (0.6, 0.6, 0)), np.float32)


def _placed(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coordinates of a part, from -1 to 1, that lies a little shifted and rotated."""
    rows, columns = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    angle = np.deg2rad(rng.uniform(-5, 5))
    rows, columns = rows + rng.uniform(-0.04, 0.04), columns + rng.uniform(-0.04, 0.04)
    return rows * np.cos(angle) - columns * np.sin(angle), rows * np.sin(angle) + columns * np.cos(angle)


def _edge(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 inside and 0 outside, with a soft edge of a pixel, for a signed *distance* in units of half the image."""
    return np.clip(0.5 - distance * SIDE / 2, 0, 1)


def _flange(rng: np.random.Generator) -> Pixels:
    """A round metal part with a hole and six screw holes on a dark table."""
    y, x = _placed(rng)
    radius = np.hypot(x, y)
    turned = 0.03 * np.sin(radius * 160) + 0.03 * _smooth(rng, 1)
    metal = _edge(radius - 0.8) * (1 - _edge(radius - 0.25))
    for number in range(6):
        angle = number * np.pi / 3
        metal = metal * (1 - _edge(np.hypot(x - 0.55 * np.cos(angle), y - 0.55 * np.sin(angle)) - 0.08))
    rim = np.clip(1 - np.abs(radius - 0.74) * 40, 0, 1)
    light = 0.62 + 0.12 * (x - y) / 2 + turned + 0.2 * rim
    return _coloured(0.08 + metal * (light - 0.08) + 0.01 * _smooth(rng, 1), (0.0, 0.02, 0.03), (1.0, 1.0, 1.0))


def _board(rng: np.random.Generator) -> Pixels:
    """A circuit board with chips, pads and tracks, always of the same layout."""
    y, x = _placed(rng)
    layout = np.random.default_rng(7)
    scene = _coloured(0.5 + 0.04 * _smooth(rng, 2), (0.02, 0.2, 0.1), (0.1, 0.5, 0.28))

    def box(row: float, column: float, height: float, width: float) -> NDArray[np.float64]:
        return _edge(np.maximum(np.abs(y - row) - height, np.abs(x - column) - width))[:, :, np.newaxis]

    for _ in range(9):
        row, column = layout.uniform(-0.9, 0.9, 2)
        track = np.maximum(box(row, 0, 0.012, 1), box(0, column, 1, 0.012))
        scene = scene * (1 - track) + track * np.array([0.16, 0.55, 0.3])
    for row, column in ((-0.5, -0.45), (0.4, 0.3), (-0.45, 0.5), (0.5, -0.5)):
        for pin in np.linspace(-0.2, 0.2, 6):
            pads = np.maximum(
                box(row + pin, column - 0.26, 0.022, 0.05), box(row + pin, column + 0.26, 0.022, 0.05)
            )
            scene = scene * (1 - pads) + pads * np.array([0.85, 0.83, 0.75])
        chip = box(row, column, 0.25, 0.22)
        scene = scene * (1 - chip) + chip * (0.12 + 0.01 * _smooth(rng, 1))[:, :, np.newaxis]
    return np.asarray(scene, np.float32)


_GENERATED: dict[str, Callable[[np.random.Generator], Pixels]] = {
    "fabric": _fabric,
    "wood": _wood,
    "metal": _metal,
    "grid": _grid,
    "leather": _leather,
    "terrazzo": _terrazzo,
    "flange": _flange,
    "board": _board,
}
SURFACES = (*_PHOTOS, *_GENERATED)
