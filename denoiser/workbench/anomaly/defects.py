"""Self-made defects: to train the segmentation head on, and others to compare the scorers with.

Images are float32 (H, W, 3) in 0..1. Patches of other good images are blended in as in NSA (Schlüter et al.,
"Natural synthetic anomalies for self-supervised anomaly detection and localization", ECCV 2022, arXiv 2109.15222):
the Poisson equation keeps the gradients of the patch and the border of the image, so that no edge shows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

Pixels = NDArray[np.float32]
Plane = NDArray[np.float64]
_Paint = Callable[[Pixels, Pixels, np.random.Generator], Pixels]  # image, another good image, random numbers

_SATURATED = 0.2  # a difference of this size is a defect with certainty
_VISIBLE = 0.03  # a smaller one is none
_TRIES = 8  # a blended patch may equal what it replaces


def painted(image: Pixels, source: Pixels, kinds: Sequence[str], rng: np.random.Generator) -> tuple[Pixels, Plane]:
    """*image* with a defect of one of *kinds*, partly from *source*, and how much each pixel is defective, 0..1.

    The second is the difference in brightness or colour (H, W). It is 0 everywhere if no visible change was found.
    """
    for _ in range(_TRIES):
        changed = np.clip(_KINDS[str(rng.choice(kinds))](image, source, rng), 0, 1).astype(np.float32)
        difference = np.abs(changed - image).max(axis=2)
        if difference.max() > 2 * _VISIBLE:
            whole = ndimage.grey_closing(difference, 5)  # a texture equals the defect in some pixels
            return changed, np.clip((whole - _VISIBLE) / _SATURATED, 0, 1)
    return image, np.zeros(image.shape[:2])


def _blended(image: Pixels, source: Pixels, rng: np.random.Generator) -> Pixels:
    changed = image
    for _ in range(rng.integers(1, 3)):
        height, width = (_side(limit, rng) for limit in image.shape[:2])
        patch = _patch(source, height, width, rng)
        top, left = (
            int(rng.integers(limit - side + 1)) for limit, side in zip(image.shape, (height, width), strict=False)
        )
        place = np.s_[top : top + height, left : left + width]
        changed = changed.copy()
        changed[place] = poisson_blended(changed[place], patch)
    return changed


def _side(limit: int, rng: np.random.Generator) -> int:
    """A side of a patch: mostly short, at most half of the image."""
    return int(np.clip(limit * (0.04 + rng.gamma(2, 0.06)), 6, limit / 2))


def _patch(source: Pixels, height: int, width: int, rng: np.random.Generator) -> Pixels:
    """A part of *source*, enlarged or reduced to that size, and turned over at random."""
    scale = rng.uniform(0.7, 1.3)
    rows, columns = (
        min(limit, max(4, round(side / scale))) for limit, side in zip(source.shape, (height, width), strict=False)
    )
    top, left = int(rng.integers(source.shape[0] - rows + 1)), int(rng.integers(source.shape[1] - columns + 1))
    part = source[top : top + rows, left : left + columns]
    zoomed = ndimage.zoom(part, (height / rows, width / columns, 1), order=1, mode="nearest", grid_mode=True)
    return np.asarray(zoomed[:: rng.choice([1, -1]), :: rng.choice([1, -1])], np.float32)


def poisson_blended(below: Pixels, patch: Pixels) -> Pixels:
    """*patch* with its gradients, or those of *below* where they are steeper, and the border of *below*.

    Both are (H, W, 3). The sine transform solves the Poisson equation in the rectangle exactly.
    """
    known, given = below.astype(np.float64), patch.astype(np.float64)
    divergence = np.zeros_like(known)
    for axis in (0, 1):
        steps = [np.diff(values, axis=axis) for values in (given, known)]
        mixed = np.where(np.abs(steps[0]) >= np.abs(steps[1]), *steps)
        divergence += np.diff(mixed, axis=axis, prepend=0, append=0)
    inner = np.s_[1:-1, 1:-1]
    right = divergence[inner]
    right[0] -= known[0, 1:-1]
    right[-1] -= known[-1, 1:-1]
    right[:, 0] -= known[1:-1, 0]
    right[:, -1] -= known[1:-1, -1]
    height, width = right.shape[:2]
    waves = [2 * np.cos(np.pi * np.arange(1, side + 1) / (side + 1)) - 2 for side in (height, width)]
    solved = fft.dstn(right, type=1, axes=(0, 1)) / (waves[0][:, None, None] + waves[1][None, :, None])
    blended = known.copy()
    blended[inner] = fft.idstn(solved, type=1, axes=(0, 1))
    return blended.astype(np.float32)


def _offsets(image: Pixels, rng: np.random.Generator) -> tuple[Plane, Plane]:
    """Rows and columns relative to a random point."""
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]].astype(np.float64)
    return rows - rng.uniform(0, image.shape[0]), columns - rng.uniform(0, image.shape[1])


def _laid_over(image: Pixels, share: Plane, colour: Plane | Pixels | float) -> Pixels:
    share = share[:, :, np.newaxis]
    return np.asarray(image * (1 - share) + share * colour, np.float32)


def _scratch(image: Pixels, _source: Pixels, rng: np.random.Generator) -> Pixels:
    """A bent line, brighter or darker than the image below it, that ends thinner."""
    rows, columns = _offsets(image, rng)
    length, angle = rng.uniform(0.08, 0.6) * max(image.shape), rng.uniform(0, 2 * np.pi)
    along = rows * np.sin(angle) + columns * np.cos(angle)
    bend = rng.normal(0, 0.15) * along**2 / length + rng.normal(0, 1) * np.sin(along * rng.uniform(0.05, 0.2))
    across = np.abs(rows * np.cos(angle) - columns * np.sin(angle) - bend)
    thickness = rng.uniform(0.6, 2.5) * np.clip(1 - (2 * along / length) ** 2, 0, 1) ** 0.5
    share = np.clip(thickness + 0.3 - across, 0, 1) * (np.abs(along) < length / 2)
    return _laid_over(image, share * rng.uniform(0.25, 1), rng.choice([rng.uniform(0, 0.3), rng.uniform(0.7, 1)]))


def _spot(image: Pixels, _source: Pixels, rng: np.random.Generator) -> Pixels:
    """One to four small round spots of one colour."""
    colour, share = rng.uniform(0, 1, 3), np.zeros(image.shape[:2])
    if rng.random() < 0.4:
        colour[:] = colour[0]
    for _ in range(rng.integers(1, 5)):
        rows, columns = _offsets(image, rng)
        size, soft = 1.5 + rng.gamma(2, 0.012) * max(image.shape), rng.uniform(0.7, 4)
        share = np.maximum(share, np.clip((size - np.hypot(rows, columns * rng.uniform(0.5, 1))) / soft, 0, 1))
    return _laid_over(image, share * rng.uniform(0.3, 1), colour)


def _stain(image: Pixels, _source: Pixels, rng: np.random.Generator) -> Pixels:
    """An irregular soft area, darker, brighter or of another hue."""
    rows, columns = _offsets(image, rng)
    size = rng.uniform(0.05, 0.2) * max(image.shape)
    rough = ndimage.gaussian_filter(rng.normal(size=image.shape[:2]), size / 4)
    distance = np.hypot(rows, columns) / size + rough / (rough.std() + 1e-9) * 0.3
    share = np.clip((1 - distance) * rng.uniform(1, 5), 0, 1)[:, :, np.newaxis]
    tint = (
        rng.choice([rng.uniform(0.4, 0.85), rng.uniform(1.15, 1.6)])
        if rng.random() < 0.5
        else rng.uniform(0.4, 1.6, 3)
    )
    return np.asarray(image * (1 + share * (tint - 1)), np.float32)


def _missing(image: Pixels, _source: Pixels, rng: np.random.Generator) -> Pixels:
    """A piece with straight edges that has the colour of another place, or none at all."""
    rows, columns = _offsets(image, rng)
    size = rng.uniform(0.02, 0.12) * max(image.shape)
    angles = rng.uniform(0, 2 * np.pi) + np.linspace(0, 2 * np.pi, rng.integers(3, 7), endpoint=False)
    sides = [rows * np.sin(angle) + columns * np.cos(angle) - size * rng.uniform(0.5, 1.5) for angle in angles]
    inside = np.clip(0.5 - np.max(sides, axis=0), 0, 1)
    at = rng.integers(image.shape[0]), rng.integers(image.shape[1])
    return _laid_over(image, inside, rng.choice([0.0, 1.0]) if rng.random() < 0.3 else image[at].astype(np.float64))


def _area(image: Pixels, rng: np.random.Generator) -> tuple[Plane, Plane, Plane]:
    """Rows and columns relative to a point, and a round area about it, 1 in the middle."""
    rows, columns = _offsets(image, rng)
    size = rng.uniform(0.04, 0.12) * max(image.shape)
    return rows, columns, np.exp(-(((rows**2 + columns**2) / (2 * size**2)) ** 2))


def _twisted(image: Pixels, _source: Pixels, rng: np.random.Generator) -> Pixels:
    rows, columns, share = _area(image, rng)
    turn = share * rng.uniform(0.5, 1.2) * rng.choice([-1, 1])
    middle = np.mgrid[: image.shape[0], : image.shape[1]] - np.stack([rows, columns])
    source = np.stack([rows * np.cos(turn) - columns * np.sin(turn), rows * np.sin(turn) + columns * np.cos(turn)])
    moved = [ndimage.map_coordinates(image[:, :, c], middle + source, order=1, mode="nearest") for c in range(3)]
    return np.stack(moved, axis=2)


def _blurred(image: Pixels, _source: Pixels, rng: np.random.Generator) -> Pixels:
    blur = rng.uniform(2, 4)
    return _laid_over(image, _area(image, rng)[2], ndimage.gaussian_filter(image, (blur, blur, 0)))


def _roughened(image: Pixels, _source: Pixels, rng: np.random.Generator) -> Pixels:
    grain = ndimage.gaussian_filter(rng.normal(size=image.shape[:2]), rng.uniform(0.5, 2))
    grain *= rng.uniform(0.08, 0.2) / grain.std()
    return np.asarray(image + (_area(image, rng)[2] * grain)[:, :, np.newaxis], np.float32)


def _dented(image: Pixels, _source: Pixels, rng: np.random.Generator) -> Pixels:
    rows, columns, share = _area(image, rng)
    slope = (rows * np.sin(turn := rng.uniform(0, 2 * np.pi)) + columns * np.cos(turn)) * share
    return np.asarray(
        image * (1 + rng.uniform(0.25, 0.5) * slope / np.abs(slope).max())[:, :, np.newaxis], np.float32
    )


_TRAINED: Mapping[str, _Paint] = {
    "blended": _blended,
    "scratch": _scratch,
    "spot": _spot,
    "stain": _stain,
    "missing": _missing,
}
_COMPARED: Mapping[str, _Paint] = {
    "twisted": _twisted,
    "blurred": _blurred,
    "roughened": _roughened,
    "dented": _dented,
}
_KINDS = {**_TRAINED, **_COMPARED}
TRAINED_KINDS = ("blended", *_TRAINED)  # blended ones twice as often
COMPARED_KINDS = tuple(_COMPARED)
