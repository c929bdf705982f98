"""Small images of a striped cloth, good and with painted defects."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("sklearn")
Cloth = Callable[..., list[NDArray[np.uint8]]]


@pytest.fixture(scope="session")
def cloth() -> Cloth:
    """Makes images (64, 64, 3) of striped cloth, each shifted and lit differently; with a spot if *defect*."""

    def make(count: int, *, seed: int, defect: bool = False) -> list[NDArray[np.uint8]]:
        rng, places = np.random.default_rng(seed), np.random.default_rng(seed + 1000)
        images = []
        for _ in range(count):
            rows, columns = np.mgrid[:64, :64]
            stripes = 0.5 + 0.25 * np.sin((columns + rng.uniform(0, 16)) * np.pi / 4)
            image = np.stack([stripes, 0.9 * stripes, 0.7 * stripes], axis=2) * rng.uniform(0.85, 1.15)
            if defect:
                top, left = places.integers(12, 52, 2)
                inside = np.hypot(rows - top, columns - left) < 3
                image[inside] = image[inside].mean(axis=0)[::-1]  # of another hue, about as bright
            image += rng.normal(0, 0.01, image.shape)
            images.append((image.clip(0, 1) * 255).round().astype(np.uint8))
        return images

    return make
