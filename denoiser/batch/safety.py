"""What the disk says of a plan before a pixel is read: no output lands on an input, and every one has a place."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from denoiser.batch.layout import Job
from denoiser.errors import DenoiserError, UnsafeOutput, UnwritableImage, UsageError

Identity = tuple[int, int]
Blocked = tuple[Job, DenoiserError]


def refuse_input_folder(out: Path, folders: Iterable[Path]) -> None:
    """Raises when the outputs would go into one of the input folders themselves, under whatever name."""
    for folder in folders:
        if _identity(out) is not None and _identity(out) == _identity(folder):
            raise UnsafeOutput(f"{out}: is the input folder itself; inputs are never overwritten.", hint=_ELSEWHERE)


def refuse_no_folder(out: Path) -> None:
    """Raises when *out*, where a folder is needed, is a file."""
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file, but the outputs need a folder.", hint=_ELSEWHERE)


def sort_out_blocked(jobs: Iterable[Job], inputs: Collection[Identity]) -> tuple[list[Job], list[Blocked]]:
    """The jobs whose targets can be written, and those that cannot, with the obstacle.

    Raises UnsafeOutput for a target that is an input by name, by link or by hard link.
    """
    free: list[Job] = []
    blocked: list[Blocked] = []
    folders: dict[Path, DenoiserError | None] = {}
    for job in jobs:
        if _identity(job.target) in inputs:
            raise UnsafeOutput(
                f"{job.target}: is an input, or a link to one; inputs are never overwritten.", hint=_ELSEWHERE
            )
        parent = job.target.parent
        if parent not in folders:
            folders[parent] = _obstacle(parent)
        obstacle = folders[parent]
        if obstacle is None and job.target.is_dir():
            obstacle = UnwritableImage(
                f"{job.target}: is a folder, but a file is to be written there.", hint=_IN_THE_WAY
            )
        if obstacle is None:
            free.append(job)
        else:
            blocked.append((job, obstacle))
    return free, blocked


def tells_case_apart(folder: Path) -> bool:
    """Whether the file system below *folder* takes `a` and `A` for two names; found without writing anything."""
    for existing in (folder, *folder.absolute().parents):
        swapped = existing.with_name(existing.name.swapcase()) if existing.name else existing
        if existing.exists() and swapped.name != existing.name:
            return _identity(swapped) != _identity(existing)
    return True


_ELSEWHERE = "Choose another folder with --out."
_IN_THE_WAY = "Move it, or choose another --out."


def _obstacle(folder: Path) -> DenoiserError | None:
    """The error of a path on which a file sits where a folder should be."""
    for place in (folder, *folder.parents):
        if place.is_dir():
            return None
        if os.path.lexists(place):
            return UnwritableImage(f"{place}: is a file, but a folder is needed.", hint=_IN_THE_WAY)
    return None


def _identity(path: Path) -> Identity | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
