"""What cameras do to a photo after the colours are right: smooth colour, smooth grain, sharpen.

Noise reduction inside cameras is the rule for the JPEG files people have, and it shapes the noise more than
anything else: it leaves soft grain and large faint blotches of colour. The target is spared: the network shall get
back what the camera took away.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from denoiser.noise.dice import Dice

_REDUCED_SHARE = 0.65  # of the photos: colour is smoothed
_SOFTENED_SHARE = 0.8  # of those: grain too
_CHROMA_STRENGTH = (0.6, 1.0)  # how much of the smoothed colour is taken
_CHROMA_REACH = (1, 4)  # radius in pixels of half size
_CHROMA_FORCE = (1.5, 8.0)  # what counts as noise, in standard deviations of the noise
_LUMA_STRENGTH = (0.4, 1.0)
_LUMA_REACH = (1, 2)  # radius in pixels
_LUMA_FORCE = (1.0, 4.0)

_SHARPENED_SHARE = 0.3
_SHARPENING = (0.1, 0.8)
_SHARPENING_RADIUS = (0.6, 1.4)  # sigma of the blur that is taken away, in pixels


def finish(noisy: Tensor, target: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
    """(noisy, target) (B, 3, H, W) in 0..1 as cameras finish them: some smooth the noise, some sharpen both."""
    batch = len(noisy)
    reduced = dice.rows(_REDUCED_SHARE, batch)
    if len(reduced):
        noisy = noisy.index_copy(0, reduced, _reduce_noise(noisy[reduced], target[reduced], dice))
    sharpened = dice.rows(_SHARPENED_SHARE, batch)
    if len(sharpened):
        both = torch.cat([noisy[sharpened], target[sharpened]])
        sharp_noisy, sharp_target = _sharpen(both, dice).chunk(2)
        noisy, target = noisy.index_copy(0, sharpened, sharp_noisy), target.index_copy(0, sharpened, sharp_target)
    return noisy, target


def _reduce_noise(noisy: Tensor, target: Tensor, dice: Dice) -> Tensor:
    luma, colour = _split(noisy)
    true_luma, true_colour = _split(target)
    colour = reduce_chroma(colour, colour - true_colour, dice)
    softened = dice.rows(_SOFTENED_SHARE, len(noisy))
    if len(softened):
        grain = luma[softened]
        luma = luma.index_copy(0, softened, reduce_luma(grain, grain - true_luma[softened], dice))
    return _joined(luma, colour).clamp(0, 1)


def reduce_chroma(colour: Tensor, noise: Tensor, dice: Dice) -> Tensor:
    """*colour* differences (B, 2, H, W) smoothed at half size where they vary little beyond their *noise*."""
    batch = len(colour)
    small = functional.avg_pool2d(colour, 2, ceil_mode=True)
    strength, threshold = _settings(_CHROMA_STRENGTH, _CHROMA_FORCE, functional.avg_pool2d(noise, 2), dice)
    smooth = smooth_where_flat(small, _radius(_CHROMA_REACH, dice), threshold)
    smooth = functional.interpolate(smooth, size=colour.shape[2:], mode="bilinear", align_corners=False)
    return torch.lerp(colour, smooth, strength.reshape(batch, 1, 1, 1))


def reduce_luma(luma: Tensor, noise: Tensor, dice: Dice) -> Tensor:
    """*luma* (B, 1, H, W) smoothed where it varies little beyond its *noise*."""
    strength, threshold = _settings(_LUMA_STRENGTH, _LUMA_FORCE, noise, dice)
    smooth = smooth_where_flat(luma, _radius(_LUMA_REACH, dice), threshold)
    return torch.lerp(luma, smooth, strength.reshape(-1, 1, 1, 1))


def smooth_where_flat(planes: Tensor, radius: int, threshold: Tensor) -> Tensor:
    """Means over squares of *radius* where the variance is far under *threshold* (B, C, 1, 1); edges stay.

    He, Sun and Tang, "Guided image filtering" (2010), each plane guided by itself.
    """
    radius = min(radius, min(planes.shape[2:]) - 1)  # what the mirrored borders allow
    mean = _box(planes, radius)
    variance = (_box(planes * planes, radius) - mean * mean).clamp_min(0)
    slope = variance / (variance + threshold)
    offset = mean - slope * mean
    return _box(slope, radius) * planes + _box(offset, radius)


def _settings(
    strength_range: tuple[float, float], force_range: tuple[float, float], noise: Tensor, dice: Dice
) -> tuple[Tensor, Tensor]:
    strength = dice.uniform(*strength_range, len(noise))
    force = dice.log_uniform(*force_range, len(noise), 1, 1, 1)
    return strength, noise.square().mean(dim=(2, 3), keepdim=True) * force.square() + 1e-8


def _radius(reach: tuple[int, int], dice: Dice) -> int:
    # One for the whole batch: a window of its own for each row would be as many filters.
    return round(dice.number(reach[0] - 0.49, reach[1] + 0.49))


def _box(planes: Tensor, radius: int) -> Tensor:
    return _sums(_sums(planes, radius, 3), radius, 2) / (2 * radius + 1) ** 2


def _sums(planes: Tensor, radius: int, dim: int) -> Tensor:
    """Sums over 2 * radius + 1 neighbours along *dim*, borders mirrored; by doubling, since pooling is slow."""
    size, width = planes.shape[dim], 2 * radius + 1
    sides = (radius, radius, 0, 0) if dim == 3 else (0, 0, radius, radius)
    run, reach = functional.pad(planes, sides, mode="reflect"), 1  # sums over *reach* pixels
    total, start = run.narrow(dim, 0, size), 1  # the first pixel; the other 2 * radius follow in runs
    while start < width:
        if (width - start) & reach:
            total = total + run.narrow(dim, start, size)
            start += reach
        if start < width:
            run = run.narrow(dim, 0, run.shape[dim] - reach) + run.narrow(dim, reach, run.shape[dim] - reach)
            reach *= 2
    return total


def _split(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Luma (B, 1, H, W), the mean of the colours, and how red and blue differ from green (B, 2, H, W)."""
    return picture.mean(dim=1, keepdim=True), picture[:, 0::2] - picture[:, 1:2]


def _joined(luma: Tensor, colour: Tensor) -> Tensor:
    green = luma - colour.sum(dim=1, keepdim=True) / 3
    return torch.cat([green + colour[:, :1], green, green + colour[:, 1:]], dim=1)


def _sharpen(pictures: Tensor, dice: Dice) -> Tensor:
    # The halves of the batch are two versions of the same photos and get the same sharpening.
    photos = len(pictures) // 2
    amount = dice.uniform(*_SHARPENING, photos, 1, 1, 1).repeat(2, 1, 1, 1)
    blurred = pictures
    radius = dice.number(*_SHARPENING_RADIUS)
    for dim in (2, 3):
        blurred = _bell(blurred, radius, dim)
    return (pictures + amount * (pictures - blurred)).clamp(0, 1)


def _bell(planes: Tensor, sigma: float, dim: int) -> Tensor:
    sides = (2, 2, 0, 0) if dim == 3 else (0, 0, 2, 2)
    padded = functional.pad(planes, sides, mode="replicate")
    far, near, here = (math.exp(-0.5 * (at / sigma) ** 2) for at in (2, 1, 0))
    whole = here + 2 * near + 2 * far
    shifted = [padded.narrow(dim, k, planes.shape[dim]) for k in range(5)]
    middle = (shifted[1] + shifted[3]) * (near / whole) + shifted[2] * (here / whole)
    return middle + (shifted[0] + shifted[4]) * (far / whole)
