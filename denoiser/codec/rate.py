"""Searches the quality step for a target; each try repeats entropy coding only, not the analysis."""

from __future__ import annotations

from collections.abc import Callable

from denoiser.codec.entropy.tables import LEVELS

BEST = LEVELS - 1
DEFAULT_QUALITY = 60.0
_WHOLE = 100.0


def step_of(quality: float | None) -> int:
    """The step of a quality from 0 to 100."""
    return round((DEFAULT_QUALITY if quality is None else quality) * BEST / _WHOLE)


def quality_of(step: int) -> float:
    """The quality in the middle of those that a step stands for."""
    return round(step * _WHOLE / BEST, 1)


def best_within(limit: int, size_at: Callable[[int], int]) -> int | None:
    """The highest step whose size, in whatever unit, is *limit* at most; None where no step is so small.

    Sizes rise with the step, but for a few that are next to each other: what is found is within the limit.
    """
    if size_at(0) > limit:
        return None
    low, high = 0, BEST + 1  # low is within the limit; high is not, or beyond all steps
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if size_at(middle) <= limit else (low, middle)
    return low


def first_reaching(wanted: float, worth_at: Callable[[int], float]) -> int | None:
    """The lowest step that is worth *wanted* or more, as a PSNR; None where no step is."""
    if worth_at(BEST) < wanted:
        return None
    low, high = -1, BEST  # high reaches it
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if worth_at(middle) >= wanted else (middle, high)
    return high
