"""Which kind of work a run does."""

from __future__ import annotations

from denoiser.batch.cleaning import CLEANING
from denoiser.batch.settings import Settings
from denoiser.batch.work import Work

_WORKS: tuple[Work, ...] = (CLEANING,)


def work_of(settings: Settings) -> Work:
    """What was asked for."""
    asked = (settings.encode is not None, settings.decode is not None)
    return _WORKS[asked.index(True) + 1 if True in asked else 0]


def named(verb: str) -> Work:
    """The work of that verb."""
    return next(work for work in _WORKS if work.words.verb == verb)
