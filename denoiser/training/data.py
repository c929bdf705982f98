"""Training photos in memory, and random crops of them."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from denoiser import imageio
from denoiser.errors import UnreadableImage, UnusableData, UsageError
from denoiser.image import Image
from denoiser.training.reading import QUIETLY, Reading, side_by_side
from denoiser.training.vision import transforms

SMALLEST = 128  # pixels: the largest patch must fit
_HELD_OUT = 8
# Two thirds of the crops come from shrunk photos: compression artefacts would otherwise be learned as detail.
_SHRUNK_COPIES = 2
_SHRINK_RANGE = (1.3, 3.0)
_BICUBIC = 3  # Pillow's number, which torchvision takes without importing its enumeration
HINT = "Point --data at a folder of clean photos."
_TEXTURE_CHOICE = 0.75  # how often the more textured of two crops is chosen; flat crops teach little


class CropSource(Protocol):
    """A source of random crops."""

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Tensor:
        """*count* random crops (count, C, patch, patch) in 0..1 on the generator's device."""
        ...


@dataclass(frozen=True, slots=True)
class PhotoPool:
    """Pictures (C, H, W) uint8 with the probability of each; the held-out ones are never drawn from.

    Photos have 3 channels, pairs 6: clean, then noisy.
    """

    pictures: tuple[Tensor, ...]
    shares: Tensor
    held_out: tuple[Tensor, ...]
    unreadable: tuple[UnreadableImage, ...]

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Tensor:
        """*count* random crops (count, C, patch, patch) in 0..1, flipped and turned at random."""
        chance = choose(self.shares, count, generator)
        where = zip(chance.which.tolist(), chance.where.tolist(), strict=True)
        crops = [_crop(self.pictures[i], y, x, patch) for i, (y, x) in where]
        taken = chance.busier_or_not(busyness(torch.stack([crop[1] for crop in crops]))).tolist()
        turned = [_turned(crops[i], turn) for i, turn in zip(taken, chance.turns.tolist(), strict=True)]
        return torch.stack(turned).to(generator.device).float().div_(255)

    @property
    def size(self) -> int:
        """In bytes, without the held-out ones."""
        return sum(picture.numel() for picture in self.pictures)


@dataclass(frozen=True, slots=True)
class Choice:
    """Random choices of a batch: two candidates for each crop, and the rotation of the chosen one."""

    which: Tensor  # (2 count,) numbers of pictures; the candidates of one crop stand beside each other
    where: Tensor  # (2 count, 2) row and column, 0..1 of where a crop may begin
    luck: Tensor  # (count,) under _TEXTURE_CHOICE the busier candidate is taken
    turns: Tensor  # (count,) 0..7: quarter turns, from 4 on mirrored as well

    def busier_or_not(self, busy: Tensor) -> Tensor:
        """The number (count,) of the candidate that is taken for each crop, by how *busy* (2 count,) they are."""
        first, second = busy.reshape(-1, 2).unbind(1)
        second_wins = (second > first) == (self.luck < _TEXTURE_CHOICE)
        return 2 * torch.arange(len(self.luck), device=busy.device) + second_wins


def choose(shares: Tensor, count: int, generator: torch.Generator) -> Choice:
    """Draws a choice of *count* crops from pictures of these *shares*, on the generator's device."""
    device = generator.device
    return Choice(
        which=torch.multinomial(shares.to(device), 2 * count, replacement=True, generator=generator),
        where=torch.rand(2 * count, 2, generator=generator, device=device),
        luck=torch.rand(count, generator=generator, device=device),
        turns=torch.randint(8, (count,), generator=generator, device=device),
    )


def busyness(channel: Tensor) -> Tensor:
    """Texture of each of *channel* (B, H, W) uint8: the mean difference between neighbours."""
    steps = channel.to(torch.int16)
    across, down = steps.diff(dim=2).abs_(), steps.diff(dim=1).abs_()
    return across.float().mean(dim=(1, 2)) + down.float().mean(dim=(1, 2))


def load_photos(
    folder: Path, *, seed: int, smallest: int = SMALLEST, hold_out: int = _HELD_OUT, reading: Reading = QUIETLY
) -> PhotoPool:
    """Every picture below *folder*, with shrunk copies; at most *hold_out* of them are kept for validation.

    What cannot be read is kept by name in the pool; a folder without a picture of *smallest* pixels on each side is
    UnusableData.
    """
    paths = picture_paths(folder, hint=HINT)
    chance = random.Random(seed)
    held = held_back(len(paths), hold_out, chance)
    pictures: list[Tensor] = []
    areas: list[float] = []
    held_out, unreadable = [], []
    scales = [[chance.uniform(*_SHRINK_RANGE) for _ in range(_SHRUNK_COPIES)] for _ in paths]

    def copies_of(number: int) -> list[Tensor] | UnreadableImage:
        try:
            photo = as_bytes(paths[number])
        except UnreadableImage as error:
            return error
        return [photo] if number in held else [photo, *_shrunk(photo, smallest, scales[number])]

    for number, copies in enumerate(side_by_side(copies_of, range(len(paths)))):
        reading.tell(number, len(paths))
        if isinstance(copies, UnreadableImage):
            unreadable.append(copies)
        elif min(copies[0].shape[1:]) < smallest:
            continue
        elif number in held:
            held_out += copies
        else:
            pictures += copies
            areas += [float(copies[0].shape[1] * copies[0].shape[2])] * len(copies)
    if not pictures:
        raise UnusableData(
            f"{folder}: no readable picture of {smallest} pixels or more on each side ({len(paths)} files seen).",
            hint=HINT,
        )
    return PhotoPool(tuple(pictures), area_shares(areas), tuple(held_out), tuple(unreadable))


def held_back(count: int, hold_out: int, chance: random.Random) -> set[int]:
    """Which of *count* things are kept for validation: a tenth, but one of four, and *hold_out* at most."""
    few = 1 if count >= 4 else 0
    return set(chance.sample(range(count), min(hold_out, max(few, count // 10))))


def as_bytes(path: Path) -> Tensor:
    """The picture in *path* as (3, H, W) uint8; deeper ones are rounded, grey ones threefold."""
    return bytes_of(imageio.read(path))


def bytes_of(image: Image) -> Tensor:
    """The pixels of *image* in the same way."""
    eight_bit = np.asarray(image.pixels)
    if eight_bit.dtype != np.uint8:
        light = eight_bit.astype(np.float32) / image.white
        eight_bit = np.rint(np.clip(light, 0, 1) * 255).astype(np.uint8)
    if eight_bit.shape[2] == 1:
        eight_bit = np.repeat(eight_bit, 3, axis=2)
    return torch.from_numpy(np.ascontiguousarray(eight_bit.transpose(2, 0, 1)))


def area_shares(areas: Sequence[float]) -> Tensor:
    """Probabilities by the square root of the area: large photos have more to teach, small ones more variety."""
    roots = torch.tensor(areas).sqrt()
    return roots / roots.sum()


def picture_paths(folder: Path, *, hint: str) -> list[Path]:
    """Everything below *folder* that is named like a picture, in a fixed order; UsageError: no such folder."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder.", hint=hint)
    found = [
        Path(place) / name
        for place, _, names in os.walk(folder)
        for name in names
        if imageio.formats.is_picture_name(Path(name))
    ]
    return sorted(found)


def _shrunk(photo: Tensor, smallest: int, scales: Sequence[float]) -> list[Tensor]:
    resize = transforms().resize
    copies = []
    for scale in scales:
        size = [round(side / scale) for side in photo.shape[1:]]
        if min(size) >= smallest:
            copies.append(resize(photo, size, interpolation=_BICUBIC, antialias=True))
    return copies


def _crop(picture: Tensor, y: float, x: float, patch: int) -> Tensor:
    top, left = int(y * (picture.shape[1] - patch + 1)), int(x * (picture.shape[2] - patch + 1))
    return picture[:, top : top + patch, left : left + patch]


def _turned(crop: Tensor, turn: int) -> Tensor:
    turned = torch.rot90(crop, turn % 4, dims=(1, 2))
    return turned.flip(2) if turn >= 4 else turned
