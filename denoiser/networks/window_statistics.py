"""The features of the noise estimator: statistics of the windows of an image. Needs no torch.

    blocks (N, 64, 64, 3) in 0..1
      rotate to luma and two chromas, in 8-bit units
      halve, halve again ─► cosine transform of 8×8 windows at each of the three scales
      energy in bands of frequency, its logarithm ─► Energies
    any choice of windows, such as the whole image or its dark parts
      quantiles of each band, and the means over the flattest windows
      JPEG's quantisation, where its tables are known; how visible JPEG's blocks are ─► features

Even the flattest windows have noise, so windows are ranked before they are averaged; the distribution of energy
over the bands separates the grain of cameras and JPEG from texture and from white noise.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from denoiser.networks.condition import AXES

WINDOW = 8
SCALES = (1, 2, 4)
_STEPS = (8, 4, 4)  # from window to window; at full scale they need not overlap to be many
FLOOR = 0.1  # added to variances before the logarithm: below sigma 0.3, 8-bit levels are indistinguishable
# Distances from zero frequency between which a band lies; finer for what may be grain, at full scale.
_BANDS = ((1.0, 2.5, 4.0, 6.0, 8.0, 10.0), (1.0, 2.5, 4.0, 6.0, 10.0), (1.0, 2.5, 4.0, 6.0, 10.0))
_QUANTILES = (0.02, 0.08, 0.25, 0.5)
_RANKS = ((0.0, 0.04), (0.04, 0.15), (0.15, 0.5))  # groups of windows from the flattest on
_COMPRESSION = 2 * (len(_BANDS[0]) - 1) + 3
FEATURES = 2 * 13 * (len(_QUANTILES) + len(_RANKS)) + 3 + _COMPRESSION
_EDGE = 6.0  # 8-bit steps: steeper edges belong to the image
_LEAST_EDGE = 0.03  # added before the logarithm: about what noise leaves

Values = NDArray[np.float32]
Choice = tuple[NDArray[np.bool_], ...]  # which windows, at each scale


@dataclass(frozen=True, slots=True, eq=False)
class Energies:
    """The windows at one scale, block by block: logarithms of energy, and which can be used."""

    bands: Values  # (N, windows, bands of luma and then of chroma)
    brightness: Values  # (N, windows) 0 to 1
    usable: NDArray[np.bool_]  # (N, windows) False where clipped, of one colour, or unseen


def energies_of(blocks: Values, seen: NDArray[np.bool_]) -> tuple[Energies, ...]:
    """The energies of *blocks* (N, S, S, 3) in 0..1 for each scale; only pixels that are *seen* (N, S, S) count."""
    planes = np.moveaxis(blocks, 3, 1)
    axes = np.einsum("ij,bjhw->bihw", np.array(AXES, np.float32), planes) * np.float32(255)
    grey = planes.mean(axis=1)
    # A value at either end of the range was clipped; a window that is half clipped or unseen is not used.
    clipped = ((planes <= 0) | (planes >= 1)).mean(axis=1, dtype=np.float32)
    lost = np.maximum(clipped, np.where(seen, np.float32(0), np.float32(1)))
    out = []
    for scale, step, edges in zip(SCALES, _STEPS, _BANDS, strict=True):
        if scale > 1:
            axes, grey, lost = (_halved(each) for each in (axes, grey, lost))
        out.append(_energies(axes, grey, lost, scale, step, edges))
    return tuple(out)


def _halved(values: Values) -> Values:
    *rest, height, width = values.shape
    halved: Values = values.reshape(*rest, height // 2, 2, width // 2, 2).mean(axis=(-3, -1))
    return halved


def _windows(values: Values, step: int) -> Values:
    """(…, H, W) to (…, windows, 64)."""
    found = sliding_window_view(values, (WINDOW, WINDOW), axis=(-2, -1))[..., ::step, ::step, :, :]
    return found.reshape(*values.shape[:-2], -1, WINDOW * WINDOW)


def _energies(
    planes: Values, grey: Values, lost: Values, scale: int, step: int, edges: tuple[float, ...]
) -> Energies:
    waves, radius = _cosines()
    power = np.square(_windows(planes, step) @ waves.T)
    inside = [(radius >= low) & (radius < high) for low, high in itertools.pairwise(edges)]
    bands = np.stack([power[..., band].mean(axis=-1) for band in inside], axis=-1)  # (N, 3, windows, bands)
    bands *= np.float32(scale**2)  # the mean of scale x scale values of white noise has that much less energy
    both: Values = np.concatenate([bands[:, 0], bands[:, 1:].mean(axis=1)], axis=-1)
    brightness: Values = _windows(grey, step).mean(axis=-1)
    hidden: Values = _windows(lost, step).mean(axis=-1)
    # Of one colour: drawn, overexposed, or behind a mask. Camera images are never that even.
    even = both.sum(axis=-1) < 1e-6
    logs: Values = np.log(both + np.float32(FLOOR)) / np.float32(2)
    return Energies(logs, brightness, (hidden < 0.5) & ~even)


@dataclass(frozen=True, slots=True, eq=False)
class Quantisation:
    """How JPEG quantised an image: 64 steps for luma and for chroma, row by row, and whether colour is halved."""

    luma: NDArray[np.float64]
    chroma: NDArray[np.float64]
    half_chroma: bool


def compression(quantisation: Quantisation | None, blockiness: float) -> Values:
    """The features of JPEG compression; None if it is unknown or the image was never a JPEG.

    Each band has the error that rounding to its steps leaves, in the units of `Energies`.
    """
    features = np.zeros(_COMPRESSION, np.float32)
    if quantisation is not None:
        _, radius = _cosines()
        inside = [(radius >= low) & (radius < high) for low, high in itertools.pairwise(_BANDS[0])]
        tables = quantisation.luma, quantisation.chroma
        errors = np.array([np.square(table[band]).mean() / 12 for table in tables for band in inside])
        features[:-3] = np.log(errors + FLOOR) / 2
        features[-3:-1] = 1.0, float(quantisation.half_chroma)
    features[-1] = blockiness
    return features


def blockiness(blocks: Values, seen: NDArray[np.bool_]) -> float:
    """The visibility of JPEG's blocks: how much larger steps between pixels are at one column or row in eight.

    All *blocks* (N, S, S, 3) in 0..1 must begin at the same offset from JPEG's grid.
    """
    grey = blocks.mean(axis=3) * np.float32(255)
    found = 0.0
    for plane, known in ((grey, seen), (grey.swapaxes(1, 2), seen.swapaxes(1, 2))):
        steps = np.abs(np.diff(plane, axis=2))
        # What an edge between blocks adds to the steps around it.
        excess = np.clip(steps[..., 1:-1] - (steps[..., :-2] + steps[..., 2:]) / 2, -_EDGE, _EDGE)
        columns = (excess * known[..., 1:-2]).mean(axis=(0, 1), dtype=np.float64)
        places = sorted(columns[place::WINDOW].mean() for place in range(WINDOW))
        found += places[-1] - places[(WINDOW - 1) // 2]
    return math.log(found + _LEAST_EDGE)


def summary(energies: tuple[Energies, ...], chosen: Choice, compressed: Values) -> Values:
    """The features (FEATURES,) of the windows that are *chosen* at each scale; at least one at the first.

    *compressed* is the `compression` of the whole image.
    """
    parts: list[Values] = []
    for scale, choice in zip(energies, chosen, strict=True):
        bands = scale.bands[choice]
        half = bands.shape[-1] // 2
        if not len(bands):  # too small or too clipped for this scale: use the finer one, which has more bands
            luma, chroma = np.split(parts[-1], 2, axis=1)
            parts.append(np.concatenate([luma[:, :half], chroma[:, :half]], axis=1))
            continue
        ordered = np.sort(bands, axis=0)
        marks = [ordered[round(q * (len(bands) - 1))] for q in _QUANTILES]
        flattest = np.argsort(bands[:, 0] + bands[:, 1] + bands[:, half], kind="stable")
        for low, high in _RANKS:
            first = min(round(low * len(bands)), len(bands) - 1)
            group = flattest[first : max(first + 1, round(high * len(bands)))]
            marks.append(bands[group].mean(axis=0))
        parts.append(np.stack(marks))
    bright = energies[0].brightness[chosen[0]]
    whole = np.array([bright.mean(), bright.std(), math.log(1 + len(bright))], np.float32)
    return np.concatenate([*(part.ravel() for part in parts), whole, compressed])


@cache
def _cosines() -> tuple[Values, NDArray[np.float64]]:
    """The waves (64, 64) of the orthonormal cosine transform, and how far each lies from zero frequency."""
    at = np.arange(WINDOW)
    lines = np.cos(math.pi / WINDOW * (at + 0.5) * at[:, np.newaxis]) * math.sqrt(2 / WINDOW)
    lines[0] /= math.sqrt(2)
    waves = np.einsum("ux,vy->uvxy", lines, lines).reshape(WINDOW * WINDOW, WINDOW * WINDOW)
    radius = np.hypot(at[:, np.newaxis], at).ravel()
    return waves.astype(np.float32), radius
