"""An output made again from its ticket and its source, and compared with what is there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from denoiser import imageio, models
from denoiser.batch.cleaning import CLEANING
from denoiser.batch.series import stated
from denoiser.batch.settings import Settings
from denoiser.batch.ticket import Ticket, read_ticket, version_of_torch
from denoiser.errors import MissingModel, UsageError
from denoiser.events import CancelToken, ignore
from denoiser.imageio import formats

if TYPE_CHECKING:
    from denoiser.estimation import Series
    from denoiser.image import Image


@dataclass(frozen=True, slots=True, eq=False)
class Redone:
    """What came out, and how it compares; nothing is written yet."""

    image: Image
    settings: Settings
    ticket: Ticket
    differing: float  # share of the pixels that differ from the output; 0 for the same picture

    @property
    def same(self) -> bool:
        """Whether each pixel, and its alpha, is that of the output."""
        return self.differing == 0

    @property
    def why(self) -> str:
        """What may have made a difference, where something is known; empty otherwise."""
        made, here = self.ticket.torch, version_of_torch()
        if self.same or not made or made == here:
            return ""
        return f"it was made with torch {made}; torch {here} is installed"


def redo(made: Path, source: Path, *, model: str = "", cancel: CancelToken | None = None) -> Redone:
    """What the ticket of *made* says, done again with *source*; *model* is a weights file, where that is needed.

    UsageError without a ticket, MissingModel where the weights are not those of the ticket. On the same device in
    the same precision the pixels are the same, bit for bit.
    """
    before = imageio.read(made)
    ticket = read_ticket(before)
    if ticket is None:
        raise UsageError(
            f"{made}: has no processing record.",
            hint="Outputs have one unless written with --no-ticket or --strip.",
        )
    settings = ticket.settings(model=model)
    _check_weights(settings.denoise.model, settings.denoise.device, ticket)
    image = CLEANING.read(source, settings)
    session = CLEANING.open(None, settings)
    series = _series_of(ticket, image) if settings.batch.series else None
    outcome = CLEANING.make(
        image, settings, session, series=series, listener=ignore, cancel=cancel or CancelToken()
    )
    row = formats.by_suffix(made)
    after = imageio.read_bytes(imageio.encode(outcome.result, row.key, settings.write), str(made))
    return Redone(outcome.result, settings, ticket, _differing(before, after))


def _series_of(ticket: Ticket, image: Image) -> Series | None:
    from denoiser.estimation import estimate_noise  # torch again

    return stated(ticket.noise, estimate_noise(image))


def _check_weights(model: str, device: str, ticket: Ticket) -> None:
    card = models.find(model, device).card
    if card.sha256 != ticket.digest:
        raise MissingModel(
            f"The installed weights {card.name} are not those of the processing record ({ticket.digest[:12]}…).",
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
