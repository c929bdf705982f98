"""Camera noise: shot and read noise on a Bayer mosaic, then raw development.

    clean sRGB ─ undevelop ─► raw ─┬───────────────── demosaic ─ develop ────────────── sharpen ─ resize ─► target
                                   └─ mosaic, noise ─ demosaic ─ develop ─ smooth noise ─ sharpen ─ resize ─► noisy

After Brooks et al., "Unprocessing images for learned raw denoising" (CVPR 2019): the tone curve, colour matrix and
white balance are undone, the noise is added where it arises, and both sides are developed alike.
docs/noise.md compares the result with real photos.

The variance of a raw value x in 0..1, before demosaicing, is shot * x + read. Their ranges cover
published values of cameras from ISO 1600 to 25600, photos lifted by up to three stops, and phones.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from denoiser.noise import bayer
from denoiser.noise.development import develop, draw_development, finish, undevelop
from denoiser.noise.dice import Dice

SHOT_RANGE = (4e-5, 3e-2)  # from the best cameras at ISO 1600 to phones, and shadows lifted by three stops at 25600

# Most draws follow system cameras by ISO, the others are spread over a range that phones reach too.
_BY_ISO_SHARE = 0.6
_ANYWHERE = (1e-4, 3e-2)
_ISO_RANGE = (1600.0, 25600.0)
_SHOT_AT_1600 = 7.4e-5  # median; before demosaicing, which halves the variance
_SHOT_PER_ISO = 0.9  # the exponent: larger pixels come with higher sensitivities
_SHOT_SPREAD = 0.75  # of the logarithm, between cameras at one sensitivity
_LIFTED_SHARE = 0.4
_LIFT_RANGE = (1.0, 8.0)  # up to three stops

# Logarithm of read over that of shot: slope, offset, spread. Brooks et al. (2019) fitted phones; system cameras in
# published profiles follow a flatter law and differ more.
_PHONE_READ = (2.18, 1.20, 0.26)
_SYSTEM_READ = (1.26, -2.7, 1.0)

_ROW_NOISE_SHARE = 0.1
_ROW_NOISE = (0.1, 0.6)  # in standard deviations of the read noise
_BITS_RANGE = (10, 14)


def draw_shot(count: int, dice: Dice) -> Tensor:
    """Random shot noise for *count* images (count,), within SHOT_RANGE."""
    iso = dice.log_uniform(*_ISO_RANGE, count)
    by_iso = _SHOT_AT_1600 * (iso / _ISO_RANGE[0]).pow(_SHOT_PER_ISO) * torch.exp(_SHOT_SPREAD * dice.normal(count))
    lifted = dice.uniform(0, 1, count) < _LIFTED_SHARE
    by_iso = by_iso * torch.where(lifted, dice.log_uniform(*_LIFT_RANGE, count), 1.0)
    anywhere = dice.log_uniform(*_ANYWHERE, count)
    return torch.where(dice.uniform(0, 1, count) < _BY_ISO_SHARE, by_iso, anywhere).clamp(*SHOT_RANGE)


def draw_read(shot: Tensor, dice: Dice) -> Tensor:
    """Random read noise for images of that *shot* noise (B,)."""
    phone = dice.uniform(0, 1, len(shot)) < 0.5
    slope, offset, spread = (
        torch.where(phone, ours, theirs) for ours, theirs in zip(_PHONE_READ, _SYSTEM_READ, strict=True)
    )
    return torch.exp(slope * shot.log() + offset + spread * dice.normal(len(shot)))


def expose(mosaic: Tensor, shot: Tensor, read: Tensor, dice: Dice) -> Tensor:
    """*mosaic* (B, 1, H, W) of light in 0..1 with sensor noise, clipped and quantised."""
    batch, _, height, width = mosaic.shape
    variance = shot.reshape(-1, 1, 1, 1) * mosaic + read.reshape(-1, 1, 1, 1)
    noise = dice.normal(batch, 1, height, width) * variance.sqrt()
    has_rows = dice.uniform(0, 1, batch) < _ROW_NOISE_SHARE
    drift = has_rows * dice.uniform(*_ROW_NOISE, batch) * read.sqrt()
    noise = noise + drift.reshape(-1, 1, 1, 1) * dice.normal(batch, 1, height, 1)
    low, high = _BITS_RANGE
    bits = torch.floor(dice.uniform(low, high + 1, batch, 1, 1, 1)).clamp_max(high)
    top = torch.exp2(bits) - 1
    return (mosaic + noise).clamp(0, 1).mul(top).round().div(top)


_DEMOSAIC_SHARES = (0.3, 0.4, 0.3)  # bilinear, Malvar, edge-directed
_RESIZED_SHARE = 0.3
_RESIZE_RANGE = (0.5, 1.0)  # the size of the final image over that of the camera


def shoot(clean: Tensor, generator: torch.Generator, *, shot: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(noisy, target), both (B, 3, H, W) in 0..1, of clean sRGB images, developed from raw files of random cameras.

    Neither is finished: no noise reduction, sharpening or resizing. *shot* (B,) fixes the noise; else it is drawn.
    """
    dice = Dice(generator)
    return _shoot(clean, draw_shot(len(clean), dice) if shot is None else shot, dice)


def photograph(clean: Tensor, generator: torch.Generator, *, shot: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(noisy, target) like `shoot`, finished as usual: noise reduction, sharpening, resizing."""
    dice = Dice(generator)
    batch = len(clean)
    shot = draw_shot(batch, dice) if shot is None else shot
    noisy, target = torch.empty_like(clean), torch.empty_like(clean)
    resized, as_it_is = dice.split((_RESIZED_SHARE, 1 - _RESIZED_SHARE), batch)
    scale = dice.number(*_RESIZE_RANGE)  # one for all: rows of different sizes would be batches of their own
    for rows, factor in ((as_it_is, 1.0), (resized, scale)):
        if len(rows):
            noisy[rows], target[rows] = _finished(clean[rows], shot[rows], factor, dice)
    return noisy, target


def _finished(clean: Tensor, shot: Tensor, scale: float, dice: Dice) -> tuple[Tensor, Tensor]:
    size = clean.shape[2:]
    if scale != 1:
        # The camera saw more pixels; enlarging the photo for it keeps the size of the crop.
        clean = _resized(clean, [max(bayer.SMALLEST_SIDE, round(side / scale)) for side in size])
    noisy, target = finish(*_shoot(clean, shot, dice), dice)
    if scale != 1:
        noisy, target = _resized(torch.cat([noisy, target]), list(size)).chunk(2)
    return noisy, target


def _shoot(clean: Tensor, shot: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
    batch, _, height, width = clean.shape
    settings = draw_development(batch, dice)
    raw = undevelop(clean, settings)
    pattern = torch.floor(dice.uniform(0, bayer.PATTERNS, batch)).clamp_max(bayer.PATTERNS - 1).long()
    mask = bayer.masks(pattern, height, width)
    mosaic = (raw * mask).sum(dim=1, keepdim=True)
    noisy = expose(mosaic, shot, draw_read(shot, dice), dice)
    seen, true = torch.empty_like(clean), torch.empty_like(clean)
    for demosaic, rows in zip(bayer.DEMOSAICS, dice.split(_DEMOSAIC_SHARES, batch), strict=True):
        if len(rows):
            both = demosaic(torch.cat([noisy[rows], mosaic[rows]]), mask[rows].repeat(2, 1, 1, 1))
            seen[rows], true[rows] = both.chunk(2)
    return develop(seen, settings), develop(true, settings)


def _resized(images: Tensor, size: list[int]) -> Tensor:
    smaller = size[0] < images.shape[2]
    resized = functional.interpolate(images, size=size, mode="bicubic", align_corners=False, antialias=smaller)
    return resized.clamp(0, 1)
