"""One estimate for a series of images with the same settings, and the outliers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from denoiser.errors import UsageError
from denoiser.estimation.estimate import LevelAt, NoiseEstimate

_OUTLIER = 3.5  # times the robust spread of the series
_LEAST_SPREAD = 0.1  # of the logarithm: images of one camera and ISO may differ by a tenth
_QUIET = 0.5  # sigma added before the logarithm: under that, differences are nothing
_GRID = (0.0, 0.08, 0.2, 0.4, 0.65, 1.0)  # edges of brightness for the levels of a series


@dataclass(frozen=True, slots=True)
class Series:
    """The common noise of a series."""

    estimate: NoiseEstimate
    misfits: tuple[int, ...] = ()  # indices of images that are noisier or cleaner than the others
    luma: tuple[float, float] = (0.0, math.inf)  # from least to most, what fits
    chroma: tuple[float, float] = (0.0, math.inf)

    def fits(self, frame: NoiseEstimate) -> bool:
        """Whether an image with this estimate fits the series."""
        return _fits(frame, self.luma, self.chroma)

    def of(self, frame: NoiseEstimate) -> NoiseEstimate:
        """The estimate to use for an image: that of the series, or its own if it does not fit."""
        if not self.fits(frame):
            return frame
        common = self.estimate
        return replace(frame, luma=common.luma, chroma=common.chroma, kind=common.kind, reason=common.reason)


def fit_series(estimates: Sequence[NoiseEstimate]) -> Series:
    """The robust mean of *estimates*, with up to half of them wrong; raise UsageError if there are none.

    Each level by brightness is the median over the fitting images with that brightness.
    """
    if not estimates:
        raise UsageError("A series needs at least one image.")
    lumas = _fitting([estimate.luma for estimate in estimates])
    chromas = _fitting([estimate.chroma for estimate in estimates])
    misfits = {number for number, estimate in enumerate(estimates) if not _fits(estimate, lumas, chromas)}
    if len(misfits) == len(estimates):  # half fit in luma, the other half in chroma: there is no common level
        misfits = set()
    fitting = [estimate for number, estimate in enumerate(estimates) if number not in misfits]
    luma = _median([estimate.luma for estimate in fitting])
    what = f"{len(fitting)} of {len(estimates)} images" if misfits else f"{len(estimates)} images"
    common = NoiseEstimate(
        luma=luma,
        chroma=_median([estimate.chroma for estimate in fitting]),
        kind=_median([estimate.kind for estimate in fitting]),
        level_map=np.full((1, 1), luma, dtype=np.float32),
        reason=f"the median of {what}",
        levels=_common_levels(fitting),
        grey=all(estimate.grey for estimate in fitting),
    )
    return Series(common, tuple(sorted(misfits)), lumas, chromas)


def _fits(estimate: NoiseEstimate, lumas: tuple[float, float], chromas: tuple[float, float]) -> bool:
    return lumas[0] <= estimate.luma <= lumas[1] and chromas[0] <= estimate.chroma <= chromas[1]


def _fitting(sigmas: Sequence[float]) -> tuple[float, float]:
    """The range of sigma that fits: around the median, by the spread of the series."""
    levels = np.log(np.array(sigmas) + _QUIET)
    middle = float(np.median(levels))
    spread = max(1.4826 * float(np.median(np.abs(levels - middle))), _LEAST_SPREAD)  # that of a normal distribution
    low, high = (math.exp(middle + side * _OUTLIER * spread) - _QUIET for side in (-1, 1))
    # Rounded to a hundredth like the sigmas, so that records agree.
    return max(0.0, math.floor(low * 100) / 100), math.ceil(high * 100) / 100


def _common_levels(estimates: Sequence[NoiseEstimate]) -> tuple[LevelAt, ...]:
    common = []
    for low, high in itertools.pairwise(_GRID):
        seen = [
            at
            for estimate in estimates
            for at in estimate.levels
            if low <= at.brightness < high or (at.brightness >= high == _GRID[-1])
        ]
        if seen:
            common.append(
                LevelAt(
                    brightness=_median([at.brightness for at in seen]),
                    luma=_median([at.luma for at in seen]),
                    chroma=_median([at.chroma for at in seen]),
                    share=round(sum(at.share for at in seen) / len(estimates), 3),
                )
            )
    return tuple(common)


def _median(values: Sequence[float]) -> float:
    return round(float(np.median(values)), 2)
