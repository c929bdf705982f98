"""The flattest patches of noisy photos: where what varies is noise and not the picture.

A patch's slow waves (slope, curvature) say how much picture is in it; its other waves measure the noise. The choice
by the one says nothing about the other, so that lucky patches are not preferred.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

SIDE = 32  # pixels: long enough for the grain of demosaiced and shrunk noise, short enough to be flat
BINS = 12  # of brightness
_STRIDE = 16  # a multiple of 8, so that patches lie on the grid of JPEG's blocks
_TREND = 3  # the waves (u, v) with u + v up to this are the picture's trend
_SHARE = 0.1  # of a bin's patches are taken, the flattest
_FEWEST, _MOST = 8, 300  # patches of a bin: fewer give no median, more give no better one
_CLIPPED_SHARE = 0.05  # of a patch's values
_BLACK, _WHITE = 1.0, 254.0


@dataclass(frozen=True, slots=True)
class FlatPatches:
    """Patches (N, 3, SIDE, SIDE) in 8-bit units, and the number (N,) of the photo that each comes from."""

    pixels: Tensor
    photo: Tensor


def flat_patches(photos: Sequence[Sequence[Tensor]]) -> FlatPatches:
    """The flattest patches at each brightness of each channel in *photos*, lists of windows (3, H, W) uint8.

    Clipped places are left out, and brightnesses that hardly occur: there may be none.
    """
    windows = [(number, window) for number, photo in enumerate(photos) for window in photo]
    rows, means, slopes = [], [], []
    for index, (_, window) in enumerate(windows):
        patches = _cut(window.float())
        kept = _unclipped(patches).nonzero().squeeze(1)
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
    """The picture in *patches* (N, 3, SIDE, SIDE): their slow waves alone."""
    basis = _basis(_TREND + 1, patches.device)
    return basis.T @ (_slow_waves(patches) * _is_slow(patches.device)) @ basis


def trend_power(patches: Tensor) -> Tensor:
    """How much picture is in *patches*: the mean square (N, 3) of the slow waves, the constant left out."""
    return _trend_power(_slow_waves(patches))


def power_between(patches: Tensor, low: int, high: int) -> Tensor:
    """The mean square (N,) of the waves (u, v) with low < u + v <= high in *patches* (N, SIDE, SIDE)."""
    basis = _basis(SIDE, patches.device)
    wave = torch.arange(SIDE, device=patches.device)
    total = wave.unsqueeze(0) + wave.unsqueeze(1)
    power: Tensor = (basis @ patches @ basis.T)[:, (total > low) & (total <= high)].square()
    return power.mean(dim=1)


def slow_count() -> int:
    """How many waves of a patch are the picture's, the constant counted in."""
    return (_TREND + 1) * (_TREND + 2) // 2


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
            if len(rows) >= 2 * _FEWEST:
                chosen[rows[slope[rows].argsort()[: max(_FEWEST, wanted)]]] = True
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


def _unclipped(patches: Tensor) -> Tensor:
    ends = (patches <= _BLACK) | (patches >= _WHITE)
    return ends.float().mean(dim=(2, 3)).amax(dim=1) <= _CLIPPED_SHARE


def _slow_waves(patches: Tensor) -> Tensor:
    basis = _basis(_TREND + 1, patches.device)
    return basis @ patches @ basis.T


def _trend_power(waves: Tensor) -> Tensor:
    of_trend = (waves * _is_slow(waves.device)).square()
    return (of_trend.sum(dim=(2, 3)) - of_trend[:, :, 0, 0]) / (slow_count() - 1)


def _basis(count: int, device: torch.device) -> Tensor:
    """The first *count* rows of the orthonormal cosine transform."""
    wave, place = torch.arange(float(count), device=device), torch.arange(float(SIDE), device=device)
    basis = torch.cos(math.pi / SIDE * wave.unsqueeze(1) * (place + 0.5)) * math.sqrt(2 / SIDE)
    basis[0] /= math.sqrt(2)
    return basis


def _is_slow(device: torch.device) -> Tensor:
    wave = torch.arange(_TREND + 1, device=device)
    return (wave.unsqueeze(0) + wave.unsqueeze(1) <= _TREND).float()
