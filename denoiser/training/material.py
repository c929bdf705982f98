"""Training material: the source of training samples, and the validation samples."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from denoiser.errors import UnreadableImage, UsageError
from denoiser.training.data import SMALLEST, Loading, PhotoPool, load_photos, resident
from denoiser.training.pairs import load_pairs
from denoiser.training.recipe import Recipe
from denoiser.training.samples import DrawnNoise, Mixed, RealNoise, SampleSource, drawn_ahead
from denoiser.training.validation import (
    PAIRS,
    PAIRS_AUTOMATIC,
    DenoiserValidator,
    Validator,
    pair_crops,
    synthetic_crops,
)


@dataclass(frozen=True, slots=True)
class Material:
    """Complete when built. ``on_card`` joins the table [training] of the card."""

    source: SampleSource
    validator: Validator
    on_card: Mapping[str, Any]
    unreadable: tuple[UnreadableImage, ...] = ()
    seconds: float = 0.0  # of earlier work that counts as training time


# Makes the material for a recipe, a device and a seed, in each training process; raises UnusableData.
Gather = Callable[[Recipe, torch.device, int, Loading], Material]


@dataclass(frozen=True, slots=True)
class Folders:
    """Material from a folder of clean photos, from one of pairs, or from both.

    The pairs below *validation* only count in the validation.
    """

    photos: Path | None
    pairs: Path | None = None
    validation: Path | None = None

    def __post_init__(self) -> None:
        if not (self.photos or self.pairs):
            raise UsageError("There is nothing to train on.", hint="Name a folder with --data or --pairs.")

    def __call__(self, plan: Recipe, device: torch.device, seed: int, loading: Loading) -> Material:
        smallest = max(SMALLEST, *(stage.patch for stage in plan.stages))
        pairs = load_pairs(self.pairs, seed=seed, smallest=smallest, loading=loading) if self.pairs else None
        photos = load_photos(self.photos, seed=seed, smallest=smallest, loading=loading) if self.photos else None
        clean = photos or _clean_halves(pairs)
        drawn = DrawnNoise(resident(clean, device), plan.noise)
        crops = synthetic_crops(clean.held_out)
        counted = tuple(dict.fromkeys(crop.column for crop in crops))
        source: SampleSource = drawn
        if pairs:
            source = Mixed(RealNoise(resident(pairs, device)), drawn, plan.pair_share)
            crops += pair_crops(pairs.held_out)
            counted = (PAIRS,)  # the other columns show the cost elsewhere
        if self.validation:
            pool = load_pairs(self.validation, seed=seed, loading=loading)
            crops += pair_crops((*pool.images, *pool.held_out), automatic_level=True)
            counted += (PAIRS_AUTOMATIC,)
        unreadable = dict.fromkeys([*(photos.unreadable if photos else ()), *(pairs.unreadable if pairs else ())])
        folders = {"data": self.photos, "pairs": self.pairs}
        on_card = {key: folder.name or str(folder) for key, folder in folders.items() if folder}
        validator = DenoiserValidator(tuple(crops), counted)
        return Material(drawn_ahead(source, device), validator, on_card, tuple(unreadable))


def _clean_halves(pairs: PhotoPool | None) -> PhotoPool:
    """The clean sides of *pairs* as photos for drawn noise, so that fine-tuning does not unlearn other images."""
    assert pairs is not None, "Folders has at least one"
    clean, held_out = (tuple(pair[:3] for pair in pool) for pool in (pairs.images, pairs.held_out))
    return PhotoPool(clean, pairs.shares, held_out, ())
