"""Raw development and its inverse: white balance, colour matrix, tone curve.

raw ─ gains ─ matrix ─ sRGB curve ─ S-curve (some) ─► image

In-camera processing follows: colour and grain smoothing, sharpening. Most JPEG files have had noise reduction in
the camera, and it shapes the noise most: it leaves soft grain and large faint blotches of colour. The
target goes through the same filter, steered by the noisy photo, so it is the mean of many such photos: detail that
the camera removed is not part of it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn import functional

from denoiser.noise.dice import Dice

# sRGB from white-balanced camera colours, as cameras of four makers have them; rows sum to one. Mixtures are drawn.
_MATRICES = (
    ((1.68, -0.57, -0.11), (-0.22, 1.55, -0.33), (0.02, -0.52, 1.50)),
    ((1.82, -0.72, -0.10), (-0.18, 1.46, -0.28), (0.01, -0.40, 1.39)),
    ((1.47, -0.36, -0.11), (-0.26, 1.63, -0.37), (0.05, -0.62, 1.57)),
    ((1.60, -0.45, -0.15), (-0.14, 1.38, -0.24), (0.00, -0.33, 1.33)),
)
_RED_GAIN, _BLUE_GAIN = (1.5, 2.4), (1.3, 2.2)
_S_CURVE_SHARE = 0.6


@dataclass(frozen=True, slots=True)
class Development:
    """The settings for each image of a batch."""

    to_srgb: Tensor  # (B, 3, 3)
    gains: Tensor  # (B, 3, 1, 1) white balance
    s_curve: Tensor  # (B, 1, 1, 1) whether the contrast is raised, as cameras do


def draw_development(batch: int, dice: Dice) -> Development:
    """Random settings for *batch* images."""
    shares = -torch.log(dice.uniform(1e-6, 1.0, batch, len(_MATRICES)))
    shares = shares / shares.sum(dim=1, keepdim=True)  # uniform over the mixtures
    matrices = torch.einsum("bm,mij->bij", shares, _matrices(dice.device))
    gains = [
        dice.uniform(*_RED_GAIN, batch),
        torch.ones(batch, device=dice.device),
        dice.uniform(*_BLUE_GAIN, batch),
    ]
    return Development(
        to_srgb=matrices / matrices.sum(dim=2, keepdim=True),
        gains=torch.stack(gains, dim=1).reshape(batch, 3, 1, 1),
        s_curve=dice.uniform(0, 1, batch, 1, 1, 1) < _S_CURVE_SHARE,
    )


@cache
def _matrices(device: torch.device) -> Tensor:
    return torch.tensor(_MATRICES, device=device)  # kept there: copying makes the host wait


def undevelop(image: Tensor, settings: Development) -> Tensor:
    """The raw colours (B, 3, H, W) in 0..1 that *settings* develop to *image*."""
    tone = image.clamp(0, 1)
    # The inverse of 3x^2 - 2x^3, after Brooks et al.
    flat = torch.asin(1 - 2 * tone).div_(-3).sin_().add_(0.5)
    linear = _light_of_srgb(torch.where(settings.s_curve, flat, tone))
    return _mixed(_inverse(settings.to_srgb), linear).div_(settings.gains).clamp_(0, 1)


def develop(raw: Tensor, settings: Development) -> Tensor:
    """The image (B, 3, H, W) in 0..1 of *raw* colours."""
    balanced = (raw * settings.gains).clamp_(0, 1)
    tone = _srgb_of_light(_mixed(settings.to_srgb, balanced).clamp_(0, 1)).clamp_(0, 1)
    return torch.where(settings.s_curve, tone * tone * (3 - 2 * tone), tone)


def _inverse(matrices: Tensor) -> Tensor:
    """Inverse 3x3 *matrices* (B, 3, 3) by their cofactors: a few kernels, and the host does not wait."""
    cofactors = torch.linalg.cross(matrices.roll(-1, 1), matrices.roll(-2, 1))
    inverse: Tensor = cofactors.mT / (matrices[:, :1] * cofactors[:, :1]).sum(dim=2, keepdim=True)
    return inverse


def _mixed(matrices: Tensor, colours: Tensor) -> Tensor:
    return torch.bmm(matrices, colours.flatten(2)).reshape(colours.shape)


# Both curves are a power above a knee and a line below it, written as a sum without a choice for each pixel.


def _light_of_srgb(tone: Tensor) -> Tensor:
    curve = tone.clamp_min(0.04045).add_(0.055).div_(1.055).pow_(2.4)
    return curve.add_((tone - 0.04045).clamp_max_(0), alpha=1 / 12.92)


def _srgb_of_light(light: Tensor) -> Tensor:
    curve = light.clamp_min(0.0031308).pow_(1 / 2.4).mul_(1.055).sub_(0.055)
    return curve.add_((light - 0.0031308).clamp_max_(0), alpha=12.92)


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
_SHARPENING_RADIUS = (0.6, 1.4)  # sigma of the blur that is removed, in pixels


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
    smooth = _smooth(functional.avg_pool2d(both, 2, ceil_mode=True), _CHROMA_REACH, _CHROMA_FORCE, dice)
    smooth = functional.interpolate(smooth, size=colour.shape[2:], mode="bilinear", align_corners=False)
    strength = dice.uniform(*_CHROMA_STRENGTH, len(colour), 1, 1, 1).clamp_max(1)
    return _both(both, smooth, strength)


def reduce_luma(luma: Tensor, true: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
    """*luma* (B, 1, H, W) smoothed where it is flat but for noise; *true* alike."""
    both = torch.cat([luma, true])
    smooth = _smooth(both, _LUMA_REACH, _LUMA_FORCE, dice)
    return _both(both, smooth, dice.uniform(*_LUMA_STRENGTH, len(luma), 1, 1, 1).clamp_max(1))


def smooth_where_flat(planes: Tensor, guides: int, radius: int, threshold: Tensor) -> Tensor:
    """*planes* as means over squares of *radius* where they vary far less than *threshold*; edges stay.

    He, Sun and Tang, "Guided image filtering" (2010). The first B = *guides* of the planes (K * B, C, H, W) guide
    the others: the strength of the smoothing follows from them alone, so that for each guide it is a linear
    filter. *threshold* is a variance (B, C, 1, 1).
    """
    radius = min(radius, min(planes.shape[2:]) - 1)  # what the mirrored borders allow
    sets = planes.reshape(-1, guides, *planes.shape[1:])
    means = _box(torch.cat([sets[0].square(), planes]), radius).reshape(-1, *sets.shape[1:])
    variance = torch.addcmul(means[0], means[1], means[1], value=-1).clamp_min_(0)
    slope = variance / (variance + threshold)
    parts = torch.cat([slope.unsqueeze(0), (1 - slope) * means[1:]])
    smooth = _box(parts.flatten(0, 1), radius).reshape(parts.shape)
    return torch.addcmul(smooth[1:], smooth[0], sets).flatten(0, 1)


def _smooth(both: Tensor, reach: tuple[int, int], force_range: tuple[float, float], dice: Dice) -> Tensor:
    """*both*, the noisy ones and then the true ones, smoothed as the noisy ones ask for."""
    noisy, true = both.chunk(2)
    force = dice.log_uniform(*force_range, len(noisy), 1, 1, 1)
    threshold = (noisy - true).square().mean(dim=(2, 3), keepdim=True) * force.square() + 1e-8
    # One radius for the whole batch: a window of its own for each row would be as many filters.
    radius = round(dice.number(reach[0] - 0.49, reach[1] + 0.49))
    return smooth_where_flat(both, len(noisy), radius, threshold)


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


def _split(image: Tensor) -> tuple[Tensor, Tensor]:
    """Luma (B, 1, H, W), the mean of the colours, and how red and blue differ from green (B, 2, H, W)."""
    return image.mean(dim=1, keepdim=True), image[:, 0::2] - image[:, 1:2]


def _joined(luma: Tensor, colour: Tensor) -> Tensor:
    green = luma - colour.sum(dim=1, keepdim=True) / 3
    return torch.cat([green + colour[:, :1], green, green + colour[:, 1:]], dim=1)


def _sharpen(noisy: Tensor, target: Tensor, dice: Dice) -> tuple[Tensor, Tensor]:
    amount = dice.uniform(*_SHARPENING, len(noisy), 1, 1, 1)
    radius = dice.number(*_SHARPENING_RADIUS)
    images = torch.cat([noisy, target])
    blurred = _bell(_bell(images, radius, 2), radius, 3)
    sharper = images + amount.repeat(2, 1, 1, 1) * (images - blurred)
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
