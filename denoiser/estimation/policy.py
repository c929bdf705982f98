"""The noise level for the denoiser, estimated or set, and the share of the denoising that is applied.

docs/estimation.md has the measurements.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from denoiser.estimation.estimate import NoiseEstimate, eased
from denoiser.networks.condition import MAX_SIGMA, Condition

# Sigma from which denoising begins to be applied, and from which it is applied in full. Below, texture is likely to
# be mistaken for noise, and noise is invisible.
_NONE_BELOW, _ALL_ABOVE = 0.5, 1.5

# The level that is given for correlated noise, relative to the estimate, by luma. Weak noise gets more, since JPEG
# and the camera removed it from the flat places that are measured; strong noise less, since networks smooth too
# much there.
_ESTIMATED = (5.0, 6.0, 9.0, 20.0)
_GIVEN_FOR_ESTIMATED = (1.4, 1.25, 0.95, 0.88)
_KINDS = (0.2, 0.4)  # white below, correlated above

# A level that is set counts in full up to so many times the estimate and so much more, then hardly: networks do not
# smooth more at still higher levels, and lose colour.
_FULL_TIMES, _FULL_MORE, _BEYOND = 2.0, 8.0, 0.1


def automatic(estimate: NoiseEstimate) -> tuple[Condition, float]:
    """The condition for a denoiser, and the share (0 to 1) of what it removes that stays removed.

    A share of 0 leaves the image unchanged. Levels are relative to white, in 8-bit units.
    """
    condition = _condition(estimate.luma, estimate.chroma, _given_for_estimated(estimate), grey=estimate.grey)
    return replace(condition, kind=estimate.kind), kept_share(estimate)


def at_level(estimate: NoiseEstimate, level: float) -> Condition:
    """The condition for a *level* that a person sets: noise of the estimated kind and colour, at that level.

    At the estimated sigma it is that of automatic mode. White noise is assumed where there is hardly any noise.
    """
    known = kept_share(estimate)
    level = _effective(estimate, level)
    factor = 1 + known * (_given_for_estimated(estimate) - 1)
    sigma = max(estimate.sigma, 0.1)
    luma, chroma = (level * (1 + known * (axis / sigma - 1)) for axis in (estimate.luma, estimate.chroma))
    return replace(_condition(luma, chroma, factor, grey=estimate.grey), kind=known * estimate.kind)


def _condition(luma: float, chroma: float, factor: float, *, grey: bool) -> Condition:
    if grey:  # the same noise in all three channels: its luma adds up, and it has no chroma
        return Condition(min(factor * luma * 3**0.5, MAX_SIGMA), 0.0)
    return Condition(min(factor * luma, MAX_SIGMA), min(factor * chroma, MAX_SIGMA))


def present_noise(estimate: NoiseEstimate, level: float | None) -> Condition:
    """The noise that can explain a change of local means: the estimate, and less where another *level* is set.

    The further the level is from the estimate, the less the changes of a network can be trusted.
    """
    sigma = max(estimate.sigma, 0.1)
    level = sigma if level is None else max(_effective(estimate, level), 1e-6)
    share = min(level / sigma, sigma / level)
    luma, chroma = share * estimate.luma, share * estimate.chroma
    if estimate.grey:
        luma, chroma = luma * 3**0.5, 0.0
    return Condition(luma, chroma, estimate.kind)


def _effective(estimate: NoiseEstimate, level: float) -> float:
    full = _FULL_TIMES * estimate.sigma + _FULL_MORE
    return min(level, full + _BEYOND * max(0.0, level - full))


def kept_share(estimate: NoiseEstimate) -> float:
    """From 0 for a clean image to 1 for a noisy one, without a step."""
    return eased(max(estimate.luma, estimate.chroma), _NONE_BELOW, _ALL_ABOVE)


def _given_for_estimated(estimate: NoiseEstimate) -> float:
    correlated = np.interp(estimate.kind, _KINDS, (0, 1))
    return float(1 + correlated * (np.interp(estimate.luma, _ESTIMATED, _GIVEN_FOR_ESTIMATED) - 1))
