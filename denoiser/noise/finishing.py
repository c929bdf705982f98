"""In-camera processing after development: colour and grain smoothing, sharpening.

Noise reduction inside cameras is the rule for the JPEG files people have, and it shapes the noise more than
anything else: it leaves soft grain and large faint blotches of colour. The target goes through the very filter
that the noisy photo steered, so it is what the mean of many such photos would be: detail that the camera took
away is not asked back.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from denoiser.noise.dice import Dice

_REDUCED_SHARE = 0.75  # of the photos: colour is smoothed
_SOFTENED_SHARE = 0.85  # of those: grain too
_CHROMA_STRENGTH = (0.85, 1.15)  # how much of the smoothed colour is taken; above 1 counts as 1
_CHROMA_REACH = (2, 4)  # radius in pixels of half size
_CHROMA_FORCE = (3.0, 10.0)  # what counts as noise, in standard deviations of the noise
_LUMA_STRENGTH = (0.5, 1.1)
_LUMA_REACH = (1, 2)  # radius in pixels
_LUMA_FORCE = (1.0, 6.0)

_SHARPENED_SHARE = 0.3
_SHARPENING = (0.1, 0.8)
_SHARPENING_RADIUS = (0.6, 1.4)  # sigma of the blur that is taken away, in pixels


def finish(noisy: Tensor, target: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
    """(noisy, target) (B, 3, H, W) in 0..1 as cameras finish them: some smooth the noise, some sharpen."""
    for step, share in ((_reduce_noise, _REDUCED_SHARE), (_sharpen, _SHARPENED_SHARE)):
        rows = dice.rows(share, len(noisy))
        if len(rows):
            changed = step(noisy[rows], target[rows], dice)
            noisy, target = noisy.index_copy(0, rows, changed[0]), target.index_copy(0, rows, changed[1])
    return noisy, target


def _reduce_noise(noisy: Tensor, target: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
    luma, colour = _split(noisy)
    true_luma, true_colour = _split(target)
    colour, true_colour = reduce_chroma(colour, true_colour, dice)
    rows = dice.rows(_SOFTENED_SHARE, len(noisy))
    if len(rows):
        softer = reduce_luma(luma[rows], true_luma[rows], dice)
        luma, true_luma = luma.index_copy(0, rows, softer[0]), true_luma.index_copy(0, rows, softer[1])
    return _joined(luma, colour).clamp_(0, 1), _joined(true_luma, true_colour).clamp_(0, 1)


def reduce_chroma(colour: Tensor, true: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
    """*colour* differences (B, 2, H, W) smoothed at half size where they are flat but for noise; *true* alike."""
    both = torch.cat([colour, true])
    small_colour, small_true = functional.avg_pool2d(both, 2, ceil_mode=True).chunk(2)
    smooth = _smooth(small_colour, small_true, _CHROMA_REACH, _CHROMA_FORCE, dice)
    smooth = functional.interpolate(smooth, size=colour.shape[2:], mode="bilinear", align_corners=False)
    strength = dice.uniform(*_CHROMA_STRENGTH, len(colour), 1, 1, 1).clamp_max(1)
    return _both(both, smooth, strength)


def reduce_luma(luma: Tensor, true: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
    """*luma* (B, 1, H, W) smoothed where it is flat but for noise; *true* alike."""
    smooth = _smooth(luma, true, _LUMA_REACH, _LUMA_FORCE, dice)
    return _both(torch.cat([luma, true]), smooth, dice.uniform(*_LUMA_STRENGTH, len(luma), 1, 1, 1).clamp_max(1))


def smooth_where_flat(guide: Tensor, planes: Tensor, radius: int, threshold: Tensor) -> Tensor:
    """*planes* as means over squares of *radius* where the *guide* varies far less than *threshold*; edges stay.

    He, Sun and Tang, "Guided image filtering" (2010). *threshold* is a variance (B, C, 1, 1). The strength of the
    smoothing follows from the guide alone, so that for each guide it is a linear filter.
    """
    radius = min(radius, min(guide.shape[2:]) - 1)  # what the mirrored borders allow
    mean = _box(guide, radius)
    variance = (_box(guide * guide, radius) - mean * mean).clamp_min_(0)
    slope = variance / (variance + threshold)
    offset = mean if planes is guide else _box(planes, radius)
    return _box(slope, radius) * planes + _box((1 - slope) * offset, radius)


def _smooth(
    noisy: Tensor, true: Tensor, reach: tuple[int, int], force_range: tuple[float, float], dice: Dice
) -> Tensor:
    """Both, one after the other in the batch, smoothed as the noisy ones ask for."""
    force = dice.log_uniform(*force_range, len(noisy), 1, 1, 1)
    threshold = (noisy - true).square().mean(dim=(2, 3), keepdim=True) * force.square() + 1e-8
    # One radius for the whole batch: a window of its own for each row would be as many filters.
    radius = round(dice.number(reach[0] - 0.49, reach[1] + 0.49))
    return torch.cat([smooth_where_flat(noisy, planes, radius, threshold) for planes in (noisy, true)])


def _both(before: Tensor, after: Tensor, strength: Tensor) -> tuple[Tensor, Tensor]:
    noisy, true = torch.lerp(before, after, strength.repeat(2, 1, 1, 1)).chunk(2)
    return noisy, true


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


def _sharpen(noisy: Tensor, target: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
    amount = dice.uniform(*_SHARPENING, len(noisy), 1, 1, 1)
    radius = dice.number(*_SHARPENING_RADIUS)
    pictures = torch.cat([noisy, target])
    blurred = _bell(_bell(pictures, radius, 2), radius, 3)
    sharper = pictures + amount.repeat(2, 1, 1, 1) * (pictures - blurred)
    noisy, target = sharper.clamp_(0, 1).chunk(2)
    return noisy, target


def _bell(planes: Tensor, sigma: float, dim: int) -> Tensor:
    sides = (2, 2, 0, 0) if dim == 3 else (0, 0, 2, 2)
    padded = functional.pad(planes, sides, mode="replicate")
    far, near, here = (math.exp(-0.5 * (at / sigma) ** 2) for at in (2, 1, 0))
    whole = here + 2 * near + 2 * far
    shifted = [padded.narrow(dim, k, planes.shape[dim]) for k in range(5)]
    middle = (shifted[1] + shifted[3]) * (near / whole) + shifted[2] * (here / whole)
    return middle + (shifted[0] + shifted[4]) * (far / whole)
