"""The noise that is taken out while a picture is encoded: none, as asked for, or by the estimate."""

from __future__ import annotations

from dataclasses import dataclass

from denoiser.estimation import automatic, estimate_noise
from denoiser.image import Image
from denoiser.networks.conditioning import Condition


@dataclass(frozen=True, slots=True)
class Noise:
    """What the encoder is told, and what is said of it: 8-bit sigmas of luma and chroma, kind from 0 to 1."""

    condition: Condition
    luma: float
    chroma: float
    kind: float


def noise_to_take(image: Image, level: float | None) -> Noise | None:
    """The noise of *level*, an 8-bit sigma; by the estimate for None; None where nothing is to be taken out."""
    if level == 0:
        return None
    if level is not None:
        # The same noise in all three channels has no chroma, and its luma reads sqrt(3) of one channel's.
        grey = image.channels == 1
        told = Condition(level * 3**0.5, 0.0) if grey else Condition(level, level)
        return Noise(told, level, 0.0 if grey else level, 0.0)
    estimate = estimate_noise(image)
    told, share = automatic(estimate)
    if share == 0 or told.luma is None or told.chroma is None:
        return None
    # Where there is so little noise that it may be texture, less of it is told.
    told = Condition(told.luma * share, told.chroma * share, told.kind)
    return Noise(told, estimate.luma, estimate.chroma, estimate.kind)
