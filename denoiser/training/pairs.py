"""Folders of real pairs to train on: the same scene with and without noise."""

from __future__ import annotations

import random
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from denoiser.errors import UnreadableImage, UnusableData
from denoiser.evaluation.samples import real_pairs
from denoiser.training.data import SILENT, SMALLEST, Loading, PhotoPool, area_shares, as_bytes, held_out_numbers

_HELD_OUT = 8
_COARSE = 16  # pixels: shrinking by this factor removes most noise and keeps the scene
_FLAT = 8 / 255  # a shrunk image that varies less than this cannot be compared
_SAME_SCENE = 0.5  # correlation of the shrunk halves; a pair has over 0.95, different scenes about 0


def load_pairs(folder: Path, *, seed: int, smallest: int = SMALLEST, loading: Loading = SILENT) -> PhotoPool:
    """The pairs below *folder* as images of six channels, clean then noisy; some are held out for validation.

    Unreadable files are listed in the pool. Raises UnusableData for a half without its partner, and for halves of
    different sizes or scenes.
    """
    pairs = real_pairs(folder)
    held = held_out_numbers(len(pairs), _HELD_OUT, random.Random(seed))
    images: list[Tensor] = []
    held_out: list[Tensor] = []
    unreadable: list[UnreadableImage] = []
    for number, pair in enumerate(pairs):
        loading.report(number, len(pairs))
        try:
            clean, noisy = as_bytes(pair.clean), as_bytes(pair.noisy)
        except UnreadableImage as error:
            unreadable.append(error)
            continue
        _check_same_size(pair.scene, clean, noisy)
        _check_same_scene(pair.scene, clean, noisy)
        if min(clean.shape[1:]) >= smallest:
            (held_out if number in held else images).append(torch.cat([clean, noisy]))
    if not images:
        raise UnusableData(
            f"{folder}: no readable pair of {smallest} pixels or more on each side ({len(pairs)} pairs seen).",
            hint="Point --pairs at a folder of larger images.",
        )
    shares = area_shares([image[0].numel() for image in images])
    return PhotoPool(tuple(images), shares, tuple(held_out), tuple(unreadable))


def holds_pairs(folder: Path) -> bool:
    """Whether *folder* is laid out as pairs, whose noisy halves must not be used as clean photos."""
    two_folders = all((folder / half).is_dir() for half in ("noisy", "clean"))
    return two_folders or any(True for path in folder.rglob("*__noisy.*"))


def _check_same_size(scene: str, clean: Tensor, noisy: Tensor) -> None:
    if clean.shape == noisy.shape:
        return
    sizes = " and ".join(f"{image.shape[2]}×{image.shape[1]}" for image in (noisy, clean))
    raise UnusableData(
        f"{scene}: noisy and clean have different sizes, {sizes} pixels.",
        hint="Crop both to the same pixels, or remove the pair from the folder.",
    )


def _check_same_scene(scene: str, clean: Tensor, noisy: Tensor) -> None:
    grey = (half.float().mean(0, keepdim=True) / 255 for half in (clean, noisy))
    small = (functional.avg_pool2d(half, _COARSE).flatten() for half in grey)
    one, two = (half - half.mean() for half in small)
    if len(one) < 2 or one.std() < _FLAT:
        return
    if float(one @ two / (one.norm() * two.norm()).clamp_min(1e-9)) < _SAME_SCENE:
        raise UnusableData(
            f"{scene}: noisy and clean do not show the same scene.", hint="Check how the two were paired."
        )
