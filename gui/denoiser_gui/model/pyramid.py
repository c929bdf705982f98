"""A photo in memory with reduced copies, so that zoomed-out views are fast."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from denoiser import imageio
from denoiser.image import Image, Pixels
from denoiser.tiling import Region
from denoiser_gui.model.latent import is_latent, read_latent
from denoiser_gui.model.open_photos import OpenPhoto

_MOST_BYTES = 700_000_000  # of photos in memory: five of 24 MP with their reduced copies
_SMALLEST = 480  # pixels of the longer side of the smallest copy; views use larger ones, drafts also this


@dataclass(frozen=True, eq=False)
class ImagePyramid:
    """An immutable photo with reduced copies. Thread-safe."""

    key: int  # of its OpenPhoto
    image: Image
    levels: tuple[Pixels, ...]  # the photo, then copies, each half as large
    alphas: tuple[Pixels, ...] = ()  # the same for the alpha channel, if any
    bytes_in_file: int = 0
    path: Path | None = None
    exif: dict[str, str] = field(default_factory=dict)  # as text

    @property
    def bytes(self) -> int:
        """Memory use in bytes."""
        return sum(level.nbytes for level in self.levels)

    @property
    def whole(self) -> Region:
        """The region of the whole photo."""
        return self.region_at(0)

    @property
    def overview_level(self) -> int:
        """The level of the smallest copy used for views."""
        return max(0, len(self.levels) - 2)

    def clamped(self, level: int) -> int:
        """The nearest existing level."""
        return min(max(level, 0), len(self.levels) - 1)

    def region_at(self, level: int) -> Region:
        """The region of a whole copy."""
        return Region(0, 0, *self.levels[level].shape[:2])

    def part(self, level: int, region: Region) -> Image:
        """Part of a copy as an image, without alpha."""
        return dataclasses.replace(self.image, pixels=self.levels[level][region.slices], alpha=None)


class PyramidCache:
    """The photos in memory; beyond a limit, those that were not used for longest are dropped. Not thread-safe."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, ImagePyramid] = OrderedDict()

    @property
    def is_half_full(self) -> bool:
        """Whether more than half of the memory is used."""
        return self._bytes() > _MOST_BYTES / 2

    def get(self, key: int) -> ImagePyramid | None:
        """The pixels of a photo, if they are in memory."""
        return self._kept.get(key)

    def keep(self, pyramid: ImagePyramid) -> None:
        """Add a photo, or note that it is used."""
        self._kept[pyramid.key] = pyramid
        self._kept.move_to_end(pyramid.key)
        while len(self._kept) > 1 and self._bytes() > _MOST_BYTES:
            self._kept.popitem(last=False)

    def drop(self, key: int) -> None:
        """Remove a closed photo."""
        self._kept.pop(key, None)

    def _bytes(self) -> int:
        return sum(pyramid.bytes for pyramid in self._kept.values())


def read_photo(photo: OpenPhoto) -> ImagePyramid:
    """Read an open photo, from its file or as it was pasted; raises UnreadableImage."""
    if photo.pasted is not None:
        return make_pyramid(photo.key, photo.pasted)
    assert photo.path is not None  # only pasted images have no path
    return read_pyramid(photo.key, photo.path)


def read_pyramid(key: int, path: Path) -> ImagePyramid:
    """Read a file and make its reduced copies; raises UnreadableImage. Takes 0.25 s for 24 MP."""
    return make_pyramid(key, read_latent(path) if is_latent(path) else imageio.read(path), path)


def deepened(pyramid: ImagePyramid, bits: int) -> ImagePyramid:
    """The photo with at least so many bits, without copies and under another key; the same one if it has them."""
    from denoiser.imageio import depth

    image = pyramid.image
    if bits <= image.bits:
        return pyramid
    pixels, alpha = depth.at_depth(image, bits)
    image = dataclasses.replace(image, pixels=pixels, alpha=alpha, bits=bits)
    return ImagePyramid(-1 - pyramid.key, image, (image.pixels,), path=pyramid.path, exif=pyramid.exif)


def make_pyramid(key: int, image: Image, path: Path | None = None) -> ImagePyramid:
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
    return ImagePyramid(key, image, tuple(levels), tuple(alphas), size, path, exif.summary(image.metadata.exif))
