"""Small real pictures, and a real session with small random weights."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.engine import Session, open_session
from denoiser.image import from_numpy
from denoiser.options import DenoiseOptions


@pytest.fixture
def session(tiny_weights: Path) -> Session:
    """Ready to clean; what it makes of a picture is of no use."""
    return open_session(DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32"))


@pytest.fixture
def make_picture() -> Callable[..., Path]:
    """Writes a picture of noise, different for each name."""

    def make(path: Path, *, side: int = 24) -> Path:
        random = np.random.default_rng(sum(path.name.encode()))
        path.parent.mkdir(parents=True, exist_ok=True)
        imageio.write(from_numpy(random.integers(0, 256, (side, side, 3), np.uint8)), path)
        return path

    return make
