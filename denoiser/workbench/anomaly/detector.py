"""`AnomalyDetector`: learns what good images look like, and scores others; in the manner of scikit-learn."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import stats
from sklearn.base import BaseEstimator, OutlierMixin
from sklearn.metrics import roc_auc_score
from sklearn.utils.validation import check_is_fitted
from torch import Tensor
from torch.nn import functional

from denoiser.api.inputs import read_input
from denoiser.errors import UnusableData, UsageError
from denoiser.training.data import bytes_of
from denoiser.workbench.anomaly.defects import COMPARED_KINDS, painted
from denoiser.workbench.anomaly.patches import PatchScorer
from denoiser.workbench.anomaly.pixels import Preparation, reduced
from denoiser.workbench.anomaly.reconstruction import ReconstructionScorer
from denoiser.workbench.anomaly.scorer import Fitting, Scorer
from denoiser.workbench.anomaly.segmentation import SegmentationScorer

SCORERS: Mapping[str, type[Scorer]] = {
    one.method: one for one in (ReconstructionScorer, PatchScorer, SegmentationScorer)
}
METHODS = ("auto", *SCORERS)
LEAST_IMAGES = 10
_HELD_OUT = (4, 50)  # images: at least, at most
_DEFECTS_PER_IMAGE = 4  # in the comparison of methods, from few held-out images


class AnomalyDetector(OutlierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Finds images that differ from good ones, and where.

    Parameters
    ----------
    method
        "reconstruction", "patches" or "segmentation"; "auto" trains all three and keeps the best on self-made
        defects.
    size
        Images with more than size x size pixels are reduced to that number.
    false_alarms
        Share of good images that ``predict`` may take for anomalies; it sets the threshold.
    random_state
        Seed of all random numbers.
    """

    def __init__(
        self, method: str = "auto", *, size: int = 256, false_alarms: float = 0.01, random_state: int = 0
    ) -> None:
        self.method = method
        self.size = size
        self.false_alarms = false_alarms
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:  # noqa: ARG002
        """Learn from good images: an array (N, H, W) or (N, H, W, C), or a sequence of images, arrays or paths."""
        return self.fit_reduced([reduced(pixels_of(image), self.size) for image in X], Fitting(self.random_state))

    def fit_reduced(self, images: Sequence[Tensor], fitting: Fitting) -> Self:
        """Learn from good images as ``pixels.reduced`` returns them; *fitting* reports progress and can stop it."""
        if self.method not in METHODS:
            raise UsageError(f"method must be one of {', '.join(METHODS)}, not {self.method!r}.")
        if len(images) < LEAST_IMAGES:
            raise UnusableData(
                f"{len(images)} good images are too few; at least {LEAST_IMAGES} are needed.",
                hint="Add more good images; 50 or more give a reliable threshold.",
            )
        self.preparation_ = Preparation.of(images)
        prepared = [self.preparation_(image) for image in images]
        good, held_out = _split(prepared, self.random_state)
        self.comparison_: dict[str, float] = {}
        if self.method == "auto":
            self.scorer_ = self._best(good, held_out, fitting)
        else:
            self.scorer_ = SCORERS[self.method].fit(good, held_out, fitting)
        highest = [float(self.scorer_.map(image).max()) for image in held_out]
        self.unit_ = max(statistics.median(highest), 1e-12)
        self.good_scores_ = np.sort(highest) / self.unit_
        self.n_images_ = len(images)
        return self

    def score_map(self, image: Any) -> NDArray[np.float32]:
        """How anomalous each pixel of *image* is (H, W). 1 is what a typical good image reaches at most."""
        check_is_fitted(self)
        return self.score_and_map(pixels_of(image))[1]

    def score_samples(self, X: Any) -> NDArray[np.float64]:
        """The score of each image: minus the maximum of its map, so that higher is more normal."""
        check_is_fitted(self)
        return -np.array([self._map(pixels_of(image)).max() for image in X], np.float64)

    def decision_function(self, X: Any) -> NDArray[np.float64]:
        """``score_samples`` relative to the threshold: negative for anomalies."""
        return self.score_samples(X) + self.threshold(self.false_alarms)

    def predict(self, X: Any) -> NDArray[np.int64]:
        """1 for normal images, -1 for anomalies."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def threshold(self, false_alarms: float) -> float:
        """The score that this share of good images exceeds.

        It is a quantile of the scores of held-out good images. Where these are too few for the share, it is what
        the next score exceeds with that probability if the logarithms are normally distributed.
        """
        check_is_fitted(self)
        if not 0 < false_alarms < 1:
            raise UsageError(f"The share of false alarms must be between 0 and 1, not {false_alarms:g}.")
        scores = self.good_scores_
        if false_alarms * len(scores) >= 1:
            return float(scores[-1 - int(false_alarms * len(scores))])
        logs, count = np.log(scores), len(scores)
        spread = logs.std(ddof=1) * (1 + 1 / count) ** 0.5
        beyond = stats.t.ppf(1 - false_alarms, count - 1)
        return max(float(scores.max()), float(np.exp(logs.mean() + beyond * spread)))

    def false_alarms_at(self, threshold: float) -> float:
        """The share of held-out good images whose score exceeds *threshold*."""
        return float((self.good_scores_ > threshold).mean())

    def score_and_map(self, pixels: Tensor) -> tuple[float, NDArray[np.float32]]:
        """The maximum and the map (H, W) of *pixels* (3, H, W) uint8."""
        small = self._map(pixels)
        size = list(pixels.shape[1:])
        large = functional.interpolate(small[None, None], size=size, mode="bilinear")[0, 0]
        return float(small.max()), np.asarray(large.numpy())

    def _map(self, pixels: Tensor) -> Tensor:
        return (self.scorer_.map(self.preparation_(pixels)) / self.unit_).float()

    def _best(self, good: Sequence[Tensor], held_out: Sequence[Tensor], fitting: Fitting) -> Scorer:
        """The scorer that separates held-out images best from the same with self-made defects."""
        pairs = list(_with_defects(held_out, self.random_state))
        scorers = {}
        for method, kind in SCORERS.items():
            fitting.report(f"Training {method}")
            scorers[method] = kind.fit(good, held_out, fitting)
            fitting.report(f"Comparing {method}")
            self.comparison_[method] = round(_auroc(scorers[method], held_out, pairs), 4)
            fitting.report(f"{method}: AUROC {self.comparison_[method]:.3f} on self-made defects")
        return scorers[max(self.comparison_, key=lambda method: self.comparison_[method])]


def pixels_of(image: Any) -> Tensor:
    """The pixels (3, H, W) uint8 of an image, array, tensor or path."""
    return bytes_of(read_input(image).the_one("AnomalyDetector"))


def _split(images: Sequence[Tensor], seed: int) -> tuple[list[Tensor], list[Tensor]]:
    """Images to learn from, and a fifth that is held out."""
    count = min(max(_HELD_OUT[0], len(images) // 5), _HELD_OUT[1])
    order = np.random.default_rng(seed).permutation(len(images)).tolist()
    return [images[number] for number in order[count:]], [images[number] for number in order[:count]]


def _with_defects(images: Sequence[Tensor], seed: int) -> Iterator[tuple[Tensor, NDArray[np.float64]]]:
    """*images* with defects of kinds that the segmentation head was not trained on, and their maps."""
    rng = np.random.default_rng(seed)
    for number, image in enumerate(images):
        whole, other = (one.permute(1, 2, 0).numpy() for one in (image, images[number - 1]))
        for _ in range(_DEFECTS_PER_IMAGE):
            changed, defective = painted(whole, other, COMPARED_KINDS, rng)
            yield torch.from_numpy(changed).permute(2, 0, 1).contiguous(), defective


def _auroc(scorer: Scorer, good: Iterable[Tensor], bad: Iterable[tuple[Tensor, NDArray[np.float64]]]) -> float:
    """The area under the ROC curve of the scores of *good* and *bad* images."""
    scores = [float(scorer.map(image).max()) for image in good]
    truth = [0] * len(scores)
    for image, defective in bad:
        if defective.any():
            scores.append(float(scorer.map(image).max()))
            truth.append(1)
    return float(roc_auc_score(truth, scores)) if any(truth) else 0.5
