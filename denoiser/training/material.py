"""Training material: the source of training samples, and the validation samples."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch

from denoiser.errors import UnreadableImage, UsageError
from denoiser.training.data import SMALLEST, PhotoPool, Reading, load_photos, resident
from denoiser.training.pairs import load_pairs
from denoiser.training.recipe import Recipe
from denoiser.training.samples import DrawnNoise, Mixed, RealNoise, SampleSource, drawn_ahead
from denoiser.training.validation import (
    JUDGED,
    PAIRS,
    Judge,
    Judging,
    judging_trials,
    pair_trials,
    synthetic_trials,
)


@dataclass(frozen=True, slots=True)
class Material:
    """Complete when built. ``told_on_card`` joins the card's table [training]."""

    source: SampleSource
    judge: Judging
    told_on_card: Mapping[str, Any]
    unreadable: tuple[UnreadableImage, ...] = field(default=())


class Gather(Protocol):
    """Makes the material for a recipe on a device; a value that another process can be given."""

    def __call__(self, plan: Recipe, device: torch.device, seed: int, reading: Reading) -> Material:
        """Reads what is needed; raises UnusableData naming what is insufficient."""
        ...


@dataclass(frozen=True, slots=True)
class Folders:
    """Material from a folder of clean photos, from one of pairs, or from both.

    The pairs below *judged* count in the validation, and nothing is trained on them.
    """

    photos: Path | None
    pairs: Path | None = None
    judged: Path | None = None

    def __post_init__(self) -> None:
        if not (self.photos or self.pairs):
            raise UsageError("There is nothing to train on.", hint="Name a folder with --data or --pairs.")

    def __call__(self, plan: Recipe, device: torch.device, seed: int, reading: Reading) -> Material:
        smallest = max(SMALLEST, *(stage.patch for stage in plan.stages))
        pairs = load_pairs(self.pairs, seed=seed, smallest=smallest, reading=reading) if self.pairs else None
        photos = load_photos(self.photos, seed=seed, smallest=smallest, reading=reading) if self.photos else None
        clean = photos or _clean_halves(pairs)
        drawn = DrawnNoise(resident(clean, device), plan.noise)
        trials = synthetic_trials(clean.held_out)
        counted = tuple(dict.fromkeys(trial.column for trial in trials))
        source: SampleSource = drawn
        if pairs:
            source = Mixed(RealNoise(resident(pairs, device)), drawn, plan.pair_share)
            trials += pair_trials(pairs.held_out)
            counted = (PAIRS,)  # what the pairs are for; the other columns show what it costs elsewhere
        if self.judged:
            pool = load_pairs(self.judged, seed=seed, reading=reading)
            trials += judging_trials((*pool.pictures, *pool.held_out))
            counted += (JUDGED,)
        unreadable = dict.fromkeys([*(photos.unreadable if photos else ()), *(pairs.unreadable if pairs else ())])
        judge = Judge(tuple(trials), counted)
        return Material(drawn_ahead(source, device), judge, self._on_card(), tuple(unreadable))

    def _on_card(self) -> dict[str, Any]:
        named = {"data": self.photos, "pairs": self.pairs}
        return {key: folder.name or str(folder) for key, folder in named.items() if folder}


def _clean_halves(pairs: PhotoPool | None) -> PhotoPool:
    """The clean side of *pairs* as photos for drawn noise, so that fine-tuning does not forget other images."""
    assert pairs is not None, "Folders names one at least"
    clean, held_out = (tuple(pair[:3] for pair in pool) for pool in (pairs.pictures, pairs.held_out))
    return PhotoPool(clean, pairs.shares, held_out, ())
