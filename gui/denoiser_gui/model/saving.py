"""Saves a finished photo with the same steps as a batch, and never over an open photo."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from denoiser.batch import Job, Settings
from denoiser.batch.cleaning import CLEANING
from denoiser.errors import ForeignOutput, UnsafeOutput
from denoiser.events import CancelToken, ignore
from denoiser.imageio import depth, formats
from denoiser.options import bits_of
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.model.stored_settings import keep_mask

if TYPE_CHECKING:
    from denoiser_gui.model.requests import FinishedPhoto


@dataclass(frozen=True, slots=True)
class SaveRequest:
    """Where and how to save a photo."""

    target: Path
    settings: PhotoSettings
    overwrite: bool = False


def check_target(request: SaveRequest, inputs: Iterable[Path]) -> None:
    """Raise UnsafeOutput if the target is an open photo, also through a link; ForeignOutput if it exists."""
    target = request.target
    formats.by_suffix(target)
    if not target.exists():
        return
    if any(path.exists() and os.path.samefile(path, target) for path in inputs):
        raise UnsafeOutput(
            f"{target.name}: this photo is open. Source photos are never overwritten.",
            hint="Choose another name or folder.",
        )
    if not request.overwrite:
        raise ForeignOutput(f"{target.name} already exists.", hint="Replace it or choose another name.")


def bits_for(request: SaveRequest) -> int:
    """The bits per channel that a request needs at least; 0 for those of the photo."""
    row = formats.by_suffix(request.target)
    wanted = bits_of(request.settings.write)
    return depth.fitting(wanted, row.depths) if wanted and row.depths else 0


def save(finished: FinishedPhoto, request: SaveRequest, source: Path | None = None) -> tuple[str, ...]:
    """Write the file as a batch does; return notes for the user.

    The file *source* is copied if nothing was cleaned and nothing else changes.
    """
    write = dataclasses.replace(request.settings.write, format=None)  # the file name determines it
    image, mask = finished.source, request.settings.mask
    kept_mask = None if mask is None else keep_mask(mask, (image.height, image.width))
    settings = Settings(denoise=request.settings.denoise, write=write, mask=kept_mask)
    outcome = CLEANING.make(finished.source, settings, finished, series=None, listener=ignore, cancel=CancelToken())
    kept = outcome.kept and source is not None
    outcome = dataclasses.replace(outcome, kept=kept)
    job = Job(source or request.target, request.target, outcome.megapixels)
    return CLEANING.write(outcome, job, settings).notes
