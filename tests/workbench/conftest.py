"""Folders of small photo-like images, and the files that a test needs of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage


def scene(seed: int, side: int = 160) -> PillowImage.Image:
    """Coloured discs over a slope and some texture; each seed is another scene."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:side, 0 : side * 4 // 3] / side
    pixels = np.stack([random.uniform(0.2, 0.8) + random.uniform(-0.3, 0.3) * x for _ in range(3)], 2)
    for _ in range(14):
        place, radius, colour = random.uniform(0, 1.2, 2), random.uniform(0.03, 0.25), random.uniform(0, 1, 3)
        pixels[np.hypot(x - place[0], y - place[1]) < radius] = colour
    pixels += random.normal(0, 0.03, pixels.shape) * random.uniform(0.2, 1.5)
    return PillowImage.fromarray((pixels.clip(0, 1) * 255).astype(np.uint8))


@pytest.fixture
def scenes(tmp_path: Path) -> Callable[[int], list[Path]]:
    """`scenes(5)` writes five images, scene0.png to scene4.png, and returns their paths."""

    def make(count: int) -> list[Path]:
        paths = [tmp_path / "imgs" / f"scene{number}.png" for number in range(count)]
        for number, path in enumerate(paths):
            path.parent.mkdir(exist_ok=True)
            scene(number).save(path)
        return paths

    return make
