"""How strong the noise in flat patches is at each brightness, and which of the patches show noise and no texture.

Texture only adds, and it differs from patch to patch far more than noise does: so low quantiles are believed, and
brightnesses whose patches disagree count little.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from denoiser.noise.measured import KNOTS, MeasuredNoise
from denoiser.training import flat
from denoiser.training.flat import FlatPatches

_LOW = 0.2  # the quantile that stands for noise where some patches are textured
_BANDS = ((3, 7), (7, 16), (16, 40))  # waves in a patch, across and down together
_EVENEST, _STEEPER = 0.1, 1.7  # the quantile of patches that are believed, and how much steeper others may be
_LEAST_POWER = 0.1  # about that of rounding
_ENOUGH = 30  # patches of a bin: more do not make it count more
_FEWEST = 3
_AGREEMENT = 0.15  # of the logarithm of sigma between quartiles: noise packed as JPEG stays about there
_STIFFNESS, _EVENNESS = 0.05, 0.003  # what a bend and a slope of the curve cost, against one full bin that agrees
_LEANINGS, _OVER = 3, 0.25  # rounds in which bins count less that lie above the curve, and by how much they may
_BELOW, _ABOVE = -0.6, 0.35  # of the logarithm of sigma: what is further from the curve is no noise of this kind
_SPREAD_RANGE = (0.1, 0.5)  # one photo shows no spread, and a folder of everything is no camera
_LEAST = 0.02  # 8-bit steps: no logarithm is taken of less
_NORMAL = 1.4826  # a normal distribution's deviation over its median distance from the median


@dataclass(frozen=True, slots=True)
class NoiseLevel:
    """``curve`` (3, KNOTS): sigma of the waves beyond the trend, in 8-bit units, at each channel's brightness.

    ``noise`` are the numbers of the patches that show noise, ``spread`` is the deviation of the logarithm of the
    strength from photo to photo.
    """

    curve: Tensor
    noise: Tensor
    spread: float


def level_of(patches: FlatPatches) -> NoiseLevel | None:
    """The level of the noise in *patches*; None where none of them agree."""
    brightness = patches.pixels.mean(dim=(2, 3))
    sigma = sigma_of(patches.pixels).clamp_min(_LEAST).log()
    even = _even_handed(patches.pixels)
    first = _curves(brightness, sigma, even, _LOW)
    if first is None:
        return None
    brightness, sigma, photo = brightness[even], sigma[even], patches.photo[even]
    above = (sigma - _at(first, brightness)).mean(dim=1)
    numbers = sorted(set(photo.tolist()))
    of_photo = {number: _strength(above[photo == number]) for number in numbers}
    strengths = torch.tensor([strength for strength in of_photo.values() if strength is not None] or [0.0])
    centre = float(strengths.quantile(0.5))
    spread = float((strengths - centre).abs().quantile(0.5)) * _NORMAL
    known = {number: centre if strength is None else strength for number, strength in of_photo.items()}
    own = torch.tensor([known[number] for number in photo.tolist()])
    noise = ((above - own > _BELOW) & (above - own < _ABOVE)).nonzero().squeeze(1)
    curve = _curves(brightness, sigma - (own - centre).unsqueeze(1), noise, 0.5)
    if curve is None:
        return None
    return NoiseLevel(curve.exp(), even[noise], min(max(spread, _SPREAD_RANGE[0]), _SPREAD_RANGE[1]))


def sigma_of(pixels: Tensor) -> Tensor:
    """The root mean square (N, 3) of the waves beyond the trend in *pixels* (N, 3, SIDE, SIDE)."""
    noise = pixels - flat.trend(pixels)
    return (noise.square().sum(dim=(2, 3)) / (flat.SIDE**2 - flat.slow_count())).sqrt()


def _even_handed(pixels: Tensor) -> Tensor:
    """The numbers of the patches whose power falls least towards finer waves: noise does, texture falls steeply."""
    mid, fine, finest = (flat.power_between(pixels.mean(dim=1), *band) for band in _BANDS)
    fall = (mid / fine.clamp_min(_LEAST_POWER)) * (fine / finest.clamp_min(_LEAST_POWER)).sqrt()
    return (fall <= fall.quantile(_EVENEST) * _STEEPER).nonzero().squeeze(1)


def _strength(above: Tensor) -> float | None:
    return float(above.quantile(_LOW)) if len(above) >= _FEWEST else None


def _at(curves: Tensor, brightness: Tensor) -> Tensor:
    model = MeasuredNoise(curves, torch.eye(3).reshape(3, 3, 1, 1))
    return model.sigma_at(brightness.reshape(-1, 3, 1, 1) / 255)[:, :, 0, 0]


def _curves(brightness: Tensor, sigma: Tensor, chosen: Tensor, quantile: float) -> Tensor | None:
    curves = [_curve(brightness[chosen, c], sigma[chosen, c], quantile) for c in range(3)]
    found = [curve for curve in curves if curve is not None]
    return torch.stack(found) if len(found) == len(curves) else None


def _curve(brightness: Tensor, sigma: Tensor, quantile: float) -> Tensor | None:
    """A smooth line through the *quantile* of each bin, the fuller and the more of one mind the weightier."""
    bins = flat.bin_of(brightness)
    rows = [(bins == number).nonzero().squeeze(1) for number in range(flat.BINS)]
    rows = [row for row in rows if len(row) >= _FEWEST]
    if not rows:
        return None
    place = torch.stack([brightness[row].median() for row in rows]) / 255 * (KNOTS - 1)
    height = torch.stack([sigma[row].quantile(quantile) for row in rows])
    apart = torch.stack([sigma[row].quantile(0.75) - sigma[row].quantile(0.25) for row in rows])
    counts = torch.tensor([min(len(row), _ENOUGH) / _ENOUGH for row in rows])
    weight = counts * (_AGREEMENT / apart.clamp_min(_AGREEMENT)).square()
    between = (1 - (place.unsqueeze(1) - torch.arange(KNOTS)).abs()).clamp_min(0)  # (bins, KNOTS)
    curve = _smooth(between, height, weight)
    for _ in range(_LEANINGS):
        over = (height - between @ curve).clamp_min(_OVER)
        curve = _smooth(between, height, weight * (_OVER / over).square())
    return curve


def _smooth(between: Tensor, height: Tensor, weight: Tensor) -> Tensor:
    bend, slope = torch.diff(torch.eye(KNOTS), n=2, dim=0), torch.diff(torch.eye(KNOTS), dim=0)
    normal = between.T @ (weight.unsqueeze(1) * between)
    normal += _STIFFNESS * bend.T @ bend + _EVENNESS * slope.T @ slope
    curve: Tensor = torch.linalg.solve(normal, between.T @ (weight * height))
    return curve
