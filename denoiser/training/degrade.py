"""Turns a batch of clean crops into training samples: noisy, target, and conditioning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from denoiser.networks.condition import MAX_SIGMA
from denoiser.networks.conditioning import luma_and_chroma_sigma, planes_of_batch
from denoiser.noise import camera, defects, simple
from denoiser.noise.dice import Dice
from denoiser.noise.jpeg import through_jpeg
from denoiser.training.recipe import NoiseShares

QUALITY_RANGE = (30, 100)
_HALF_CHROMA_SHARE = 0.6  # cameras' default; the rest keeps full chroma


def compress(images: Tensor, dice: Dice) -> Tensor:
    """*images* (B, 3, H, W) in 0..1, each compressed as JPEG of a random quality, some with half the colour.

    Runs on the device of the images: on a CPU as fast as libjpeg (benchmarks/noise_cost.py).
    """
    low, high = QUALITY_RANGE
    quality = torch.floor(dice.uniform(low, high + 1, len(images))).clamp_max(high)
    compressed = torch.empty_like(images)
    shares = (_HALF_CHROMA_SHARE, 1 - _HALF_CHROMA_SHARE)
    for half_chroma, rows in zip((True, False), dice.split(shares, len(images)), strict=True):
        if len(rows):
            compressed[rows] = through_jpeg(images[rows], quality[rows], half_chroma=half_chroma)
    return compressed


_KIND_UNKNOWN_SHARE = 0.15  # the level is given without the kind, as with a slider
_CLIPPED_SHARE = 0.5  # of the white and the shaped noise: as an 8-bit file would keep it
_JPEG_SHARE = 0.7  # of the camera noise, and of the defects on top of it and of clean images
_LEVEL_ERROR = 0.08  # relative error of the given level, like that of estimates
_WRONG_FACTOR = (0.6, 3.3)  # of the true level, where a sample is given a wrong one
_WRONG_OFFSET_SHARE = 0.4  # of these samples: something is added as well, so that clean images get a level too
_WRONG_OFFSET = 15.0  # 8-bit sigma
_CLEAN_JPEG_SHARE = 0.4  # of the clean samples
_DEFECT_RANGE = (2e-4, 3e-3)  # share of the pixels that are dead or hot; with less most crops would have none
_STRIPES_RANGE = (0.1, 0.7)  # sigma of the stripes, of that of the noise
_MORE_STRIPES_SHARE = 0.5  # of the striped samples: more is added, since clean scans have stripes too
_MORE_STRIPES = 8.0  # 8-bit sigma
_IMPULSE_RANGE = (0.005, 0.3)  # share of the pixels that are struck
_MASKED_RANGE = (0.05, 0.5)


@dataclass(frozen=True, slots=True)
class Batch:
    """A training batch: input and target (B, 3, H, W) in 0..1, planes (B, 4, 1, 1).

    The noise estimator has features (B, N), the true levels (B, 3), and no planes.
    """

    input: Tensor
    target: Tensor
    planes: Tensor


@dataclass(frozen=True, slots=True)
class _Crops:
    """Clean crops that get one kind of noise, and which of them (B,) are grey."""

    clean: Tensor
    grey: Tensor
    max_sigma: float


def degrade(clean: Tensor, shares: NoiseShares, generator: torch.Generator) -> Batch:
    """Noise of a random kind for each crop of *clean* (B, 3, H, W) in 0..1, whose order is random.

    Rows of one kind are neighbours, and kinds are ordered so that steps which several of them share take one span.
    """
    dice = Dice(generator)
    batch, device = clean.shape[0], clean.device
    clean = _grey_where(dice.uniform(0, 1, batch) < shares.grey, clean)
    grey = (clean == clean[:, :1]).flatten(1).all(dim=1)
    at = dict(zip(_KINDS, dice.spans(_shares_of_kinds(shares), batch), strict=True))
    noisy, target = torch.empty_like(clean), torch.empty_like(clean)
    levels, correlated, unknown = torch.zeros(2, batch, device=device), *torch.zeros(2, batch, device=device)
    for make, first, last in _MAKERS:
        rows = slice(at[first].start, at[last].stop)
        if rows.start < rows.stop:
            crops = _Crops(clean[rows], grey[rows], shares.max_sigma)
            noisy[rows], target[rows], levels[:, rows] = make(crops, dice)
    files, compressed = at["camera"].start, slice(at["camera, JPEG"].start, at["clean, JPEG"].stop)
    noisy[at["camera"]] = simple.as_8_bit(noisy[at["camera"]])
    if compressed.start < compressed.stop:
        noisy[compressed] = compress(noisy[compressed], dice)
        noisy[at["clean, JPEG"]] = _grey_where(grey[at["clean, JPEG"]], noisy[at["clean, JPEG"]])
    measured = slice(at["shaped"].start, compressed.stop)
    levels[:, measured] = torch.stack(luma_and_chroma_sigma(noisy[measured] - target[measured]))
    correlated[at["shaped"].start : at["camera, JPEG"].stop] = 1.0
    unknown[at["clean"].stop :] = 1.0
    _strike(noisy[: at["clean"].stop], grey, levels.mean(dim=0), files, shares, dice)
    return Batch(noisy, target, _planes(levels, correlated, unknown > 0, shares, dice))


def _strike(noisy: Tensor, grey: Tensor, level: Tensor, files: int, shares: NoiseShares, dice: Dice) -> None:
    """Add dead and hot pixels to some of *noisy* and stripes to others; those from number *files* on become files.

    *level* (B,) is the sigma of the noise below them.
    """
    plain = 1 - shares.defects - shares.stripes
    struck, striped, _ = dice.split((shares.defects, shares.stripes, plain), len(noisy))
    added = [
        add(noisy[rows], level[rows], dice)
        for rows, add in ((struck, _add_defects), (striped, _add_stripes))
        if len(rows)
    ]
    if not added:
        return
    rows = torch.cat([struck, striped])
    result = _grey_where(grey[rows], torch.cat(added))
    is_compressed = dice.uniform(0, 1, len(rows), 1, 1, 1) < _JPEG_SHARE
    as_files = torch.where(is_compressed, compress(result, dice), simple.as_8_bit(result))
    noisy[rows] = torch.where((rows >= files).reshape(-1, 1, 1, 1), as_files, result)


def _add_defects(noisy: Tensor, _level: Tensor, dice: Dice) -> Tensor:
    return defects.add_defects(noisy, dice.log_uniform(*_DEFECT_RANGE, len(noisy)), dice.generator)


def _add_stripes(noisy: Tensor, level: Tensor, dice: Dice) -> Tensor:
    more = dice.uniform(0, _MORE_STRIPES, len(level)) * (dice.uniform(0, 1, len(level)) < _MORE_STRIPES_SHARE)
    sigma = level * dice.log_uniform(*_STRIPES_RANGE, len(level)) + more
    return defects.add_stripes(noisy, sigma, dice.generator)


def _planes(levels: Tensor, correlated: Tensor, unknown: Tensor, shares: NoiseShares, dice: Dice) -> Tensor:
    batch = levels.shape[1]
    spread = torch.exp(_LEVEL_ERROR * dice.normal(batch))
    draw = dice.uniform(0, 1, batch)
    level_known = (draw >= shares.blind) & ~unknown
    kind_known = (draw >= shares.blind + _KIND_UNKNOWN_SHARE) & ~unknown
    # The level of white noise is given exactly: those who add white noise know it.
    luma, chroma = _some_wrong(levels * torch.where(correlated > 0, spread, 1.0), shares.mismatch, dice)
    return planes_of_batch(luma, chroma, correlated, level_known, kind_known).reshape(batch, -1, 1, 1)


def _some_wrong(levels: Tensor, share: float, dice: Dice) -> Tensor:
    """*levels* (2, B) with a *share* of them replaced by wrong ones, luma and chroma alike.

    The target stays the clean image. Without such samples a network moves colours where a person asks for another
    level than the true one.
    """
    if share == 0:
        return levels
    batch = levels.shape[1]
    factor = dice.log_uniform(*_WRONG_FACTOR, batch)
    offset = dice.uniform(0, _WRONG_OFFSET, batch) * (dice.uniform(0, 1, batch) < _WRONG_OFFSET_SHARE)
    wrong = (levels * factor + offset).clamp_max(MAX_SIGMA)
    return torch.where(dice.uniform(0, 1, batch) < share, wrong, levels)


def _white(crops: _Crops, dice: Dice) -> tuple[Tensor, Tensor, Tensor]:
    sigma = dice.uniform(0, crops.max_sigma, len(crops.clean))
    noisy = simple.add_white(crops.clean, sigma, dice.generator, grey=crops.grey)
    # Grey noise has luma alone: three times the variance of one channel's share, and no chroma.
    luma = torch.where(crops.grey, sigma * 3**0.5, sigma)
    chroma = torch.where(crops.grey, 0.0, sigma)
    return _some_clipped(noisy, dice), crops.clean, torch.stack([luma, chroma])


def _camera(crops: _Crops, dice: Dice) -> tuple[Tensor, Tensor, Tensor]:
    noisy, target = camera.photograph(crops.clean, dice.generator)
    return _grey_where(crops.grey, noisy), _grey_where(crops.grey, target), _no_level(crops)


def _shaped(crops: _Crops, dice: Dice) -> tuple[Tensor, Tensor, Tensor]:
    sigma = dice.uniform(0, 1, len(crops.clean)).square() * crops.max_sigma * 0.7
    noisy = _grey_where(crops.grey, simple.add_shaped(crops.clean, sigma, dice.generator))
    return _some_clipped(noisy, dice), crops.clean, _no_level(crops)


def _clean(crops: _Crops, _dice: Dice) -> tuple[Tensor, Tensor, Tensor]:
    # Saved as JPEG afterwards: the target is the photo before.
    photos = simple.as_8_bit(crops.clean)
    return photos, photos, _no_level(crops)


def _nearly_clean(crops: _Crops, dice: Dice) -> tuple[Tensor, Tensor, Tensor]:
    # Up to sigma 2, half of them 0; the target is the input: teaches to do no harm.
    sigma = dice.uniform(-2, 2, len(crops.clean)).clamp_min(0)
    noisy = simple.as_8_bit(simple.add_white(crops.clean, sigma, dice.generator, grey=crops.grey))
    return noisy, noisy, torch.stack([sigma, sigma])


def _impulse(crops: _Crops, dice: Dice) -> tuple[Tensor, Tensor, Tensor]:
    share = dice.uniform(*_IMPULSE_RANGE, len(crops.clean))
    extremes = simple.add_salt_and_pepper(crops.clean, share, dice.generator)
    values = _grey_where(crops.grey, simple.add_random_values(crops.clean, share, dice.generator))
    either = dice.uniform(0, 1, len(share), 1, 1, 1) < 0.5
    return torch.where(either, extremes, values), crops.clean, _no_level(crops)


def _masked(crops: _Crops, dice: Dice) -> tuple[Tensor, Tensor, Tensor]:
    share = dice.number(*_MASKED_RANGE)
    mask = (simple.mask_pixels, simple.mask_blocks, simple.mask_stripes)[int(dice.number(0, 2.999))]
    noisy = mask(crops.clean, share, dice.generator)
    return noisy, crops.clean, _no_level(crops)


def _no_level(crops: _Crops) -> Tensor:
    return crops.clean.new_zeros(2, len(crops.clean))  # measured afterwards, or not given


_KINDS = ("white", "shaped", "camera", "camera, JPEG", "clean, JPEG", "clean", "impulse", "masking")
# For which kinds, from the first to the last, noisy crops, targets and levels of luma and chroma (2, B) are made.
_MAKERS: tuple[tuple[Callable[[_Crops, Dice], tuple[Tensor, Tensor, Tensor]], str, str], ...] = (
    (_white, "white", "white"),
    (_shaped, "shaped", "shaped"),
    (_camera, "camera", "camera, JPEG"),
    (_clean, "clean, JPEG", "clean, JPEG"),
    (_nearly_clean, "clean", "clean"),
    (_impulse, "impulse", "impulse"),
    (_masked, "masking", "masking"),
)


def _shares_of_kinds(shares: NoiseShares) -> tuple[float, ...]:
    camera, clean = shares.camera * _JPEG_SHARE, shares.clean * _CLEAN_JPEG_SHARE
    exact = shares.white, shares.shaped, shares.camera - camera, camera, clean, shares.clean - clean
    return *exact, shares.impulse, shares.masking


def _grey_where(chosen: Tensor, images: Tensor) -> Tensor:
    return torch.where(chosen.reshape(-1, 1, 1, 1), images.mean(dim=1, keepdim=True), images)


def _some_clipped(noisy: Tensor, dice: Dice) -> Tensor:
    chosen = dice.uniform(0, 1, len(noisy), 1, 1, 1) < _CLIPPED_SHARE
    return torch.where(chosen, simple.as_8_bit(noisy), noisy)
