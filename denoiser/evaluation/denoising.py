"""Denoising quality, measured by the protocol of the papers.

PSNR over all values of all channels of the result as an 8-bit file would hold it, no border left out; then the mean
over the pictures. Every cleaner gets the same pictures with the same noise in the same run.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from denoiser import metrics
from denoiser.errors import UnusableData
from denoiser.evaluation.methods import Contender, Method
from denoiser.evaluation.samples import Sample, SampleSet
from denoiser.events import CancelToken

HARM = 0.1  # dB below the input from which an image counts as harmed
NEARLY_EXACT = 45.0  # dB against the input; differences are invisible above this


@dataclass(frozen=True, slots=True)
class PictureScore:
    """Score of one method on one image; PSNR is infinite for identical images."""

    name: str
    noisy_psnr: float
    psnr: float
    ssim: float
    seconds: float
    megapixels: float
    setting: str = ""

    @property
    def gain(self) -> float:
        return 0.0 if self.psnr == self.noisy_psnr else self.psnr - self.noisy_psnr


@dataclass(frozen=True, slots=True)
class Score:
    """Scores of one method on one set, image by image in the order of the set."""

    what: str
    kind: str  # of the set
    contender: str
    method: str  # the contender, and how its setting was chosen if it had several
    pictures: tuple[PictureScore, ...]
    best_of: int = 1  # settings that the truth chose from

    @property
    def psnr(self) -> float:
        return statistics.fmean(picture.psnr for picture in self.pictures)

    @property
    def median_psnr(self) -> float:
        return statistics.median(picture.psnr for picture in self.pictures)

    @property
    def ssim(self) -> float:
        return statistics.fmean(picture.ssim for picture in self.pictures)

    @property
    def noisy_psnr(self) -> float:
        return statistics.fmean(picture.noisy_psnr for picture in self.pictures)

    @property
    def gain(self) -> float:
        return statistics.fmean(picture.gain for picture in self.pictures)

    @property
    def seconds_per_megapixel(self) -> float:
        return sum(p.seconds for p in self.pictures) / sum(p.megapixels for p in self.pictures)

    @property
    def harmed(self) -> tuple[PictureScore, ...]:
        """The images that got clearly worse, worst first."""
        return tuple(sorted((p for p in self.pictures if p.gain < -HARM), key=lambda p: p.gain))

    @property
    def nearly_exact(self) -> int:
        """Number of images that are visually unchanged."""
        return sum(picture.psnr >= NEARLY_EXACT for picture in self.pictures)

    def worst_first(self) -> list[int]:
        """Indices of the images, worst result first."""
        pictures = self.pictures
        if self.kind == "untouched":
            return sorted(range(len(pictures)), key=lambda n: pictures[n].psnr)
        return sorted(range(len(pictures)), key=lambda n: pictures[n].gain)

    def worst(self, count: int) -> tuple[PictureScore, ...]:
        """The first *count* of those."""
        return tuple(self.pictures[number] for number in self.worst_first()[:count])


def score(
    samples: SampleSet, contenders: Sequence[Contender], *, progress: Callable[[str], None], cancel: CancelToken
) -> list[Score]:
    """Scores of *contenders* on *samples*; *progress* receives a progress line for each sample."""
    tried: list[list[list[PictureScore]]] = [[[] for _ in contender.methods] for contender in contenders]
    for number, sample in enumerate(samples, start=1):
        for contender, rows in zip(contenders, tried, strict=True):
            for method, row in zip(contender.methods, rows, strict=True):
                cancel.raise_if_cancelled()
                row.append(measured(sample, method))
        progress(f"{samples.what}: {number} of {len(samples)}, {sample.name}")
    return [
        score
        for contender, rows in zip(contenders, tried, strict=True)
        for score in _chosen(samples, contender, rows)
    ]


def measured(sample: Sample, method: Method) -> PictureScore:
    """Score *method* on *sample*."""
    began = time.perf_counter()
    result = method.clean(sample)
    seconds = time.perf_counter() - began
    noisy = sample.noisy * np.float64(255)
    if sample.source.bits != 32:
        np.rint(noisy, out=noisy)  # a file's values are whole: equal pictures must come out equal
    try:
        return PictureScore(
            name=sample.name,
            noisy_psnr=metrics.psnr(noisy, sample.truth, white=255),
            psnr=metrics.psnr(result, sample.truth, white=255),
            ssim=metrics.ssim(result, sample.truth, white=255),
            seconds=seconds,
            megapixels=sample.truth.shape[0] * sample.truth.shape[1] / 1e6,
            setting=method.setting,
        )
    except UnusableData as error:
        raise UnusableData(f"{sample.name}: {error.message}", hint=error.hint) from error


def _chosen(samples: SampleSet, contender: Contender, rows: list[list[PictureScore]]) -> list[Score]:
    """One score, or for several settings the best per set and the best per image."""
    name, count = contender.name, len(rows)
    if count == 1:
        return [Score(samples.what, samples.kind, name, name, tuple(rows[0]))]
    fixed = max(rows, key=lambda row: sum(min(picture.psnr, _HIGHEST) for picture in row))
    oracle = tuple(max(tries, key=lambda picture: picture.psnr) for tries in zip(*rows, strict=True))
    ways = {f"best fixed ({fixed[0].setting})": tuple(fixed), "best per image": oracle}
    return [
        Score(samples.what, samples.kind, name, f"{name}, {way}", pictures, count) for way, pictures in ways.items()
    ]


_HIGHEST = 100.0  # dB: one picture that comes out exact must not decide for all


def finite(decibels: float) -> float | None:
    """PSNR for JSON, which has no infinity: None for identical images."""
    return decibels if math.isfinite(decibels) else None
