"""A photo in memory with reduced copies, so that zoomed-out views are fast, and a noisy sample photo."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from denoiser import imageio
from denoiser.errors import MissingExtra
from denoiser.image import Image, Pixels
from denoiser.options import ReadOptions
from denoiser_gui.model.latent import is_latent, read_latent
from denoiser_gui.model.viewport import Area

_SMALLEST = 480  # pixels of the longer side of the smallest copy; views use larger ones, drafts also this


@dataclass(frozen=True, eq=False)
class Picture:
    """An immutable photo with reduced copies. Thread-safe."""

    key: int  # of its OpenPhoto
    image: Image
    levels: tuple[Pixels, ...]  # the photo, then copies, each half as large
    alphas: tuple[Pixels, ...] = ()  # the same for the alpha channel, if any
    bytes_in_file: int = 0
    path: Path | None = None
    facts: dict[str, str] = field(default_factory=dict)  # from EXIF, as text

    @property
    def bytes(self) -> int:
        """Memory use in bytes."""
        return sum(level.nbytes for level in self.levels)

    @cached_property
    def whole(self) -> Area:
        """The area of the whole photo."""
        return Area(0, 0, self.image.height, self.image.width)

    @property
    def overview_level(self) -> int:
        """The level of the smallest copy used for views."""
        return max(0, len(self.levels) - 2)

    def clamped(self, level: int) -> int:
        """The nearest existing level."""
        return min(max(level, 0), len(self.levels) - 1)

    def area_at(self, level: int) -> Area:
        """The area of a whole copy."""
        return Area(0, 0, *self.levels[level].shape[:2])

    def part(self, level: int, area: Area) -> Image:
        """Part of a copy as an image, without alpha."""
        return dataclasses.replace(self.image, pixels=cut(self.levels[level], area), alpha=None)


def cut(pixels: Pixels, area: Area) -> Pixels:
    """Part of an array, as a view."""
    return pixels[area.top : area.bottom, area.left : area.right]


def read_picture(key: int, path: Path, options: ReadOptions = ReadOptions()) -> Picture:
    """Read a file and make its reduced copies; raises UnreadableImage. Takes 0.25 s for 24 MP."""
    image = read_latent(path) if is_latent(path) else imageio.read(path, options)
    return picture_of(key, image, path)


def picture_of(key: int, image: Image, path: Path | None = None) -> Picture:
    """Make the reduced copies of an image."""
    from denoiser.imageio.containers import exif
    from denoiser.imageio.screen import halved

    levels = [image.pixels]
    alphas = [] if image.alpha is None else [image.alpha[:, :, np.newaxis]]
    while max(levels[-1].shape[:2]) > _SMALLEST:
        levels.append(halved(levels[-1]))
        if alphas:
            alphas.append(halved(alphas[-1]))
    size = path.stat().st_size if path is not None and path.exists() else 0
    return Picture(key, image, tuple(levels), tuple(alphas), size, path, exif.summary(image.metadata.exif))


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
