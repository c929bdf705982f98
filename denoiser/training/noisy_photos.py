"""A folder of noisy photos: windows to measure the noise in, and shrunk copies, which have little noise."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from denoiser import imageio
from denoiser.errors import UnreadableImage, UnusableData
from denoiser.evaluation.samples import evenly, image_paths
from denoiser.image import JpegTables
from denoiser.training.data import Loading, bytes_of, resized

_MOST_PHOTOS = 64  # more do not improve the measurement; spread evenly over the folder
_WINDOW = 512  # pixels, a multiple of JPEG's blocks
_MOST_WINDOWS = 64  # of all photos together: 16 megapixels
_SHRUNK_WINDOW = 256
_MOST_SHRUNK = 48
_SHRINK = (2, 4)  # times at least, which leaves half the noise, and at most
_SHRUNK_SIDE = 160  # pixels that a shrunk photo should have left: room for crops
_HINT = "Point --noisy at a folder of photos as the camera or scanner made them."


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A piece of a photo that was shrunk by ``factor``: (3, H, W) uint8 and the photo's number."""

    pixels: Tensor
    factor: int
    photo: int


@dataclass(frozen=True, slots=True)
class NoisyPhotos:
    """Windows (3, H, W) uint8 by photo at multiples of 16, shrunk pieces, and the JPEG tables of the files."""

    windows: tuple[tuple[Tensor, ...], ...]
    shrunk: tuple[Shrunk, ...]
    tables: tuple[JpegTables | None, ...]
    unreadable: tuple[UnreadableImage, ...]


def read_noisy(folder: Path, loading: Loading) -> NoisyPhotos:
    """Up to 64 photos below *folder*; raise UnusableData if none can be read. Unreadable files are listed."""
    paths = evenly(image_paths(folder, hint=_HINT), _MOST_PHOTOS)
    windows: list[tuple[Tensor, ...]] = []
    shrunk, tables, unreadable = [], [], []
    share, shrunk_share = (max(1, most // max(1, len(paths))) for most in (_MOST_WINDOWS, _MOST_SHRUNK))
    for number, path in enumerate(paths):
        loading.report(number, len(paths))
        try:
            image = imageio.read(path)
        except UnreadableImage as error:
            unreadable.append(error)
            continue
        photo = bytes_of(image)
        low, high = _SHRINK
        factor = min(high, max(low, min(photo.shape[1:]) // _SHRUNK_SIDE))
        pieces = evenly(_pieces(shrunk_by(photo.unsqueeze(0), factor)[0], _SHRUNK_WINDOW), shrunk_share)
        shrunk += [Shrunk(piece.clone(), factor, len(windows)) for piece in pieces]
        # Copies: a view would keep the whole photo.
        windows.append(tuple(window.clone() for window in evenly(_pieces(photo, _WINDOW), share)))
        tables.append(image.origin.jpeg if image.origin else None)
    if not windows:
        raise UnusableData(f"{folder}: no readable photo ({len(paths)} files seen).", hint=_HINT)
    return NoisyPhotos(tuple(windows), tuple(shrunk), tuple(tables), tuple(unreadable))


def shrunk_by(photos: Tensor, factor: int) -> Tensor:
    """*photos* (B, 3, H, W) shrunk by an integer *factor*."""
    return resized(photos, [max(1, side // factor) for side in photos.shape[-2:]])


def _pieces(photo: Tensor, side: int) -> list[Tensor]:
    """*photo* cut into squares of *side*; pieces at the right and at the bottom may be smaller."""
    _, height, width = photo.shape
    return [
        photo[:, top : top + side, left : left + side]
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]
