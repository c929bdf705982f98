"""Evaluation samples: noisy images with their references, from clean images or real pairs."""

from __future__ import annotations

import dataclasses
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from denoiser import imageio
from denoiser.errors import UnusableData, UsageError
from denoiser.image import Image, from_numpy
from denoiser.imageio import depth

_HINT = "Point --data at a folder of images."
_PAIR_HINT = "Pairs are <scene>__noisy.* and <scene>__clean.*, or equal names in the folders noisy and clean."

_Thing = TypeVar("_Thing")

Truth = NDArray[np.uint8]  # (H, W, 1) or (H, W, 3)
Values = NDArray[np.float32]  # of the same shape; black is 0, white is 1, values may be outside

_LUMA = np.array([0.2989, 0.5870, 0.1140])  # of MATLAB's rgb2gray, which made the grey sets of the papers


def image_paths(folder: Path, *, hint: str = _HINT) -> list[Path]:
    """All image files below *folder*, sorted; raise UsageError if there is no such folder."""
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder.", hint=hint)
    paths = (Path(place) / name for place, _, names in os.walk(folder) for name in names)
    return sorted(path for path in paths if imageio.formats.is_image_name(path))


def clean_images(folder: Path) -> list[Path]:
    """All image files below *folder*; raise UnusableData if there are none."""
    found = image_paths(folder)
    if not found:
        raise UnusableData(f"{folder}: no image to measure on.", hint=_HINT)
    return found


@dataclass(frozen=True, slots=True)
class Pair:
    """A noisy and a clean image of the same scene."""

    scene: str
    noisy: Path
    clean: Path


def real_pairs(folder: Path) -> list[Pair]:
    """The pairs below *folder*, by name; raise UnusableData for a missing partner.

    Either ``<scene>__noisy.*`` beside ``<scene>__clean.*``, or equal names in ``noisy/`` and ``clean/``; suffixes
    may differ.
    """
    if all((folder / half).is_dir() for half in ("noisy", "clean")):
        noisy, clean = (_by_scene(folder / half, "") for half in ("noisy", "clean"))
    else:
        noisy, clean = (_by_scene(folder, ending) for ending in ("__noisy", "__clean"))
    alone = sorted(noisy.keys() ^ clean.keys())
    if alone or not noisy:
        what = f"{alone[0]} has only one half" if alone else "no pairs"
        raise UnusableData(f"{folder}: {what}.", hint=_PAIR_HINT)
    return [Pair(scene, noisy[scene], clean[scene]) for scene in sorted(noisy)]


def _by_scene(folder: Path, ending: str) -> dict[str, Path]:
    names = {path: path.relative_to(folder).with_suffix("").as_posix() for path in image_paths(folder)}
    return {name.removesuffix(ending): path for path, name in names.items() if name.endswith(ending)}


def evenly(things: Sequence[_Thing], limit: int | None) -> list[_Thing]:
    """*limit* of *things*, spread evenly, in their order; all if there are fewer."""
    if limit is None or limit >= len(things):
        return list(things)
    return [things[(2 * number + 1) * len(things) // (2 * limit)] for number in range(limit)]


@dataclass(frozen=True, slots=True)
class Sample:
    """A noisy image, as a file and as values, and its reference."""

    name: str
    truth: Truth
    noisy: Values
    source: Image
    level: float | None = None  # sigma of the white noise in it, in 8-bit units; None: unknown


@dataclass(frozen=True, slots=True)
class SampleSet:
    """Images by name; ``load`` reads and makes a sample, the same one each time."""

    what: str
    kind: str  # "white", "pairs", "untouched"
    names: tuple[str, ...]
    load: Callable[[int], Sample]
    level: float | None = None

    def __iter__(self) -> Iterator[Sample]:
        return (self.load(number) for number in range(len(self.names)))

    def __len__(self) -> int:
        return len(self.names)


def white_set(folder: Path, sigma: float, *, grey: bool = False, limit: int | None = None) -> SampleSet:
    """The images below *folder* with white noise of *sigma* in 8-bit units; converted to grey first with *grey*."""
    paths = evenly(clean_images(folder), limit)

    def load(number: int) -> Sample:
        path = paths[number]
        truth = read_truth(path, grey=grey)
        noisy = with_white_noise(truth, sigma, path.stem)
        return Sample(path.stem, truth, noisy, from_numpy(noisy), sigma)

    what = f"white {sigma:g}, grey" if grey else f"white {sigma:g}"
    return SampleSet(what, "white", tuple(path.stem for path in paths), load, sigma)


def pair_set(folder: Path, *, limit: int | None = None) -> SampleSet:
    """The real pairs below *folder*."""
    pairs = evenly(real_pairs(folder), limit)

    def load(number: int) -> Sample:
        pair = pairs[number]
        source, truth = imageio.read(pair.noisy), read_truth(pair.clean)
        before = as_8_bit(source, pair.noisy)
        if before.shape != truth.shape:
            raise UnusableData(f"{pair.noisy}: not the size and the channels of its clean half.")
        return Sample(pair.scene, truth, as_values(before), source)

    return SampleSet("real pairs", "pairs", tuple(pair.scene for pair in pairs), load)


def untouched_set(folder: Path, *, limit: int | None = None) -> SampleSet:
    """The clean images below *folder*, each its own reference: every change is an error."""
    paths = evenly(clean_images(folder), limit)

    def load(number: int) -> Sample:
        path = paths[number]
        source = imageio.read(path)
        truth = as_8_bit(source, path)
        return Sample(path.stem, truth, as_values(truth), source)

    return SampleSet("left as they are", "untouched", tuple(path.stem for path in paths), load)


def with_white_noise(clean: NDArray[np.uint8], sigma: float, name: str) -> Values:
    """*clean* (H, W, C) in 0..1 with white noise that depends only on *name*, *sigma* and the shape."""
    noise = np.random.default_rng(seed_of(name, f"{sigma:g}")).standard_normal(clean.shape, dtype=np.float32)
    noisy = (clean.astype(np.float32) + np.float32(sigma) * noise) / 255
    return noisy.astype(np.float32, copy=False)


def seed_of(name: str, what: str) -> int:
    """Random seed that depends only on the name of an image and on what is done to it."""
    return zlib.crc32(f"{name}/{what}".encode("utf-8", "surrogateescape"))


def read_truth(path: Path, *, grey: bool = False) -> Truth:
    """The image in that file in 8 bits; one channel with *grey*."""
    pixels = as_8_bit(imageio.read(path), path)
    if grey and pixels.shape[2] == 3:
        pixels = np.rint(pixels @ _LUMA).astype(np.uint8)[:, :, np.newaxis]
    return pixels


def as_8_bit(image: Image, name: Path | str) -> Truth:
    """The pixels in 8 bits, for which the measures are defined."""
    if image.bits == 32:
        raise UnusableData(f"{name}: float images have no 8-bit measure.")
    return depth.rescale(image.pixels, image.white, 8)


def as_values(truth: Truth) -> Values:
    """8-bit pixels in 0..1."""
    return truth.astype(np.float32) / np.float32(255)


def as_file(values: NDArray[np.floating[Any]]) -> Truth:
    """*values* as in an 8-bit file: clipped and rounded."""
    clipped: Truth = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)
    return clipped


def centre(samples: SampleSet, side: int) -> SampleSet:
    """The same set, cropped to the centre of each image, at most *side* pixels high and wide."""

    def load(number: int) -> Sample:
        whole = samples.load(number)
        height, width = whole.truth.shape[:2]
        top, left = max(0, height - side) // 2, max(0, width - side) // 2
        crop = np.s_[top : top + side, left : left + side]
        source = Image(whole.source.pixels[crop], bits=whole.source.bits)
        return dataclasses.replace(whole, truth=whole.truth[crop], noisy=whole.noisy[crop], source=source)

    return dataclasses.replace(samples, load=load)
