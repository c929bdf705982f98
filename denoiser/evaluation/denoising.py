"""Denoising quality by the protocol of the papers.

PSNR over all values of all channels of the result as an 8-bit file, without cutting a border; then the mean over
the images. All methods get the same images with the same noise in the same run.
"""

from __future__ import annotations

import itertools
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from denoiser import metrics
from denoiser.engine.session import Session
from denoiser.errors import UnusableData, UsageError
from denoiser.evaluation.methods import Clean, Method, as_set, baseline, given_level
from denoiser.evaluation.samples import Sample, SampleSet, pair_set, untouched_set, white_set
from denoiser.events import CancelToken

KINDS = ("white", "pairs", "untouched")
PAPER_LEVELS = (15.0, 25.0, 50.0)
HARM = 0.1  # dB below the input from which an image counts as harmed
NEARLY_EXACT = 45.0  # dB against the input; differences are invisible above this
_HIGHEST = 100.0  # dB: limits the influence of one exact image on the choice of a setting


@dataclass(frozen=True, slots=True)
class EvaluationPlan:
    """What to measure on a folder; raises UsageError for contradictory options."""

    kind: str = "white"
    levels: tuple[float, ...] = PAPER_LEVELS  # of white noise, in 8-bit units
    grey: bool = False
    noise_level: float | None = None  # of the session; None is automatic
    automatic: bool = False  # for white noise, also measure the network with its own estimate
    baselines: tuple[str, ...] = ()
    limit: int | None = None  # images of the folder

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"kind is one of {', '.join(KINDS)}, not {self.kind!r}.")
        if self.kind != "white" and (self.grey or self.automatic):
            raise UsageError("--grey and --automatic apply to white noise only.")
        if self.automatic and self.noise_level is not None:
            raise UsageError("--automatic and --noise-level contradict each other.")
        if self.kind == "untouched" and self.baselines:
            raise UsageError("A baseline needs noise to be measured on; --kind untouched has none.")


@dataclass(frozen=True, slots=True)
class ImageScore:
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
    method: str
    label: str  # the method, and how its setting was chosen if it had several
    images: tuple[ImageScore, ...]
    best_of: int = 1  # settings to choose from

    @property
    def psnr(self) -> float:
        return statistics.fmean(image.psnr for image in self.images)

    @property
    def median_psnr(self) -> float:
        return statistics.median(image.psnr for image in self.images)

    @property
    def ssim(self) -> float:
        return statistics.fmean(image.ssim for image in self.images)

    @property
    def noisy_psnr(self) -> float:
        return statistics.fmean(image.noisy_psnr for image in self.images)

    @property
    def gain(self) -> float:
        return statistics.fmean(image.gain for image in self.images)

    @property
    def seconds_per_megapixel(self) -> float:
        return sum(p.seconds for p in self.images) / sum(p.megapixels for p in self.images)

    @property
    def harmed(self) -> tuple[ImageScore, ...]:
        """The images that got clearly worse, worst first."""
        return tuple(sorted((p for p in self.images if p.gain < -HARM), key=lambda p: p.gain))

    @property
    def nearly_exact(self) -> int:
        """Number of images that are visually unchanged."""
        return sum(image.psnr >= NEARLY_EXACT for image in self.images)

    def worst_first(self) -> list[int]:
        """Indices of the images, worst result first."""
        measure = "psnr" if self.kind == "untouched" else "gain"
        return sorted(range(len(self.images)), key=lambda number: getattr(self.images[number], measure))

    def worst(self, count: int) -> tuple[ImageScore, ...]:
        """The first *count* of those."""
        return tuple(self.images[number] for number in self.worst_first()[:count])


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A sample set, the methods, and their scores."""

    samples: SampleSet
    methods: tuple[Method, ...]
    scores: tuple[Score, ...]


def evaluate(
    session: Session, folder: Path, plan: EvaluationPlan, *, progress: Callable[[str], None], cancel: CancelToken
) -> list[Evaluation]:
    """Measure *plan* on the images below *folder*; *progress* receives a line for each."""
    entered = [(samples, _methods(session, samples, plan, cancel)) for samples in _sets(folder, plan)]
    return [
        Evaluation(samples, methods, tuple(score(samples, methods, progress=progress, cancel=cancel)))
        for samples, methods in entered
    ]


def _sets(folder: Path, plan: EvaluationPlan) -> list[SampleSet]:
    if plan.kind == "pairs":
        return [pair_set(folder, limit=plan.limit)]
    if plan.kind == "untouched":
        return [untouched_set(folder, limit=plan.limit)]
    return [white_set(folder, level, grey=plan.grey, limit=plan.limit) for level in plan.levels]


def _methods(session: Session, samples: SampleSet, plan: EvaluationPlan, cancel: CancelToken) -> tuple[Method, ...]:
    ours = [as_set(session, cancel, noise_level=plan.noise_level)]
    if plan.kind == "white" and plan.noise_level is None:
        ours = [given_level(session, cancel), *(ours if plan.automatic else ())]
    return (*ours, *(baseline(name, samples.level) for name in plan.baselines))


def score(
    samples: SampleSet, methods: Sequence[Method], *, progress: Callable[[str], None], cancel: CancelToken
) -> list[Score]:
    """Scores of *methods* on *samples*; *progress* receives a line for each sample."""
    tried: list[list[list[ImageScore]]] = [[[] for _ in method.settings] for method in methods]
    for number, sample in enumerate(samples, start=1):
        for method, rows in zip(methods, tried, strict=True):
            for (setting, clean), row in zip(method.settings.items(), rows, strict=True):
                cancel.raise_if_cancelled()
                row.append(_measured(sample, clean, setting))
        progress(f"{samples.what}: {number} of {len(samples)}, {sample.name}")
    best = (_best(samples, method.name, rows) for method, rows in zip(methods, tried, strict=True))
    return list(itertools.chain.from_iterable(best))


def _measured(sample: Sample, clean: Clean, setting: str) -> ImageScore:
    began = time.perf_counter()
    result = clean(sample)
    seconds = time.perf_counter() - began
    noisy = sample.noisy * np.float64(255)
    if sample.source.bits != 32:
        np.rint(noisy, out=noisy)  # values of a file are integers: equal images must be measured as equal
    try:
        return ImageScore(
            name=sample.name,
            noisy_psnr=metrics.psnr(noisy, sample.truth, white=255),
            psnr=metrics.psnr(result, sample.truth, white=255),
            ssim=metrics.ssim(result, sample.truth, white=255),
            seconds=seconds,
            megapixels=sample.truth.shape[0] * sample.truth.shape[1] / 1e6,
            setting=setting,
        )
    except UnusableData as error:
        raise UnusableData(f"{sample.name}: {error.message}", hint=error.hint) from error


def _best(samples: SampleSet, name: str, rows: list[list[ImageScore]]) -> list[Score]:
    """One score, or for several settings the best per set and the best per image."""
    if len(rows) == 1:
        return [Score(samples.what, samples.kind, name, name, tuple(rows[0]))]
    fixed = max(rows, key=lambda row: sum(min(image.psnr, _HIGHEST) for image in row))
    oracle = [max(tries, key=lambda image: image.psnr) for tries in zip(*rows, strict=True)]
    choices = {f"best fixed ({fixed[0].setting})": fixed, "best per image": oracle}
    return [
        Score(samples.what, samples.kind, name, f"{name}, {choice}", tuple(images), len(rows))
        for choice, images in choices.items()
    ]


def finite(decibels: float) -> float | None:
    """PSNR for JSON, which has no infinity: None for identical images."""
    return decibels if math.isfinite(decibels) else None
