"""The pictures that weights are measured on: folders of clean ones, and folders of real pairs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from denoiser import imageio
from denoiser.errors import UnusableData

_NOISY, _CLEAN = "__noisy", "__clean"


@dataclass(frozen=True, slots=True)
class Pair:
    """A noisy picture and the clean one of the same scene."""

    scene: str
    noisy: Path
    clean: Path


def clean_pictures(folder: Path) -> list[Path]:
    """All pictures below *folder* in a fixed order; UnusableData when there are none."""
    found = sorted(_pictures(folder))
    if not found:
        raise UnusableData(f"{folder}: no picture to measure on.", hint="Point --data at a folder of pictures.")
    return found


def real_pairs(folder: Path) -> list[Pair]:
    """The pairs ``<scene>__noisy.*`` and ``<scene>__clean.*`` below *folder*; none of them may lack its half."""
    halves: dict[str, dict[str, Path]] = {_NOISY: {}, _CLEAN: {}}
    for path in _pictures(folder):
        for half, scenes in halves.items():
            if path.stem.endswith(half):
                scenes[str(path.with_name(path.stem.removesuffix(half)).relative_to(folder))] = path
    noisy, clean = halves[_NOISY], halves[_CLEAN]
    alone = sorted(noisy.keys() ^ clean.keys())
    if alone or not noisy:
        what = f"{alone[0]} has only one half" if alone else "no pairs"
        raise UnusableData(
            f"{folder}: {what}.", hint="Pairs are named <scene>__noisy.* and <scene>__clean.* with any suffix."
        )
    return [Pair(scene, noisy[scene], clean[scene]) for scene in sorted(noisy)]


def _pictures(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise UnusableData(f"{folder}: no such folder.", hint="Point --data at a folder of pictures.")
    for place, _, names in os.walk(folder):
        for name in names:
            if imageio.formats.is_picture_name(Path(name)):
                yield Path(place) / name
