"""The network that estimates the noise of an image or of a part of it.

    blocks (N, 3, 64, 64) in 0..1
      rotate to luma and two chromas, in 8-bit units
      halve, halve again ─► cosine transform of 8×8 windows at each of the three scales
      energy in bands of frequency, its logarithm ─► Energies
    any choice of windows, such as the whole image or its dark parts
      quantiles of each band, and the means over the flattest windows
      JPEG's quantisation, where its tables are known; how visible JPEG's blocks are
        ─► 3 layers ─► EstimatorOutput

Even the flattest windows have noise, so windows are ranked before they are averaged; the distribution of energy
over the bands separates the grain of cameras and JPEG from texture and from white noise. Below 1 kMAC per pixel.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from denoiser.networks.conditioning import AXES

ARCHITECTURE = "noise-reader-2"
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
_HIDDEN = 96
_EDGE = 6.0  # 8-bit steps: steeper edges belong to the image
_LEAST_EDGE = 0.03  # added before the logarithm: about what noise leaves


@dataclass(frozen=True, slots=True)
class Energies:
    """The windows at one scale, block by block: logarithms of energy, and which can be used."""

    bands: Tensor  # (N, windows, bands of luma and then of chroma)
    brightness: Tensor  # (N, windows) 0 to 1
    usable: Tensor  # (N, windows) False where clipped, of one colour, or unseen


@dataclass(frozen=True, slots=True)
class EstimatorOutput:
    """The output for some choices of windows, (B,) each. Levels and doubts are natural logarithms."""

    luma: Tensor
    chroma: Tensor
    luma_doubt: Tensor
    chroma_doubt: Tensor
    kind: Tensor  # a logit: above 0 is correlated
    noisy: Tensor  # a logit: above 0 there is visible noise; levels hold if there is


class NoiseEstimator(nn.Module):
    """Three layers that map the summary of some windows to an estimate."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("spread", torch.ones(FEATURES))
        self.layers = nn.Sequential(
            nn.Linear(FEATURES, _HIDDEN), nn.SiLU(), nn.Linear(_HIDDEN, _HIDDEN), nn.SiLU(), nn.Linear(_HIDDEN, 6)
        )

    def kernels_of_the_body(self, _name: str) -> bool:
        """No parameter is trained with Muon, which overfits here."""
        return False

    def forward(self, features: Tensor) -> EstimatorOutput:
        x = (features - self.get_buffer("mean")) / self.get_buffer("spread")
        # Values that no training image showed are limited.
        luma, chroma, luma_doubt, chroma_doubt, kind, noisy = self.layers(x.clamp(-5, 5)).unbind(dim=-1)
        return EstimatorOutput(luma, chroma, luma_doubt.clamp(-4, 2), chroma_doubt.clamp(-4, 2), kind, noisy)


def energies_of(blocks: Tensor, seen: Tensor) -> tuple[Energies, ...]:
    """The energies of *blocks* (N, 3, S, S) in 0..1 for each scale; only pixels that are *seen* (N, S, S) count."""
    planes = along_axes(blocks) * 255
    grey = blocks.mean(dim=1, keepdim=True)
    # A value at either end of the range was clipped; a window that is half clipped or unseen is not used.
    lost = ((blocks <= 0) | (blocks >= 1)).float().mean(dim=1, keepdim=True).maximum(1 - seen.float().unsqueeze(1))
    out = []
    for scale, step, edges in zip(SCALES, _STEPS, _BANDS, strict=True):
        if scale > 1:
            planes, grey, lost = (functional.avg_pool2d(each, 2) for each in (planes, grey, lost))
        out.append(_energies(planes, grey, lost, scale, step, edges))
    return tuple(out)


def _energies(
    planes: Tensor, grey: Tensor, lost: Tensor, scale: int, step: int, edges: tuple[float, ...]
) -> Energies:
    count, _, height, width = planes.shape
    waves, radius = _cosines()
    filtered = functional.conv2d(planes.reshape(count * 3, 1, height, width), waves, stride=step)
    power = filtered.square().reshape(count, 3, WINDOW * WINDOW, -1)
    inside = [(radius >= low) & (radius < high) for low, high in itertools.pairwise(edges)]
    bands = torch.stack([power[:, :, band].mean(dim=2) for band in inside], dim=-1)  # (N, 3, windows, bands)
    bands = bands * scale**2  # the mean of scale x scale values of white noise has that much less energy
    both = torch.cat([bands[:, 0], bands[:, 1:].mean(dim=1)], dim=-1)
    brightness = functional.avg_pool2d(grey, WINDOW, stride=step).flatten(1)
    hidden = functional.avg_pool2d(lost, WINDOW, stride=step).flatten(1)
    # Of one colour: drawn, overexposed, or behind a mask. Camera images are never that even.
    even = both.sum(dim=-1) < 1e-6
    return Energies((both + FLOOR).log() / 2, brightness, (hidden < 0.5) & ~even)


@dataclass(frozen=True, slots=True)
class Quantisation:
    """How JPEG quantised an image: 64 steps for luma and for chroma, row by row, and whether colour is halved."""

    luma: Tensor
    chroma: Tensor
    half_chroma: bool


def compression(quantisation: Quantisation | None, blockiness: float) -> Tensor:
    """The features of JPEG compression; None if it is unknown or the image was never a JPEG.

    Each band has the error that rounding to its steps leaves, in the units of `Energies`.
    """
    steps = torch.zeros(_COMPRESSION)
    if quantisation is not None:
        _, radius = _cosines()
        inside = [(radius >= low) & (radius < high) for low, high in itertools.pairwise(_BANDS[0])]
        tables = quantisation.luma.float(), quantisation.chroma.float()
        errors = torch.stack([table[band].square().mean() / 12 for table in tables for band in inside])
        steps = torch.cat([(errors + FLOOR).log() / 2, torch.tensor([1.0, float(quantisation.half_chroma), 0.0])])
    steps[-1] = blockiness
    return steps


def blockiness(blocks: Tensor, seen: Tensor) -> float:
    """The visibility of JPEG's blocks: how much larger steps between pixels are at one column or row in eight.

    All *blocks* (N, 3, S, S) in 0..1 must begin at the same offset from JPEG's grid.
    """
    grey = blocks.mean(dim=1) * 255
    found = 0.0
    for plane, known in ((grey, seen), (grey.transpose(1, 2), seen.transpose(1, 2))):
        steps = plane.diff(dim=2).abs()
        # What an edge between blocks adds to the steps around it.
        excess = (steps[..., 1:-1] - (steps[..., :-2] + steps[..., 2:]) / 2).clamp(-_EDGE, _EDGE)
        columns = (excess * known[..., 1:-2]).double().mean(dim=(0, 1))
        places = torch.stack([columns[place::WINDOW].mean() for place in range(WINDOW)])
        found += float(places.max() - places.median())
    return math.log(found + _LEAST_EDGE)


def summary(energies: tuple[Energies, ...], chosen: tuple[Tensor, ...], compressed: Tensor) -> Tensor:
    """The features (FEATURES,) of the windows that are *chosen* at each scale; at least one at the first.

    *compressed* is the `compression` of the whole image.
    """
    parts: list[Tensor] = []
    for scale, choice in zip(energies, chosen, strict=True):
        bands = scale.bands[choice]
        half = bands.shape[-1] // 2
        if not len(bands):  # too small or too clipped for this scale: use the finer one, which has more bands
            luma, chroma = parts[-1].chunk(2, dim=1)
            parts.append(torch.cat([luma[:, :half], chroma[:, :half]], dim=1))
            continue
        ordered = bands.sort(dim=0).values
        marks = [ordered[round(q * (len(bands) - 1))] for q in _QUANTILES]
        flattest = bands[:, :2].sum(dim=1).add(bands[:, half]).argsort(stable=True)
        for low, high in _RANKS:
            first = min(round(low * len(bands)), len(bands) - 1)
            group = flattest[first : max(first + 1, round(high * len(bands)))]
            marks.append(bands[group].mean(dim=0))
        parts.append(torch.stack(marks))
    bright = energies[0].brightness[chosen[0]]
    count = math.log(1 + len(bright))
    whole = torch.stack([bright.mean(), bright.std(correction=0), torch.tensor(count, dtype=bright.dtype)])
    return torch.cat([*(part.flatten() for part in parts), whole, compressed])


def along_axes(image: Tensor) -> Tensor:
    """RGB (B, 3, H, W) to luma and two chromas of the same shape and scale."""
    axes = torch.tensor(AXES, dtype=image.dtype, device=image.device)
    return torch.einsum("ij,bjhw->bihw", axes, image)


def level_of(sigma: Tensor) -> Tensor:
    """The level, as the network outputs it, for *sigma* in 8-bit units."""
    return (sigma.square() + FLOOR).log() / 2


def sigma_of(level: Tensor) -> Tensor:
    """The sigma in 8-bit units of a level; never negative."""
    return (torch.exp(2 * level) - FLOOR).clamp_min(0).sqrt()


def _cosines() -> tuple[Tensor, Tensor]:
    """The waves (64, 1, 8, 8) of the orthonormal cosine transform, and how far each lies from zero frequency."""
    at = torch.arange(WINDOW, dtype=torch.float64)
    lines = torch.cos(math.pi / WINDOW * (at + 0.5) * at.unsqueeze(1)) * math.sqrt(2 / WINDOW)
    lines[0] /= math.sqrt(2)
    waves = torch.einsum("ux,vy->uvxy", lines, lines).reshape(WINDOW * WINDOW, 1, WINDOW, WINDOW)
    radius = torch.hypot(*torch.meshgrid(at, at, indexing="ij")).flatten()
    return waves.float(), radius
