"""The context model: predicts the mean (float) and the scale (integer table index) of each latent.

    z ─► shuffle up twice ─► features ─┬─► pass 0: a quarter of the latents
                                       ├─► pass 1: sees what pass 0 decoded …
                                       └─► pass 3

Each pass codes one of the four positions of every 2 x 2 square, a different one for each of four channel groups.
Later passes therefore have decoded neighbours in space and across channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from denoiser.networks.codec.quantised import ACTIVATIONS, Ends, QuantisedLayer

PASSES = 4
_PLACES = ((0, 0), (1, 1), (0, 1), (1, 0))  # coding order; the second is farthest from the first
# Symbol magnitudes are grouped into classes, finer where they are small.
CLASS_STARTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192)
_CLASS_UNIT = 1 / 8
Z_UNIT = 1 / 8
_ACTIVATION_UNIT = 1 / ACTIVATIONS.most
_TABLES = Ends(63 / 16, 63)
_INDEX_GAIN = 16.0  # table indices per unit of the last layer's weights, so that it learns as fast as the others


def pass_masks(latents: int) -> Tensor:
    """Masks (4, N, 2, 2), bool: the latents that each pass codes in every 2 x 2 square."""
    masks = torch.zeros(PASSES, latents, 2, 2, dtype=torch.bool)
    for number in range(PASSES):
        for group in range(PASSES):
            row, column = _PLACES[(number + group) % PASSES]
            masks[number, group::PASSES, row, column] = True
    return masks


def tiled(masks: Tensor, height: int, width: int) -> Tensor:
    """Repeat *masks* over *height* x *width* positions: (4, N, height, width)."""
    repeated = masks.repeat(1, 1, (height + 1) // 2, (width + 1) // 2)
    return repeated[:, :, :height, :width]


def magnitude_class(symbols: Tensor, starts: Tensor) -> Tensor:
    """Magnitude class 0..15 of each symbol; *starts* is CLASS_STARTS as a tensor."""
    return torch.bucketize(symbols.abs().contiguous(), starts, right=True).to(symbols.dtype)


class HyperAnalysis(nn.Module):
    """Latents (B, N, h, w) in quantiser steps to hyper-latents at a quarter of the resolution, not yet rounded."""

    def __init__(self, latents: int, width: int, hyper: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(latents, width, 1)
        self.halve = nn.Conv2d(width, width, 3, stride=2, padding=1)
        self.quarter = nn.Conv2d(width, hyper, 3, stride=2, padding=1)

    def forward(self, v: Tensor) -> Tensor:
        x = functional.relu(self.enter(v.sign() * v.abs().log1p()))
        z: Tensor = self.quarter(functional.relu(self.halve(x)))
        return z.float()


class MeanFeatures(nn.Module):
    """Hyper-latents to float features at the resolution of the latents."""

    def __init__(self, hyper: int, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(hyper, 4 * width, 3, padding=1)
        self.second = nn.Conv2d(width, 4 * width, 1)

    def forward(self, z: Tensor) -> Tensor:
        x = functional.relu(functional.pixel_shuffle(self.first(z * Z_UNIT), 2))
        return functional.relu(functional.pixel_shuffle(self.second(x), 2))


class MeanPass(nn.Module):
    """Predicts the mean of each latent from the features and the decoded latents, in units of their scale."""

    def __init__(self, latents: int, features: int, width: int, *, sees: bool) -> None:
        super().__init__()
        self.told = nn.Conv2d(features, width, 1)  # the name is a key in the weights files
        self.seen = nn.Conv2d(latents, width, 3, padding=1, bias=False) if sees else None
        self.mix = nn.Conv2d(width, width, 1)
        self.leave = nn.Conv2d(width, latents, 1)
        nn.init.zeros_(self.leave.weight)
        nn.init.zeros_(self.leave.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor, known: Tensor) -> Tensor:
        x = self.told(features)
        if self.seen is not None:
            x = x + self.seen(known)
        x = functional.leaky_relu(x, 0.2)
        mean: Tensor = self.leave(functional.leaky_relu(self.mix(x), 0.2))
        return mean.float()


class IndexBase(nn.Module):
    """Hyper-latents to index features at the resolution of the latents; 0..1 stands for the integers 0..127."""

    def __init__(self, hyper: int, width: int) -> None:
        super().__init__()
        self.first = QuantisedLayer(hyper, 4 * width, kernel=3, unit=Z_UNIT, shuffle=True, by_level=True)
        self.second = QuantisedLayer(width, 4 * width, kernel=1, unit=_ACTIVATION_UNIT, shuffle=True)

    def forward(self, z: Tensor, level: Tensor) -> Tensor:
        features: Tensor = self.second(self.first(z * Z_UNIT, level), level)
        return features

    def layers(self) -> tuple[QuantisedLayer, ...]:
        """The layers in forward order."""
        return self.first, self.second


class IndexPass(nn.Module):
    """Predicts the scale table of each latent from the features and the symbol magnitudes so far."""

    def __init__(self, latents: int, features: int, width: int, *, sees: bool) -> None:
        super().__init__()
        units = torch.full((features,), _ACTIVATION_UNIT)
        if sees:
            units = torch.cat([units, torch.full((latents,), _CLASS_UNIT)])
        self.sees = sees
        self.enter = QuantisedLayer(len(units), width, kernel=3, unit=units)
        self.leave = QuantisedLayer(width, latents, kernel=1, unit=_ACTIVATION_UNIT, by_level=True, ends=_TABLES)
        nn.init.zeros_(self.leave.conv.weight)
        nn.init.zeros_(self.leave.conv.bias)  # type: ignore[arg-type]

    def forward(self, features: Tensor, classes: Tensor, level: Tensor) -> Tensor:
        x = torch.cat([features, classes * _CLASS_UNIT], dim=1) if self.sees else features
        index: Tensor = self.leave(self.enter(x, level), level)
        return index * _INDEX_GAIN

    @torch.no_grad()
    def begin_at(self, line: Tensor) -> None:
        """Initialise the predicted indices with the curves *line* (3, N) over the quality steps."""
        assert self.leave.by_level is not None
        self.leave.by_level.weights.copy_(line / _INDEX_GAIN)

    def layers(self) -> tuple[QuantisedLayer, ...]:
        """The layers in forward order."""
        return self.enter, self.leave
