"""The strength of noise at each brightness, from the flattest patches of noisy photos.

The slow waves of a patch (slope, curvature) measure its texture, its other waves the noise. The two are
independent, so patches with little noise by chance are not preferred. Texture only adds to the noise and differs
between patches far more, so the level is a low quantile, and a brightness whose patches differ counts little.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from denoiser.noise.jpeg import cosine_basis
from denoiser.noise.measured import KNOTS, MeasuredNoise

SIDE = 32  # pixels: long enough for the grain of demosaiced and shrunk noise, short enough to be flat
BINS = 12  # of brightness
_STRIDE = 16  # a multiple of 8, so that patches lie on the grid of JPEG's blocks
_TREND = 3  # the waves (u, v) with u + v up to this are the trend of the image
_SHARE = 0.1  # of a bin's patches are taken, the flattest
_FEWEST_PATCHES, _MOST = 8, 300  # patches of a bin: fewer give no median, more give no better one
_CLIPPED_SHARE = 0.05  # of a patch's values
_BLACK, _WHITE = 1.0, 254.0

_BASIS = cosine_basis(SIDE).float()
_SLOW_BASIS = _BASIS[: _TREND + 1]
_WAVE = torch.arange(SIDE)
_WAVES = _WAVE.unsqueeze(0) + _WAVE.unsqueeze(1)  # u + v of each wave
_IS_SLOW = (_WAVES <= _TREND)[: _TREND + 1, : _TREND + 1]
_SLOW_COUNT = int(_IS_SLOW.sum())  # including the constant


@dataclass(frozen=True, slots=True)
class FlatPatches:
    """Patches (N, 3, SIDE, SIDE) in 8-bit units, and the number (N,) of the photo that each comes from."""

    pixels: Tensor
    photo: Tensor


def flat_patches(photos: Sequence[Sequence[Tensor]]) -> FlatPatches:
    """The flattest patches at each brightness of each channel in *photos*, lists of windows (3, H, W) uint8.

    Clipped areas and rare brightnesses are left out, so there may be no patches.
    """
    windows = [(number, window) for number, photo in enumerate(photos) for window in photo]
    rows, means, slopes = [], [], []
    for index, (_, window) in enumerate(windows):
        patches = _cut(window.float())
        clipped = ((patches <= _BLACK) | (patches >= _WHITE)).float().mean(dim=(2, 3)).amax(dim=1)
        kept = (clipped <= _CLIPPED_SHARE).nonzero().squeeze(1)
        waves = _slow_waves(patches[kept])
        rows.append(torch.stack([torch.full_like(kept, index), kept], dim=1))
        means.append(waves[:, :, 0, 0] / SIDE)
        slopes.append(_trend_power(waves).sum(dim=1))
    if not rows:
        return FlatPatches(torch.zeros(0, 3, SIDE, SIDE), torch.zeros(0, dtype=torch.long))
    place = torch.cat(rows)[_flattest(torch.cat(means), torch.cat(slopes))]
    pixels = [_patch(windows[index][1], patch) for index, patch in place.tolist()]
    photo = torch.tensor([windows[index][0] for index in place[:, 0].tolist()], dtype=torch.long)
    return FlatPatches(torch.stack(pixels) if pixels else torch.zeros(0, 3, SIDE, SIDE), photo)


def trend(patches: Tensor) -> Tensor:
    """The slow waves of *patches* (N, 3, SIDE, SIDE), which show the image without noise."""
    return _SLOW_BASIS.T @ _slow_waves(patches) @ _SLOW_BASIS


def _slow_waves(patches: Tensor) -> Tensor:
    return (_SLOW_BASIS @ patches @ _SLOW_BASIS.T) * _IS_SLOW


def _trend_power(waves: Tensor) -> Tensor:
    return (waves.square().sum(dim=(2, 3)) - waves[:, :, 0, 0].square()) / (_SLOW_COUNT - 1)


def power_between(patches: Tensor, low: int, high: int) -> Tensor:
    """The mean square (N,) of the waves (u, v) with low < u + v <= high in *patches* (N, SIDE, SIDE)."""
    power: Tensor = (_BASIS @ patches @ _BASIS.T)[:, _WAVES.gt(low) & _WAVES.le(high)].square()
    return power.mean(dim=1)


def bin_of(mean: Tensor) -> Tensor:
    """The bin of each brightness in 0..255."""
    return (mean / 256 * BINS).long()


def _flattest(mean: Tensor, slope: Tensor) -> Tensor:
    chosen = torch.zeros(len(slope), dtype=torch.bool)
    bins = bin_of(mean)
    for channel in range(3):
        for number in range(BINS):
            rows = (bins[:, channel] == number).nonzero().squeeze(1)
            wanted = min(_MOST, math.ceil(_SHARE * len(rows)))
            if len(rows) >= 2 * _FEWEST_PATCHES:
                chosen[rows[slope[rows].argsort()[: max(_FEWEST_PATCHES, wanted)]]] = True
    return chosen.nonzero().squeeze(1)


def _cut(window: Tensor) -> Tensor:
    if min(window.shape[1:]) < SIDE:
        return window.new_zeros(0, 3, SIDE, SIDE)
    cut = window.unfold(1, SIDE, _STRIDE).unfold(2, SIDE, _STRIDE)
    return cut.permute(1, 2, 0, 3, 4).reshape(-1, 3, SIDE, SIDE)


def _patch(window: Tensor, number: int) -> Tensor:
    row, column = divmod(number, (window.shape[2] - SIDE) // _STRIDE + 1)
    top, left = row * _STRIDE, column * _STRIDE
    return window[:, top : top + SIDE, left : left + SIDE].float()


_LOW = 0.2  # the quantile that is used for noise where some patches are textured
_BANDS = ((3, 7), (7, 16), (16, 40))  # waves in a patch, across and down together
_EVENEST, _STEEPER = 0.1, 1.7  # the quantile of patches that are noise, and how much steeper others may be
_LEAST_POWER = 0.1  # about that of rounding
_ENOUGH = 30  # patches of a bin: more do not make it count more
_FEWEST = 3
_AGREEMENT = 0.15  # of the logarithm of sigma between quartiles: about that of JPEG-compressed noise
_STIFFNESS, _EVENNESS = 0.05, 0.003  # costs of curvature and slope, relative to one full bin
_LEANINGS, _OVER = 3, 0.25  # rounds that reduce the weight of bins above the curve, and the tolerance
_BELOW, _ABOVE = -0.6, 0.35  # of the logarithm of sigma: patches further from the curve are not this noise
_SPREAD_RANGE = (0.1, 0.5)  # limits for single photos and for mixed folders
_LEAST = 0.02  # 8-bit steps, before a logarithm
_NORMAL = 1.4826  # a normal distribution's deviation over its median distance from the median


@dataclass(frozen=True, slots=True)
class NoiseCurve:
    """``curve`` (3, KNOTS): sigma of the waves beyond the trend, in 8-bit units, at each channel's brightness.

    ``noise`` has the numbers of the patches that show noise, ``spread`` is the deviation of the logarithm of the
    strength from photo to photo.
    """

    curve: Tensor
    noise: Tensor
    spread: float


def level_of(patches: FlatPatches) -> NoiseCurve | None:
    """The level of the noise in *patches*; None if it cannot be determined."""
    brightness = patches.pixels.mean(dim=(2, 3))
    sigma = sigma_of(patches.pixels).clamp_min(_LEAST).log()
    even = _noise_like(patches.pixels)
    first = _curves(brightness, sigma, even, _LOW)
    if first is None:
        return None
    brightness, sigma, photo = brightness[even], sigma[even], patches.photo[even]
    above = (sigma - _at(first, brightness)).mean(dim=1)
    of_photo = {number: above[photo == number] for number in sorted(set(photo.tolist()))}
    known = {number: float(one.quantile(_LOW)) for number, one in of_photo.items() if len(one) >= _FEWEST}
    strengths = torch.tensor(list(known.values()) or [0.0])
    centre = float(strengths.quantile(0.5))
    spread = float((strengths - centre).abs().quantile(0.5)) * _NORMAL
    own = torch.tensor([known.get(number, centre) for number in photo.tolist()])
    noise = ((above - own > _BELOW) & (above - own < _ABOVE)).nonzero().squeeze(1)
    curve = _curves(brightness, sigma - (own - centre).unsqueeze(1), noise, 0.5)
    if curve is None:
        return None
    return NoiseCurve(curve.exp(), even[noise], min(max(spread, _SPREAD_RANGE[0]), _SPREAD_RANGE[1]))


def sigma_of(pixels: Tensor) -> Tensor:
    """The root mean square (N, 3) of the waves beyond the trend in *pixels* (N, 3, SIDE, SIDE)."""
    noise = pixels - trend(pixels)
    return (noise.square().sum(dim=(2, 3)) / (SIDE**2 - _SLOW_COUNT)).sqrt()


def _noise_like(pixels: Tensor) -> Tensor:
    """The numbers of the patches whose power falls least towards finer waves; that of texture falls steeply."""
    mid, fine, finest = (power_between(pixels.mean(dim=1), *band) for band in _BANDS)
    fall = (mid / fine.clamp_min(_LEAST_POWER)) * (fine / finest.clamp_min(_LEAST_POWER)).sqrt()
    return (fall <= fall.quantile(_EVENEST) * _STEEPER).nonzero().squeeze(1)


def _at(curves: Tensor, brightness: Tensor) -> Tensor:
    model = MeasuredNoise(curves, torch.eye(3).reshape(3, 3, 1, 1))
    return model.sigma_at(brightness.reshape(-1, 3, 1, 1) / 255)[:, :, 0, 0]


def _curves(brightness: Tensor, sigma: Tensor, chosen: Tensor, quantile: float) -> Tensor | None:
    curves = [_curve(brightness[chosen, c], sigma[chosen, c], quantile) for c in range(3)]
    found = [curve for curve in curves if curve is not None]
    return torch.stack(found) if len(found) == len(curves) else None


def _curve(brightness: Tensor, sigma: Tensor, quantile: float) -> Tensor | None:
    """A smooth line through the *quantile* of each bin; full bins with little spread have more weight."""
    bins = bin_of(brightness)
    rows = [(bins == number).nonzero().squeeze(1) for number in range(BINS)]
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
