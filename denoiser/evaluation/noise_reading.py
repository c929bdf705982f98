"""Accuracy of noise estimates: on clean images with white noise, and on the images unchanged."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from denoiser.estimation import NoiseEstimate
from denoiser.evaluation.samples import with_white_noise
from denoiser.events import CancelToken
from denoiser.image import Image, from_numpy

LEVELS = (3.0, 5.0, 10.0, 15.0, 25.0, 50.0)  # sigma of the white noise, in 8-bit units, kept in float
CLEAN_BELOW = 1.5  # luma sigma that a clean picture should not reach: all of the cleaning is kept from here on

Read = Callable[[Image], NoiseEstimate]


@dataclass(frozen=True, slots=True)
class Nearness:
    """Medians over images of estimate / truth, and of its distance from 1."""

    ratio: float
    off: float


@dataclass(frozen=True, slots=True)
class OnWhite:
    """Accuracy for white noise of sigma *level*."""

    level: float
    luma: Nearness
    chroma: Nearness


@dataclass(frozen=True, slots=True)
class ReadingVerdict:
    """Accuracy of the estimates for some clean images."""

    white: tuple[OnWhite, ...]
    untouched: tuple[float, ...]  # luma sigma that is read of each picture as it is

    @property
    def clean(self) -> int:
        """Number of unchanged images that are estimated as clean."""
        return sum(sigma < CLEAN_BELOW for sigma in self.untouched)


def judge_readings(
    pictures: Mapping[str, NDArray[np.uint8]], read: Read, *, cancel: CancelToken | None = None
) -> ReadingVerdict:
    """What *read* makes of clean *pictures* (H, W, 3), one or more, by name; stops within a reading of *cancel*."""

    def readings(level: float) -> list[NoiseEstimate]:
        found = []
        for name, picture in pictures.items():
            if cancel:
                cancel.raise_if_cancelled()
            found.append(read(from_numpy(with_white_noise(picture, level, name) if level else picture)))
        return found

    white = []
    for level in LEVELS:
        found = readings(level)
        truth = [level] * len(found)
        luma, chroma = ([getattr(one, name) for one in found] for name in ("luma", "chroma"))
        white.append(OnWhite(level, nearness(luma, truth), nearness(chroma, truth)))
    return ReadingVerdict(tuple(white), tuple(one.luma for one in readings(0)))


def nearness(found: Sequence[float], truth: Sequence[float]) -> Nearness:
    """How near *found* is to *truth*, which is nowhere zero."""
    ratios = [a / b for a, b in zip(found, truth, strict=True)]
    return Nearness(statistics.median(ratios), statistics.median(abs(ratio - 1) for ratio in ratios))
