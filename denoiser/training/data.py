"""Training photos in memory, and random crops of them.

The pool in GPU memory gathers all crops of a batch at once, without waiting for Python. PhotoPool slices image by
image, which is ten times faster on a CPU; a test compares the crops of the two.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from denoiser import imageio
from denoiser.errors import UnreadableImage, UnusableData
from denoiser.evaluation.samples import image_paths
from denoiser.events import CancelToken
from denoiser.image import Image
from denoiser.imageio import depth
from denoiser.noise.dice import on_device


@dataclass(frozen=True, slots=True)
class Loading:
    """Progress callback (done, total) and cancel token for reading photos."""

    progress: Callable[[int, int], None] | None = None
    cancel: CancelToken = field(default_factory=CancelToken)

    def report(self, done: int, total: int) -> None:
        """Report that *done* of *total* photos are read; raise Cancelled if a stop was requested."""
        self.cancel.raise_if_cancelled()
        if self.progress:
            self.progress(done, total)


SILENT = Loading()

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def in_threads(work: Callable[[_Item], _Result], items: Iterable[_Item]) -> Iterator[_Result]:
    """The results of *work* for *items* in their order; closing the iterator cancels the rest.

    Images are read and shrunk outside of Python, so threads suffice.
    """
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="denoise-reading") as threads:
        yield from threads.map(work, items)


SMALLEST = 128  # pixels: the largest patch must fit
_HELD_OUT = 8
# Two thirds of the crops come from shrunk photos: compression artefacts would otherwise be learned as detail.
_SHRUNK_COPIES = 2
_SHRINK_RANGE = (1.3, 3.0)
HINT = "Point --data at a folder of clean photos."
_TURNS = 8  # quarter turns, from 4 on mirrored as well
_TEXTURE_CHOICE = 0.75  # how often the more textured of two crops is chosen; flat crops teach little


class CropSource(Protocol):
    """A source of random crops."""

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Tensor:
        """*count* random crops (count, C, patch, patch) in 0..1 on the generator's device."""


@dataclass(frozen=True, slots=True)
class PhotoPool:
    """Images (C, H, W) uint8 with the probability of each; crops are never drawn from the held-out ones.

    Photos have 3 channels, pairs 6: clean, then noisy.
    """

    images: tuple[Tensor, ...]
    shares: Tensor
    held_out: tuple[Tensor, ...]
    unreadable: tuple[UnreadableImage, ...]

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Tensor:
        """*count* random crops (count, C, patch, patch) in 0..1, flipped and turned at random."""
        chance = choose(self.shares, count, generator)
        crops = []
        for number, (y, x) in zip(chance.which.tolist(), chance.where.tolist(), strict=True):
            image = self.images[number]
            top, left = int(y * (image.shape[1] - patch + 1)), int(x * (image.shape[2] - patch + 1))
            crops.append(image[:, top : top + patch, left : left + patch])
        taken = chance.chosen_candidates(texture(torch.stack([crop[1] for crop in crops]))).tolist()
        turned = [_turned(crops[i], turn) for i, turn in zip(taken, chance.turns.tolist(), strict=True)]
        return on_device(torch.stack(turned), generator.device).float().div_(255)

    @property
    def size(self) -> int:
        """Size in bytes, without the held-out ones."""
        return sum(image.numel() for image in self.images)


@dataclass(frozen=True, slots=True)
class CropChoice:
    """Random choices of a batch: two candidates for each crop, and the rotation of the chosen one."""

    which: Tensor  # (2 count,) numbers of images; the two candidates of a crop are neighbours
    where: Tensor  # (2 count, 2) row and column, 0..1 of where a crop may begin
    luck: Tensor  # (count,) below _TEXTURE_CHOICE the candidate with more texture is taken
    turns: Tensor  # (count,) below _TURNS

    def chosen_candidates(self, texture: Tensor) -> Tensor:
        """The number (count,) of the chosen candidate for each crop, by the *texture* (2 count,) of all of them."""
        first, second = texture.reshape(-1, 2).unbind(1)
        second_wins = (second > first) == (self.luck < _TEXTURE_CHOICE)
        return 2 * torch.arange(len(self.luck), device=texture.device) + second_wins


def choose(shares: Tensor, count: int, generator: torch.Generator) -> CropChoice:
    """Draw *count* crops from images with the probabilities *shares*, on the device of the generator."""
    device = generator.device
    return CropChoice(
        which=torch.multinomial(shares.to(device), 2 * count, replacement=True, generator=generator),
        where=torch.rand(2 * count, 2, generator=generator, device=device),
        luck=torch.rand(count, generator=generator, device=device),
        turns=torch.randint(_TURNS, (count,), generator=generator, device=device),
    )


def texture(channel: Tensor) -> Tensor:
    """Texture of each of *channel* (B, H, W) uint8: the mean difference between neighbours."""
    steps = channel.to(torch.int16)
    across, down = steps.diff(dim=2).abs_(), steps.diff(dim=1).abs_()
    return across.float().mean(dim=(1, 2)) + down.float().mean(dim=(1, 2))


def load_photos(
    folder: Path, *, seed: int, smallest: int = SMALLEST, hold_out: int = _HELD_OUT, loading: Loading = SILENT
) -> PhotoPool:
    """All photos below *folder*, with shrunk copies; at most *hold_out* of them are held out for validation.

    Unreadable files are listed in the pool. Raises UnusableData if no photo has *smallest* pixels on each side.
    """
    paths = image_paths(folder, hint=HINT)
    chance = random.Random(seed)
    held = held_out_numbers(len(paths), hold_out, chance)
    images: list[Tensor] = []
    areas: list[int] = []
    held_out, unreadable = [], []
    scales = [[chance.uniform(*_SHRINK_RANGE) for _ in range(_SHRUNK_COPIES)] for _ in paths]

    def copies_of(number: int) -> list[Tensor] | UnreadableImage:
        try:
            photo = as_bytes(paths[number])
        except UnreadableImage as error:
            return error
        return [photo] if number in held else [photo, *_shrunk(photo, smallest, scales[number])]

    for number, copies in enumerate(in_threads(copies_of, range(len(paths)))):
        loading.report(number, len(paths))
        if isinstance(copies, UnreadableImage):
            unreadable.append(copies)
        elif min(copies[0].shape[1:]) < smallest:
            continue
        elif number in held:
            held_out += copies
        else:
            images += copies
            areas += [copies[0][0].numel()] * len(copies)
    if not images:
        raise UnusableData(
            f"{folder}: no readable image of {smallest} pixels or more on each side ({len(paths)} files seen).",
            hint=HINT,
        )
    return PhotoPool(tuple(images), area_shares(areas), tuple(held_out), tuple(unreadable))


def held_out_numbers(count: int, hold_out: int, chance: random.Random) -> set[int]:
    """Which of *count* images are held out for validation: a tenth, at least one of four, at most *hold_out*."""
    few = 1 if count >= 4 else 0
    return set(chance.sample(range(count), min(hold_out, max(few, count // 10))))


def as_bytes(path: Path) -> Tensor:
    """The image in *path* as (3, H, W) uint8; deeper images are rounded, grey ones repeated."""
    return bytes_of(imageio.read(path))


def bytes_of(image: Image) -> Tensor:
    """The pixels of *image* in the same way."""
    pixels, _ = depth.at_depth(image, 8)
    return torch.from_numpy(np.array(pixels.transpose(2, 0, 1), order="C")).expand(3, -1, -1).contiguous()


def area_shares(areas: Sequence[int]) -> Tensor:
    """Probabilities by the square root of the area: large photos have more content, small ones more variety."""
    roots = torch.tensor(areas).float().sqrt()
    return roots / roots.sum()


def resized(images: Tensor, size: Sequence[int]) -> Tensor:
    """*images* (B, C, H, W), uint8 or float, in another *size*, by bicubic interpolation without aliasing."""
    return functional.interpolate(images, size=tuple(size), mode="bicubic", antialias=True)


def _shrunk(photo: Tensor, smallest: int, scales: Sequence[float]) -> list[Tensor]:
    sizes = [[round(side / scale) for side in photo.shape[1:]] for scale in scales]
    return [resized(photo.unsqueeze(0), size)[0] for size in sizes if min(size) >= smallest]


def _turned(crop: Tensor, turn: int) -> Tensor:
    turned = torch.rot90(crop, turn % 4, dims=(1, 2))
    return turned.flip(2) if turn >= 4 else turned


@cache
def _turned_places(patch: int, device: torch.device) -> Tensor:
    """The numbers of the pixels of a crop in each turn (_TURNS, patch, patch)."""
    places = torch.arange(patch * patch).reshape(1, patch, patch)
    return torch.cat([_turned(places, turn) for turn in range(_TURNS)]).to(device)


_SHARE_OF_FREE = 0.5  # of the device's memory, for the pool; the rest is for the network


class DevicePool:
    """All images of a pool in one array of bytes on *device*; they have the same number of channels."""

    def __init__(self, pool: PhotoPool, device: torch.device) -> None:
        shapes = torch.tensor([image.shape for image in pool.images])
        begins = torch.cat([torch.zeros(1, dtype=torch.int64), shapes.prod(dim=1).cumsum(0)])
        self._bytes = torch.empty(int(begins[-1]), dtype=torch.uint8, device=device)
        for begin, image in zip(begins.tolist(), pool.images, strict=False):
            self._bytes[begin : begin + image.numel()] = image.flatten().to(device)
        self._channels = pool.images[0].shape[0]
        self._begins, self._heights, self._widths = (
            values.to(device) for values in (begins[:-1], shapes[:, 1], shapes[:, 2])
        )
        self._shares = pool.shares.to(device)

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Tensor:
        """*count* random crops (count, C, patch, patch) in 0..1, flipped and turned at random."""
        chance = choose(self._shares, count, generator)
        corners = [value.reshape(-1, 1, 1) for value in self._corners(chance, patch)]
        corner, width, plane = corners
        side = torch.arange(patch, device=generator.device)
        greens = self._bytes[corner + plane + side.reshape(1, -1, 1) * width + side.reshape(1, 1, -1)]
        taken = chance.chosen_candidates(texture(greens))
        corner, width, plane = (value[taken] for value in corners)
        places = _turned_places(patch, generator.device)[chance.turns]
        rows, columns = places // patch, places % patch
        inside = (corner + rows * width + columns).unsqueeze(1)
        channels = torch.arange(self._channels, device=generator.device).reshape(1, -1, 1, 1)
        return self._bytes[inside + channels * plane.unsqueeze(1)].float().div_(255)

    def _corners(self, chance: CropChoice, patch: int) -> tuple[Tensor, Tensor, Tensor]:
        """Offset of each candidate in its first channel, the width of its image, the size of one channel."""
        height, width = self._heights[chance.which], self._widths[chance.which]
        top = (chance.where[:, 0].double() * (height - patch + 1)).long()
        left = (chance.where[:, 1].double() * (width - patch + 1)).long()
        return self._begins[chance.which] + top * width + left, width, height * width


def resident(pool: PhotoPool, device: torch.device) -> CropSource:
    """The pool in the device's memory if it fits; unchanged otherwise."""
    if device.type != "cuda":
        return pool
    free, _ = torch.cuda.mem_get_info(device)
    return DevicePool(pool, device) if pool.size < _SHARE_OF_FREE * free else pool
