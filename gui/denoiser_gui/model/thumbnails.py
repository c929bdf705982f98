"""Thumbnails of files: queue, cache, and how one is made. No Qt, no threads."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from denoiser.events import CancelToken
from denoiser_gui.model.latent import is_latent, read_latent

if TYPE_CHECKING:
    from denoiser.estimation import NoiseEstimate
    from denoiser.image import Image

SIDE = 320  # px of the longer side: sharp at 120 px on high-density screens
MOST_KEPT = 600  # of 0.2 MB each
MOST_WANTED = 120  # more than any window shows at once; older ones have scrolled out of view

Small = TypeVar("Small")


class ThumbnailQueue:
    """Files waiting for a thumbnail, newest request first, because those are visible."""

    def __init__(self) -> None:
        self._paths: OrderedDict[Path, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._paths)

    def want(self, path: Path) -> None:
        """Request *path* before all others."""
        self._paths[path] = None
        self._paths.move_to_end(path)
        if len(self._paths) > MOST_WANTED:
            self._paths.popitem(last=False)

    def take(self) -> Path | None:
        """The next file; None if the queue is empty."""
        return self._paths.popitem()[0] if self._paths else None


class ThumbnailCache(Generic[Small]):
    """The newest thumbnails, up to a limit; None marks a file without one."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._made: OrderedDict[Path, Small | None] = OrderedDict()

    def __contains__(self, path: Path) -> bool:
        return path in self._made

    def get(self, path: Path) -> Small | None:
        """The thumbnail of *path*."""
        if path in self._made:
            self._made.move_to_end(path)
        return self._made.get(path)

    def put(self, path: Path, small: Small | None) -> None:
        """Store a thumbnail and evict the least recently used one."""
        self._made[path] = small
        self._made.move_to_end(path)
        if len(self._made) > self._most:
            self._made.popitem(last=False)

    def forget(self, path: Path) -> None:
        """Drop the thumbnail of a changed file."""
        self._made.pop(path, None)


def make_thumbnail(path: Path, side: int = SIDE) -> Image:
    """The image in a file as 8-bit sRGB, upright and small."""
    from denoiser import imageio

    return imageio.shrunk(read_latent(path), side) if is_latent(path) else imageio.preview(path, side)


def make_small(image: Image, side: int = SIDE) -> Image:
    """The same for an image in memory."""
    from denoiser import imageio

    return imageio.shrunk(image, side)


def measure_noise(path: Path, cancel: CancelToken) -> NoiseEstimate:
    """Estimate the noise of a file. Decodes the whole image, so that the result matches all others."""
    from denoiser import imageio
    from denoiser.estimation import estimate_noise  # imports torch; only this thread waits for it

    image = read_latent(path) if is_latent(path) else imageio.read(path)
    cancel.raise_if_cancelled()
    return estimate_noise(image)
