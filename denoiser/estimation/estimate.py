"""The noise estimate of an image, and its combination from the estimates of the whole and of its parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from denoiser.networks.window_statistics import FLOOR


@dataclass(frozen=True, slots=True)
class LevelAt:
    """The noise in areas of about this *brightness*, from 0 (black) to 1 (white)."""

    brightness: float
    luma: float
    chroma: float
    share: float  # of the image that is about as bright


@dataclass(frozen=True, slots=True, eq=False)
class NoiseEstimate:
    """The noise of an image. Sigmas are in 8-bit units; white RGB noise of sigma s gives s in luma and in chroma.

    A grey image with noise of sigma s has s in luma and 0 in chroma. ``kind`` runs from 0 (white) to 1
    (correlated, as cameras leave it).
    """

    luma: float
    chroma: float
    kind: float
    level_map: NDArray[np.float32]  # luma sigma, for each part of the image that was analysed
    reason: str  # one line of explanation
    levels: tuple[LevelAt, ...] = ()  # from dark to bright; only those that the image contains
    grey: bool = False

    @property
    def sigma(self) -> float:
        """One level for both: the root mean square over the three axes of colour, or luma of a grey image."""
        return self.luma if self.grey else float(((self.luma**2 + 2 * self.chroma**2) / 3) ** 0.5)

    def as_values(self) -> dict[str, Any]:
        """Plain values for JSON, without the map."""
        return {
            "luma": self.luma,
            "chroma": self.chroma,
            "kind": self.kind,
            "grey": self.grey,
            "levels": [asdict(at) for at in self.levels],
            "reason": self.reason,
        }


_UNLIKE = 0.4  # typical difference, as a logarithm, between the noise of a part and that of the whole
_CORRELATED = 0.5
# Probability of noise below which an image counts as clean, and from which it counts as noisy.
_CLEAN_BELOW, _NOISY_ABOVE = 0.5, 0.6
_SHOWS = 0.5  # sigma below which noise and its kind are invisible
_VARIES = 1.5  # ratio between dark and bright that is mentioned


@dataclass(frozen=True, slots=True)
class PartEstimate:
    """Network output for some windows; levels and uncertainties are logarithms."""

    luma: float
    chroma: float
    luma_doubt: float
    chroma_doubt: float
    kind: float  # 0 white to 1 correlated
    noisy: float  # probability
    brightness: float  # 0 to 1
    windows: int


def combine(
    whole: PartEstimate | None,
    bright: Sequence[PartEstimate],
    fields: Sequence[PartEstimate | None],
    *,
    shape: tuple[int, int],
    grey: bool,
) -> NoiseEstimate:
    """The estimate from those of the *whole*, of ranges of brightness, and of the *fields* of a map of *shape*."""
    if whole is None:
        nothing = np.zeros(shape, dtype=np.float32)
        return NoiseEstimate(0.0, 0.0, 0.0, nothing, "flat, clipped or tiny: no noise can be seen", grey=grey)
    shown = eased(whole.noisy, _CLEAN_BELOW, _NOISY_ABOVE)  # 0 for a clean image, 1 for a noisy one
    # The luma of a grey image contains the same noise three times.
    scale = shown * 3**-0.5 if grey else shown
    levels = tuple(_level_at(part, whole, scale, 0.0 if grey else shown) for part in bright)
    known = [whole.luma if part is None else _leaning(part.luma, part.luma_doubt, whole.luma) for part in fields]
    level_map = np.array([round(sigma_of(level) * scale, 2) for level in known], dtype=np.float32)
    # The estimate of all windows is that of the flattest ones, which may all be dark: the parts are more accurate.
    luma = _together([(at.luma, at.share) for at in levels], sigma_of(whole.luma) * scale)
    chroma = _together([(at.chroma, at.share) for at in levels], sigma_of(whole.chroma) * shown)
    return NoiseEstimate(
        luma=luma,
        chroma=0.0 if grey else chroma,
        kind=round(whole.kind, 2),
        level_map=level_map.reshape(shape),
        reason=_reason(luma, whole.kind, levels),
        levels=levels,
        grey=grey,
    )


def sigma_of(level: float) -> float:
    """The sigma in 8-bit units of a level as the network outputs it; never negative."""
    return math.sqrt(max(0.0, math.exp(2 * level) - FLOOR))


def eased(value: float, low: float, high: float) -> float:
    """From 0 at *low* to 1 at *high*, without a step."""
    place = min(1.0, max(0.0, (value - low) / (high - low)))
    return place * place * (3 - 2 * place)


def _together(parts: Sequence[tuple[float, float]], whole: float) -> float:
    """The sigma of all parts (sigma, share) together; that of the *whole* where there are none."""
    shares = sum(share for _, share in parts)
    power = sum(sigma * sigma * share for sigma, share in parts)
    return round(math.sqrt(power / shares) if shares else whole, 2)


def _level_at(part: PartEstimate, whole: PartEstimate, luma_scale: float, chroma_scale: float) -> LevelAt:
    luma = _leaning(part.luma, part.luma_doubt, whole.luma)
    chroma = _leaning(part.chroma, part.chroma_doubt, whole.chroma)
    return LevelAt(
        brightness=round(part.brightness, 2),
        luma=round(sigma_of(luma) * luma_scale, 2),
        chroma=round(sigma_of(chroma) * chroma_scale, 2),
        share=round(part.windows / whole.windows, 3),
    )


def _leaning(level: float, doubt: float, whole: float) -> float:
    """The level of a part, shrunk towards that of the whole by its uncertainty."""
    trust = _UNLIKE**2 / (_UNLIKE**2 + math.exp(2 * doubt))
    return whole + trust * (level - whole)


def _reason(luma: float, kind: float, levels: tuple[LevelAt, ...]) -> str:
    if luma < _SHOWS:
        return "next to no noise"
    words = "correlated noise, as cameras leave it" if kind > _CORRELATED else "white noise"
    dark, bright = (levels[0].luma, levels[-1].luma) if levels else (luma, luma)
    if max(dark, bright) > _VARIES * max(min(dark, bright), 0.1):
        words += ", stronger in the shadows" if dark > bright else ", stronger in the lights"
    return words
