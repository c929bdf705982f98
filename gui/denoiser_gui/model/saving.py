"""Saves a finished photo with the same steps as a batch, and never over an open photo."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from denoiser import imageio
from denoiser.batch import Settings
from denoiser.batch.cleaning import CLEANING
from denoiser.errors import ForeignOutput, UnsafeOutput
from denoiser.events import CancelToken, Listener, ignore
from denoiser.image import Image
from denoiser.imageio import depth, formats
from denoiser.options import WriteOptions
from denoiser_gui.model.controls import PhotoSettings

if TYPE_CHECKING:
    from denoiser.engine import Cleaned
    from denoiser.estimation import NoiseEstimate
    from denoiser_gui.model.requests import Finished

_FOLDER = "clean"  # next to the photos, as in `denoise ./imgs --out ./clean`


@dataclass(frozen=True, slots=True)
class SaveRequest:
    """Where and how to save a photo."""

    target: Path
    settings: PhotoSettings
    bits: int | None = None  # bit depth; None keeps that of the photo if the format supports it
    overwrite: bool = False

    @property
    def write(self) -> WriteOptions:
        """Output options without a format: the file name determines it."""
        return dataclasses.replace(self.settings.write, format=None)


@dataclass(frozen=True, slots=True)
class Saved:
    """A written file, and notes about what it could not store."""

    target: Path
    notes: tuple[str, ...]


def proposed_target(source: Path | None, name: str, image: Image | None, write: WriteOptions) -> Path:
    """Default target: the folder `clean` next to the photo, with the same name."""
    folder = (source.parent if source is not None else Path.home()) / _FOLDER
    origin = image.origin if image is not None else None
    row = formats.output_format(origin, write) if origin is not None else formats.ROWS[write.format or "png"]
    path = Path(name)
    keeps = path.suffix.lower() in row.suffixes
    return folder / (path.name if keeps else f"{path.stem}{row.suffix}")


def depths_of(target: Path) -> tuple[int, ...]:
    """The bit depths that a file with this name supports; raises UsageError for an unknown suffix."""
    return formats.by_suffix(target).depths


def refuse(order: SaveRequest, inputs: Iterable[Path]) -> None:
    """Raise UnsafeOutput if the target is an open photo, also through a link; ForeignOutput if it exists."""
    formats.by_suffix(order.target)
    if not order.target.exists():
        return
    for path in inputs:
        if path.exists() and os.path.samefile(path, order.target):
            raise UnsafeOutput(
                f"{order.target.name}: this photo is open. Source photos are never overwritten.",
                hint="Choose another name or folder.",
            )
    if not order.overwrite:
        raise ForeignOutput(f"{order.target.name} already exists.", hint="Replace it or choose another name.")


def save(finished: Finished, order: SaveRequest) -> Saved:
    """Write the file atomically, with the processing record that a batch would embed."""
    settings = Settings(denoise=order.settings.denoise, write=order.write)
    outcome = CLEANING.make(
        finished.source, settings, _FinishedCleaner(finished), series=None, listener=ignore, cancel=CancelToken()
    )
    image: Image = outcome.result if order.bits is None else at_depth(outcome.result, order.bits)
    order.target.parent.mkdir(parents=True, exist_ok=True)
    imageio.write(image, order.target, order.write)
    lost = imageio.losses(image, formats.by_suffix(order.target).key)
    return Saved(order.target, tuple(dict.fromkeys((*outcome.notes, *lost))))


def at_depth(image: Image, bits: int) -> Image:
    """Convert to another bit depth, with rounding."""
    pixels, alpha = depth.at_depth(image, bits)
    return dataclasses.replace(image, pixels=pixels, alpha=alpha, bits=bits)


class _FinishedCleaner:
    """Stands for a cleaner in the batch code; returns the finished photo."""

    def __init__(self, finished: Finished) -> None:
        self.model_name, self.model_digest = finished.model_name, finished.model_digest
        self.device, self.precision = finished.device, finished.precision
        self._cleaned = finished.cleaned

    def clean(
        self, image: Image, *, estimate: NoiseEstimate | None = None, listener: Listener, cancel: CancelToken
    ) -> Cleaned:
        """The finished result."""
        del image, estimate, listener, cancel
        return self._cleaned
