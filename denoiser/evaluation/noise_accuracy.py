"""Accuracy of noise estimates: on clean images with white noise, and on the images unchanged."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from denoiser.estimation.estimate import NoiseEstimate
from denoiser.evaluation.samples import with_white_noise
from denoiser.image import Image, from_numpy

LEVELS = (3.0, 5.0, 10.0, 15.0, 25.0, 50.0)  # sigma of the white noise, in 8-bit units, kept in float
CLEAN_BELOW = 1.5  # luma sigma that a clean image should not reach: from here on it is denoised in full


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Medians over images of estimate / truth, and of its distance from 1."""

    ratio: float
    off: float

    @classmethod
    def of(cls, found: Sequence[float], truth: Sequence[float]) -> Accuracy:
        """The accuracy of *found*; *truth* has no zeros."""
        ratios = [a / b for a, b in zip(found, truth, strict=True)]
        return cls(statistics.median(ratios), statistics.median(abs(ratio - 1) for ratio in ratios))


@dataclass(frozen=True, slots=True)
class EstimatorAccuracy:
    """Accuracy of the estimates for some clean images."""

    white: Mapping[float, tuple[Accuracy, Accuracy]]  # of luma and chroma, by the sigma of the white noise
    untouched: tuple[float, ...]  # estimated luma sigma of each image as it is

    @property
    def clean(self) -> int:
        """Number of unchanged images that are estimated as clean."""
        return sum(sigma < CLEAN_BELOW for sigma in self.untouched)


def measure_accuracy(
    images: Mapping[str, NDArray[np.uint8]], estimate: Callable[[Image], NoiseEstimate]
) -> EstimatorAccuracy:
    """The accuracy of *estimate* on clean *images* (H, W, 3) by name; the noise depends on the name."""
    white = {}
    for level in LEVELS:
        found = [estimate(from_numpy(with_white_noise(pixels, level, name))) for name, pixels in images.items()]
        truth = [level] * len(found)
        white[level] = (
            Accuracy.of([one.luma for one in found], truth),
            Accuracy.of([one.chroma for one in found], truth),
        )
    return EstimatorAccuracy(white, tuple(estimate(from_numpy(pixels)).luma for pixels in images.values()))
