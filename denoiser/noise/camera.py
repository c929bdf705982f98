"""Noise as a camera leaves it: photons and electronics on a mosaic, then everything that development does to it.

    clean sRGB ─ undevelop ─► raw ─┬──────────────── demosaic ─ develop ─► target
                                   └─ mosaic + noise ─ demosaic ─ develop ─► noisy

After Brooks et al., "Unprocessing images for learned raw denoising" (CVPR 2019): the tone curve, colour matrix and
white balance are undone, the noise is added where it arises, and both sides are developed alike.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from denoiser.noise import bayer

SHOT_RANGE = (
    1e-4,
    3e-2,
)  # variance per unit of light before demosaicing: good light at ISO 800 to lifted shadows at 25600
_READ_SLOPE, _READ_OFFSET, _READ_SPREAD = 2.18, 1.20, 0.26  # log read over log shot, Brooks et al. table
_ROW_NOISE_SHARE = 0.1

# Four cameras' XYZ-free shortcuts (sRGB from camera RGB), rows sum to one; convex mixtures of them are drawn.
_MATRICES = (
    ((1.68, -0.57, -0.11), (-0.22, 1.55, -0.33), (0.02, -0.52, 1.50)),
    ((1.82, -0.72, -0.10), (-0.18, 1.46, -0.28), (0.01, -0.40, 1.39)),
    ((1.47, -0.36, -0.11), (-0.26, 1.63, -0.37), (0.05, -0.62, 1.57)),
    ((1.60, -0.45, -0.15), (-0.14, 1.38, -0.24), (0.00, -0.33, 1.33)),
)


@dataclass(frozen=True, slots=True)
class _Camera:
    """One camera and its settings for each picture of a batch."""

    to_srgb: Tensor  # (B, 3, 3)
    gains: Tensor  # (B, 3, 1, 1) white balance
    smooth: Tensor  # (B, 1, 1, 1) whether an S-shaped tone curve is applied
    pattern: Tensor  # (B,)
    malvar: Tensor  # (B, 1, 1, 1) whether the better demosaicing is used


def shoot(clean: Tensor, generator: torch.Generator, *, shot: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(noisy, target), both (B, 3, H, W) in 0..1, of clean sRGB pictures seen through random cameras.

    *shot* (B,) fixes the noise; else it is drawn log-uniformly from SHOT_RANGE.
    """
    batch, _, height, width = clean.shape
    if shot is None:
        low, high = map(math.log, SHOT_RANGE)
        shot = torch.exp(_uniform(generator, clean.device, low, high, batch))
    camera = _draw_camera(batch, generator, clean.device)
    raw = _undevelop(clean, camera)
    mask = bayer.masks(camera.pattern, height, width)
    mosaic = (raw * mask).sum(dim=1, keepdim=True)
    noisy = _expose(mosaic, shot, generator)
    both = torch.cat([noisy, mosaic])
    twice = torch.cat([mask, mask])
    smart = camera.malvar.repeat(2, 1, 1, 1)
    colours = torch.where(smart, bayer.demosaic_malvar(both, twice), bayer.demosaic_bilinear(both, twice))
    developed = [_develop(half, camera) for half in colours.chunk(2)]
    return developed[0], developed[1]


def _draw_camera(batch: int, generator: torch.Generator, device: torch.device) -> _Camera:
    shares = -torch.log(_uniform(generator, device, 1e-6, 1.0, batch, len(_MATRICES)))
    shares = shares / shares.sum(dim=1, keepdim=True)  # uniform over the mixtures
    matrices = torch.einsum("bm,mij->bij", shares, torch.tensor(_MATRICES, device=device))
    gains = torch.ones(batch, 3, device=device)
    gains[:, 0] = _uniform(generator, device, 1.5, 2.4, batch)
    gains[:, 2] = _uniform(generator, device, 1.3, 2.2, batch)
    return _Camera(
        to_srgb=matrices / matrices.sum(dim=2, keepdim=True),
        gains=gains.reshape(batch, 3, 1, 1),
        smooth=_uniform(generator, device, 0, 1, batch, 1, 1, 1) < 0.6,
        pattern=torch.randint(bayer.PATTERNS, (batch,), generator=generator, device=device),
        malvar=_uniform(generator, device, 0, 1, batch, 1, 1, 1) < 0.7,
    )


def _undevelop(srgb: Tensor, camera: _Camera) -> Tensor:
    tone = srgb.clamp(0, 1)
    # The inverse of 3x^2 - 2x^3, after Brooks et al.
    unsmoothed = 0.5 - torch.sin(torch.asin((1 - 2 * tone).clamp(-1, 1)) / 3)
    tone = torch.where(camera.smooth, unsmoothed, tone)
    linear = torch.where(tone <= 0.04045, tone / 12.92, ((tone + 0.055) / 1.055).clamp_min(0).pow(2.4))
    seen = torch.einsum("bij,bjhw->bihw", torch.linalg.inv(camera.to_srgb), linear)
    return (seen / camera.gains).clamp(0, 1)


def _develop(raw: Tensor, camera: _Camera) -> Tensor:
    balanced = (raw * camera.gains).clamp(0, 1)
    linear = torch.einsum("bij,bjhw->bihw", camera.to_srgb, balanced).clamp(0, 1)
    tone = torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear.clamp_min(1e-8).pow(1 / 2.4) - 0.055)
    return torch.where(camera.smooth, tone * tone * (3 - 2 * tone), tone)


def _expose(mosaic: Tensor, shot: Tensor, generator: torch.Generator) -> Tensor:
    batch, _, height, _ = mosaic.shape
    spread = torch.randn(batch, generator=generator, device=mosaic.device) * _READ_SPREAD
    read = torch.exp(_READ_SLOPE * torch.log(shot) + _READ_OFFSET + spread)
    variance = shot.reshape(-1, 1, 1, 1) * mosaic + read.reshape(-1, 1, 1, 1)
    noise = torch.randn(mosaic.shape, generator=generator, device=mosaic.device) * variance.sqrt()
    rows = torch.randn(batch, 1, height, 1, generator=generator, device=mosaic.device)
    has_rows = _uniform(generator, mosaic.device, 0, 1, batch, 1, 1, 1) < _ROW_NOISE_SHARE
    noise = noise + has_rows * rows * (0.3 * read.sqrt()).reshape(-1, 1, 1, 1)
    return (mosaic + noise).clamp(0, 1)  # the sensor's black and white ends


def _uniform(generator: torch.Generator, device: torch.device, low: float, high: float, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=generator, device=device) * (high - low) + low
