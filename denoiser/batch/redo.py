"""Repeats the processing of an output from its processing record and its source, and compares the results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from denoiser import imageio
from denoiser.batch.cleaning import CLEANING
from denoiser.batch.manifest import sha256_of
from denoiser.batch.processing_record import ProcessingRecord, read_record, version_of_torch
from denoiser.batch.series import stated
from denoiser.batch.settings import Settings
from denoiser.errors import MissingModel, UsageError
from denoiser.events import CancelToken, ignore
from denoiser.imageio import formats
from denoiser.models import catalog

if TYPE_CHECKING:
    from denoiser.estimation.series import Series
    from denoiser.image import Image


@dataclass(frozen=True, slots=True, eq=False)
class Redone:
    """The new result, and how it differs from the output. Nothing is written."""

    image: Image
    settings: Settings
    record: ProcessingRecord
    differing: float  # share of the pixels that differ from the output

    @property
    def same(self) -> bool:
        """Whether all pixels and alpha are equal."""
        return self.differing == 0

    @property
    def why(self) -> str:
        """A possible reason for a difference, or an empty string."""
        made, here = self.record.torch, version_of_torch()
        if self.same or not made or made == here:
            return ""
        return f"it was made with torch {made}; torch {here} is installed"


def redo(
    made: Path, source: Path, *, model: str = "", mask: Path | None = None, cancel: CancelToken | None = None
) -> Redone:
    """Repeat the processing of *made* with *source*; *model* is a weights file if the model is not installed.

    Raises UsageError without a processing record, and for a *mask* that is missing, or is not that of the record;
    MissingModel if the weights differ from those of the record. On the same device with the same precision all
    pixels are equal.
    """
    before = imageio.read(made)
    record = read_record(before)
    if record is None:
        raise UsageError(
            f"{made}: has no processing record.",
            hint="Outputs have one unless they are copies, or written with --no-ticket or --strip.",
        )
    settings = record.settings(model=model, mask=mask)
    _check_mask(made, settings, mask)
    _check_weights(settings.denoise.model, settings.denoise.device, record)
    image = CLEANING.read(source, settings)
    session = CLEANING.open(None, settings)
    series = _series_of(record, image) if settings.batch.series else None
    outcome = CLEANING.make(
        image, settings, session, series=series, listener=ignore, cancel=cancel or CancelToken()
    )
    row = formats.by_suffix(made)
    after = imageio.read_bytes(imageio.encode(outcome.result, row.key, settings.write), str(made))
    return Redone(outcome.result, settings, record, _differing(before, after))


def _series_of(record: ProcessingRecord, image: Image) -> Series | None:
    from denoiser.estimation.estimator import estimate_noise

    return stated(record.noise, estimate_noise(image))


def _check_mask(made: Path, settings: Settings, mask: Path | None) -> None:
    wanted = settings.mask
    if wanted is None and mask is not None:
        raise UsageError(f"{made}: was made without a mask.", hint="Leave out --mask.")
    if wanted is not None and mask is None:
        raise UsageError(
            f"{made}: was made with a mask (SHA-256 {wanted.sha256[:12]}…).", hint="Give its file with --mask."
        )
    if wanted is not None and mask is not None and sha256_of(mask) != wanted.sha256:
        raise UsageError(
            f"{mask}: is not the mask that {made} was made with (SHA-256 {wanted.sha256[:12]}…).",
            hint="Give the unchanged file with --mask.",
        )


def _check_weights(model: str, device: str, record: ProcessingRecord) -> None:
    card = catalog.find(model, device).card
    if card.sha256 != record.digest:
        raise MissingModel(
            f"The installed weights {card.name} are not those of the processing record ({record.digest[:12]}…).",
            hint="Give their file with --model.",
        )


def _differing(before: Image, after: Image) -> float:
    if before.pixels.shape != after.pixels.shape or before.pixels.dtype != after.pixels.dtype:
        return 1.0
    other = ~((before.pixels == after.pixels) | (_no_number(before) & _no_number(after))).all(axis=2)
    if before.alpha is not None and after.alpha is not None:
        other |= before.alpha != after.alpha
    elif (before.alpha is None) != (after.alpha is None):
        return 1.0
    return float(other.mean())


def _no_number(image: Image) -> NDArray[np.bool_]:
    return np.not_equal(image.pixels, image.pixels)
