"""The photos to train on, held as bytes on the device, and crops drawn from them."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from denoiser import imageio
from denoiser.errors import UnreadableImage, UnusableData
from denoiser.events import CancelToken
from denoiser.training.vision import transforms

# Two thirds of the crops come from shrunk photos: what the files lost in compression is not learned as truth.
_SHRUNK_COPIES = 2
_SHRINK_RANGE = (1.3, 3.0)
_BICUBIC = 3  # Pillow's number, which torchvision takes without importing its enumeration
_SMALLEST = 128  # pixels: what is smaller than the largest patch cannot be cropped
_TEXTURE_CHOICE = 0.75  # how often the busier of two crops is taken: flat crops teach little


@dataclass(frozen=True, slots=True)
class PhotoPool:
    """Pictures (3, H, W) uint8 with the probability of each; the held-out ones are never drawn from."""

    pictures: tuple[Tensor, ...]
    shares: Tensor
    held_out: tuple[Tensor, ...]
    unreadable: tuple[UnreadableImage, ...]

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Tensor:
        """*count* random crops (count, 3, patch, patch) in 0..1, flipped and turned at random."""
        chosen = torch.multinomial(self.shares, 2 * count, replacement=True, generator=generator)
        where = torch.rand(2 * count, 2, generator=generator)
        luck = torch.rand(count, generator=generator)
        turns = torch.randint(8, (count,), generator=generator)
        crops = [
            _crop(self.pictures[i], y, x, patch) for i, (y, x) in zip(chosen.tolist(), where.tolist(), strict=True)
        ]
        taken = []
        for row in range(count):
            pair = sorted(crops[2 * row : 2 * row + 2], key=_busyness)
            taken.append(_turned(pair[1 if luck[row] < _TEXTURE_CHOICE else 0], int(turns[row])))
        return torch.stack(taken).float().div(255)


def load_photos(
    folder: Path,
    *,
    seed: int,
    hold_out: int = 8,
    told: Callable[[int, int], None] | None = None,
    cancel: CancelToken | None = None,
) -> PhotoPool:
    """Every picture below *folder*, with shrunk copies; *hold_out* of them are kept for validation.

    What cannot be read is kept by name in the pool; a folder without enough pictures is UnusableData.
    """
    paths = _picture_paths(folder)
    chance = random.Random(seed)
    held = set(chance.sample(range(len(paths)), min(hold_out, len(paths) // 10)))
    pictures: list[Tensor] = []
    areas: list[float] = []
    held_out, unreadable = [], []
    for number, path in enumerate(paths):
        if cancel:
            cancel.raise_if_cancelled()
        if told:
            told(number, len(paths))
        try:
            photo = _as_bytes(path)
        except UnreadableImage as error:
            unreadable.append(error)
            continue
        if min(photo.shape[1:]) < _SMALLEST:
            continue
        if number in held:
            held_out.append(photo)
        else:
            copies = [photo, *_shrunk(photo, chance)]
            pictures += copies
            areas += [float(photo.shape[1] * photo.shape[2])] * len(copies)
    if not pictures:
        raise UnusableData(
            f"{folder}: no readable picture of {_SMALLEST} pixels or more on each side ({len(paths)} files seen).",
            hint="Point --data at a folder of clean photos.",
        )
    return PhotoPool(tuple(pictures), _shares(areas), tuple(held_out), tuple(unreadable))


def _picture_paths(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise UnusableData(f"{folder}: no such folder.", hint="Point --data at a folder of clean photos.")
    found = [
        Path(place) / name
        for place, _, names in os.walk(folder)
        for name in names
        if imageio.formats.is_picture_name(Path(name))
    ]
    return sorted(found)


def _as_bytes(path: Path) -> Tensor:
    image = imageio.read(path)
    pixels = np.asarray(image.pixels, dtype=np.float32) / image.white
    eight_bit = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    if eight_bit.shape[2] == 1:
        eight_bit = np.repeat(eight_bit, 3, axis=2)
    return torch.from_numpy(np.ascontiguousarray(eight_bit.transpose(2, 0, 1)))


def _shrunk(photo: Tensor, chance: random.Random) -> list[Tensor]:
    low, high = _SHRINK_RANGE
    resize = transforms().resize
    copies = []
    for _ in range(_SHRUNK_COPIES):
        scale = chance.uniform(low, high)
        size = [round(side / scale) for side in photo.shape[1:]]
        if min(size) >= _SMALLEST:
            copies.append(resize(photo, size, interpolation=_BICUBIC, antialias=True))
    return copies


def _shares(areas: Sequence[float]) -> Tensor:
    # By the square root of the area: large photos have more to teach, small ones more variety for each pixel.
    roots = torch.tensor(areas).sqrt()
    return roots / roots.sum()


def _crop(picture: Tensor, y: float, x: float, patch: int) -> Tensor:
    top, left = int(y * (picture.shape[1] - patch + 1)), int(x * (picture.shape[2] - patch + 1))
    return picture[:, top : top + patch, left : left + patch]


def _busyness(crop: Tensor) -> float:
    green = crop[1].float()
    return float((green[1:] - green[:-1]).abs().mean() + (green[:, 1:] - green[:, :-1]).abs().mean())


def _turned(crop: Tensor, turn: int) -> Tensor:
    turned = torch.rot90(crop, turn % 4, dims=(1, 2))
    return turned.flip(2) if turn >= 4 else turned
