"""Camera noise: shot and read noise on a Bayer mosaic, then raw development.

    clean sRGB ─ undevelop ─► raw ─┬───────────────── demosaic ─ develop ────────────── sharpen ─ resize ─► target
                                   └─ mosaic, noise ─ demosaic ─ develop ─ smooth noise ─ sharpen ─ resize ─► noisy

After Brooks et al., "Unprocessing images for learned raw denoising" (CVPR 2019): the tone curve, colour matrix and
white balance are undone, the noise is added where it arises, and both sides are developed alike.
docs/noise.md compares what comes out with real photos.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from denoiser.noise import bayer
from denoiser.noise.development import develop, draw_development, undevelop
from denoiser.noise.dice import Dice
from denoiser.noise.finishing import finish
from denoiser.noise.sensor import draw_read, draw_shot, expose

_DEMOSAIC_SHARES = (0.3, 0.4, 0.3)  # bilinear, Malvar, edge-directed
_RESIZED_SHARE = 0.3
_RESIZE_RANGE = (0.5, 1.0)  # the size of the final picture over the camera's


def shoot(clean: Tensor, generator: torch.Generator, *, shot: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(noisy, target), both (B, 3, H, W) in 0..1, of clean sRGB pictures as raw files of random cameras give them.

    Neither is finished: no noise reduction, sharpening or resizing. *shot* (B,) fixes the noise; else it is drawn.
    """
    dice = Dice(generator)
    return _shoot(clean, draw_shot(len(clean), dice) if shot is None else shot, dice)


def photograph(clean: Tensor, generator: torch.Generator, *, shot: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """(noisy, target) like `shoot`, finished as cameras and people do: noise reduction, sharpening, resizing."""
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


def _resized(pictures: Tensor, size: list[int]) -> Tensor:
    smaller = size[0] < pictures.shape[2]
    return functional.interpolate(
        pictures, size=size, mode="bicubic", align_corners=False, antialias=smaller
    ).clamp(0, 1)
