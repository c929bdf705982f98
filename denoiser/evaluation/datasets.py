"""Data sets for evaluation: folders of clean images, and folders of real pairs."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from denoiser import imageio
from denoiser.errors import UnusableData, UsageError

_NOISY, _CLEAN = "__noisy", "__clean"
_FOLDERS = ("noisy", "clean")
_PAIR_HINT = "Pairs are <scene>__noisy.* and <scene>__clean.*, or equal names in the folders noisy and clean."

_Thing = TypeVar("_Thing")


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
    """The pairs below *folder*, by name; a missing partner is an error.

    Either ``<scene>__noisy.*`` beside ``<scene>__clean.*``, or equal names in ``noisy/`` and ``clean/``; suffixes
    may differ.
    """
    noisy, clean = _in_two_folders(folder) if _has_two_folders(folder) else _side_by_side(folder)
    alone = sorted(noisy.keys() ^ clean.keys())
    if alone or not noisy:
        what = f"{alone[0]} has only one half" if alone else "no pairs"
        raise UnusableData(f"{folder}: {what}.", hint=_PAIR_HINT)
    return [Pair(scene, noisy[scene], clean[scene]) for scene in sorted(noisy)]


def evenly(things: Sequence[_Thing], limit: int | None) -> list[_Thing]:
    """*limit* of *things*, spread over all of them in their order; all when there are fewer."""
    if limit is None or limit >= len(things):
        return list(things)
    return [things[(2 * number + 1) * len(things) // (2 * limit)] for number in range(limit)]


def _has_two_folders(folder: Path) -> bool:
    return all((folder / half).is_dir() for half in _FOLDERS)


def _in_two_folders(folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    noisy, clean = (
        {path.relative_to(half).with_suffix("").as_posix(): path for path in _pictures(half)}
        for half in (folder / name for name in _FOLDERS)
    )
    return noisy, clean


def _side_by_side(folder: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    halves: dict[str, dict[str, Path]] = {_NOISY: {}, _CLEAN: {}}
    for path in _pictures(folder):
        for half, scenes in halves.items():
            if path.stem.endswith(half):
                scene = path.with_name(path.stem.removesuffix(half)).relative_to(folder)
                scenes[scene.as_posix()] = path
    return halves[_NOISY], halves[_CLEAN]


def _pictures(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder.", hint="Point --data at a folder of pictures.")
    for place, _, names in os.walk(folder):
        for name in names:
            if imageio.formats.is_picture_name(Path(name)):
                yield Path(place) / name
