"""Which kind of work a run does."""

from __future__ import annotations

from denoiser.batch.cleaning import CLEANING
from denoiser.batch.decoding import DECODING
from denoiser.batch.encoding import ENCODING
from denoiser.batch.settings import Settings
from denoiser.batch.work import Work

_WORKS: tuple[Work, ...] = (CLEANING, ENCODING, DECODING)


def work_of(settings: Settings) -> Work:
    """What was asked for."""
    if settings.encode is not None:
        return ENCODING
    return CLEANING if settings.decode is None else DECODING


def named(verb: str) -> Work:
    """The work of that verb."""
    return next(work for work in _WORKS if work.words.verb == verb)
