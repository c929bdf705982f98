"""A noisy sample photo."""

from __future__ import annotations

import dataclasses
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from denoiser import imageio
from denoiser.errors import MissingExtra
from denoiser.image import Image

NAME = "astronaut.png"  # Eileen Collins; NASA, Great Images in NASA. Public domain.
_SHOT, _READ = 0.006, 0.0006  # variance per unit of light, and of the dark: a small sensor at dusk
_SEED = 16


def sample_photo() -> Image:
    """The sample photo with reproducible camera noise; raises MissingExtra without scikit-image."""
    found = find_spec("skimage")
    path = Path(found.origin).parent / "data" / NAME if found and found.origin else None
    if path is None or not path.is_file():
        raise MissingExtra("The sample photo comes with scikit-image, which is not installed.", extra="demo")
    photo = imageio.read(path)
    values = photo.pixels / photo.white
    spread = np.sqrt(_SHOT * values + _READ)
    noisy = values + spread * np.random.default_rng(_SEED).standard_normal(values.shape)
    pixels = np.rint(np.clip(noisy, 0, 1) * photo.white).astype(photo.pixels.dtype)
    return dataclasses.replace(photo, pixels=pixels)
