"""A photo in memory: whole, and in smaller copies, so that a far look at a large one costs little."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from denoiser import imageio
from denoiser.image import Image, Pixels
from denoiser.options import ReadOptions
from denoiser_gui.model.latent import is_latent, read_latent
from denoiser_gui.model.viewport import Area

_SMALLEST = 480  # pixels of the longer side: below it a copy serves no view, and one more is made for drafts


@dataclass(frozen=True, eq=False)
class Picture:
    """Complete when built, and never changed; any thread."""

    key: int  # of the OpenPhoto
    image: Image
    levels: tuple[Pixels, ...]  # the photo itself, then each at half the size of the one before
    alphas: tuple[Pixels, ...] = ()  # the same of its transparency, where it has any
    bytes_in_file: int = 0
    path: Path | None = None
    facts: dict[str, str] = field(default_factory=dict)  # of the EXIF block, in words

    @property
    def bytes(self) -> int:
        """What it holds in memory."""
        return sum(level.nbytes for level in self.levels)

    @cached_property
    def whole(self) -> Area:
        """All of it."""
        return Area(0, 0, self.image.height, self.image.width)

    @property
    def overview_level(self) -> int:
        """The smallest copy that still serves a view."""
        return max(0, len(self.levels) - 2)

    def clamped(self, level: int) -> int:
        """The nearest level that there is."""
        return min(max(level, 0), len(self.levels) - 1)

    def area_at(self, level: int) -> Area:
        """All of a copy."""
        return Area(0, 0, *self.levels[level].shape[:2])

    def part(self, level: int, area: Area) -> Image:
        """A part of a copy as a picture of its own, without its transparency."""
        return dataclasses.replace(self.image, pixels=cut(self.levels[level], area), alpha=None)


def cut(pixels: Pixels, area: Area) -> Pixels:
    """A view of a part."""
    return pixels[area.top : area.bottom, area.left : area.right]


def read_picture(key: int, path: Path, options: ReadOptions = ReadOptions()) -> Picture:
    """Reads a file and makes its small copies; raises UnreadableImage. Takes a quarter of a second for 24 MP."""
    image = read_latent(path) if is_latent(path) else imageio.read(path, options)
    return picture_of(key, image, path)


def picture_of(key: int, image: Image, path: Path | None = None) -> Picture:
    """The same of a picture that is there already."""
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
