"""What the automatic level makes of an estimate: what the network is told, and how much of its work is kept.

The figures behind it are in docs/estimation.md.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from denoiser.estimation.estimate import NoiseEstimate
from denoiser.networks.conditioning import MAX_SIGMA, Condition

# Sigma from which cleaning begins to be kept, and from which all of it is: below, what is taken for noise is as
# likely texture, and nobody would see the noise.
_NONE_BELOW, _ALL_ABOVE = 0.5, 1.5

# What is told of correlated noise for what was read, by luma: weak noise is under-read, since JPEG and the camera
# took it from the flat places that are read; from 8 on texture is read with it, and networks smooth too much.
_READ = (5.0, 8.0)
_TOLD_FOR_READ = (1.1, 0.95)
_WHITE_BELOW, _CORRELATED_ABOVE = 0.2, 0.4  # of the kind; white noise is told as it was read


def automatic(estimate: NoiseEstimate) -> tuple[Condition, float]:
    """What to tell a denoiser, and the share (0 to 1) of what it removes that is to stay removed.

    A share of 0 means that the picture is to be left as it is. Levels are relative to white, in 8-bit units.
    """
    factor = _told_for_read(estimate)
    luma, chroma = (min(factor * level, MAX_SIGMA) for level in (estimate.luma, estimate.chroma))
    if estimate.grey:
        # The same noise in all three channels: its luma adds up, and it has no chroma.
        luma, chroma = min(luma * 3**0.5, MAX_SIGMA), 0.0
    return Condition(luma, chroma, estimate.kind), kept_share(estimate)


def at_level(estimate: NoiseEstimate, level: float) -> Condition:
    """The condition for a *level* that a person sets: noise of the estimated kind and colour, at that level.

    At the estimated sigma it is that of automatic mode. White noise is assumed where there is hardly any noise.
    """
    known = kept_share(estimate)
    kind = known * estimate.kind
    if estimate.grey:
        return automatic(replace(estimate, luma=level, kind=kind))[0]
    luma, chroma = (1 + known * (axis / max(estimate.sigma, 0.1) - 1) for axis in (estimate.luma, estimate.chroma))
    return automatic(replace(estimate, luma=level * luma, chroma=level * chroma, kind=kind))[0]


def present_noise(estimate: NoiseEstimate, level: float | None) -> Condition:
    """The noise that can explain a change of local means: the estimate, and no more than a *level* that is set."""
    share = 1.0 if level is None else min(1.0, level / max(estimate.sigma, 0.1))
    luma, chroma = share * estimate.luma, share * estimate.chroma
    if estimate.grey:
        luma, chroma = luma * 3**0.5, 0.0
    return Condition(luma, chroma, estimate.kind)


def kept_share(estimate: NoiseEstimate) -> float:
    """From 0 for a clean picture to 1 for a noisy one, without a step."""
    place = (max(estimate.luma, estimate.chroma) - _NONE_BELOW) / (_ALL_ABOVE - _NONE_BELOW)
    place = min(1.0, max(0.0, place))
    return place * place * (3 - 2 * place)


def _told_for_read(estimate: NoiseEstimate) -> float:
    correlated = np.interp(estimate.kind, (_WHITE_BELOW, _CORRELATED_ABOVE), (0, 1))
    return float(1 + correlated * (np.interp(estimate.luma, _READ, _TOLD_FOR_READ) - 1))
