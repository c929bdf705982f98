"""Small real images, and a real session with small random weights."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.atomicfile import PREFIX
from denoiser.engine.session import Session
from denoiser.image import from_numpy
from denoiser.options import DenoiseOptions


@pytest.fixture
def session(tiny_weights: Path) -> Session:
    """Ready to clean; what it makes of an image is of no use."""
    return Session(DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32", tile=256))


def _threads_since(before: set[threading.Thread]) -> set[threading.Thread]:
    """Return the threads that started after *before* and still run, without those that other libraries started."""
    # Python makes such a "Dummy" whenever a thread of a library calls back, and may rename it.
    return {one for one in threading.enumerate() if one not in before and not one.name.startswith("Dummy-")}


@pytest.fixture
def nothing_is_left(tmp_path: Path) -> Iterator[None]:
    """Afterwards no thread and no temporary file is there that was not there before."""
    before = set(threading.enumerate())
    yield
    assert not _threads_since(before)
    assert not list(tmp_path.rglob(PREFIX + "*"))


@pytest.fixture
def outputs() -> Callable[[Path], list[str]]:
    """The names below an output folder, without the records that are kept there."""

    def look(folder: Path) -> list[str]:
        found = (path for path in folder.rglob("*") if path.is_file() and ".denoise" not in path.parts)
        return sorted(path.relative_to(folder).as_posix() for path in found)

    return look


@pytest.fixture
def make_picture() -> Callable[..., Path]:
    """Writes an image of noise, different for each name."""

    def make(path: Path, *, side: int = 24) -> Path:
        random = np.random.default_rng(sum(os.fsencode(path.name)))
        path.parent.mkdir(parents=True, exist_ok=True)
        imageio.write(from_numpy(random.integers(0, 256, (side, side, 3), np.uint8)), path)
        return path

    return make
