"""Small pictures of files: which to make next, which to keep, and how one is made. No Qt, no thread of its own."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from denoiser.events import CancelToken
from denoiser_gui.model.latent import is_latent, read_latent

if TYPE_CHECKING:
    from denoiser.estimation import NoiseEstimate
    from denoiser.image import Image

SIDE = 320  # px of the longer side: sharp in a strip of 120 px on a screen of double density
MOST_KEPT = 600  # of 0.2 MB each
MOST_WANTED = 120  # more than any window shows at once; what was wanted before has been scrolled away

Small = TypeVar("Small")


class ThumbnailQueue:
    """The files whose thumbnails are asked for: the newest wish first, since that is what is on the screen."""

    def __init__(self) -> None:
        self._paths: OrderedDict[Path, None] = OrderedDict()

    def __len__(self) -> int:
        return len(self._paths)

    def want(self, path: Path) -> None:
        """Asks for *path* before all others."""
        self._paths[path] = None
        self._paths.move_to_end(path)
        if len(self._paths) > MOST_WANTED:
            self._paths.popitem(last=False)

    def take(self) -> Path | None:
        """The next one to make; None where nothing is wanted."""
        return self._paths.popitem()[0] if self._paths else None


class ThumbnailCache(Generic[Small]):
    """The thumbnails that were made, as many as fit; a file that shows nothing is known as None."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most = most
        self._made: OrderedDict[Path, Small | None] = OrderedDict()

    def __contains__(self, path: Path) -> bool:
        return path in self._made

    def get(self, path: Path) -> Small | None:
        """What was made of *path*."""
        if path in self._made:
            self._made.move_to_end(path)
        return self._made.get(path)

    def put(self, path: Path, small: Small | None) -> None:
        """Keeps *small* for *path*, and lets go what was not asked for the longest."""
        self._made[path] = small
        self._made.move_to_end(path)
        if len(self._made) > self._most:
            self._made.popitem(last=False)

    def forget(self, path: Path) -> None:
        """The file has changed."""
        self._made.pop(path, None)


def make_thumbnail(path: Path, side: int = SIDE) -> Image:
    """The picture in a file, 8-bit sRGB, upright and small."""
    from denoiser import imageio

    return imageio.shrunk(read_latent(path), side) if is_latent(path) else imageio.preview(path, side)


def make_small(image: Image, side: int = SIDE) -> Image:
    """The same of a picture that is in memory."""
    from denoiser import imageio

    return imageio.shrunk(image, side)


def measure_noise(path: Path, cancel: CancelToken) -> NoiseEstimate:
    """How noisy the whole picture is: the same number as everywhere, and so it takes decoding all of it."""
    from denoiser import imageio
    from denoiser.estimation import estimate_noise  # torch, which only this thread waits for

    image = read_latent(path) if is_latent(path) else imageio.read(path)
    cancel.raise_if_cancelled()
    return estimate_noise(image)
