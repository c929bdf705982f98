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
from denoiser.image import Image
from denoiser.imageio import depth, formats
from denoiser.options import WriteOptions
from denoiser_gui.model.photo_settings import PhotoSettings
from denoiser_gui.model.photos_to_open import OUTPUT_FOLDER

if TYPE_CHECKING:
    from denoiser_gui.model.requests import FinishedPhoto


@dataclass(frozen=True, slots=True)
class SaveRequest:
    """Where and how to save a photo."""

    target: Path
    settings: PhotoSettings
    bits: int | None = None  # bit depth; None keeps that of the photo if the format supports it
    overwrite: bool = False


def default_target(source: Path | None, name: str, image: Image | None, write: WriteOptions) -> Path:
    """The folder `clean` next to the photo, with the same name."""
    folder = (source.parent if source is not None else Path.home()) / OUTPUT_FOLDER
    origin = image.origin if image is not None else None
    row = formats.output_format(origin, write) if origin is not None else formats.ROWS[write.format or "png"]
    path = Path(name)
    return folder / (name if path.suffix.lower() in row.suffixes else f"{path.stem}{row.suffix}")


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


def save(finished: FinishedPhoto, request: SaveRequest, source: Path | None = None) -> tuple[str, ...]:
    """Write the file as a batch does; return notes for the user.

    The file *source* is copied if nothing was cleaned and nothing else changes.
    """
    write = dataclasses.replace(request.settings.write, format=None)  # the file name determines it
    settings = Settings(denoise=request.settings.denoise, write=write)
    outcome = CLEANING.make(finished.source, settings, finished, series=None, listener=ignore, cancel=CancelToken())
    image: Image = outcome.result
    kept = outcome.kept and source is not None and request.bits in (None, image.bits)
    if request.bits is not None:
        pixels, alpha = depth.at_depth(image, request.bits)
        image = dataclasses.replace(image, pixels=pixels, alpha=alpha, bits=request.bits)
    outcome = dataclasses.replace(outcome, result=image, kept=kept)
    return CLEANING.write(outcome, Job(source or request.target, request.target, image.megapixels), settings).notes
