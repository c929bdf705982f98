"""A denoiser of gated blocks: more decibels for each multiplication, at home on a GPU.

    block:  x ─┬─► norm ─► 1x1 to 2C ─► depthwise 3x3 ─► gate ─► 1x1 (starts at zero) ─► add ─┬─►
               └───────────────────────────────────────────────────────────────────────────┘ │
            ┌──────────────────────────────────────────────────────────────────────────────────┘
            x ─┬─► norm ─► 1x1 to 2C ─► gate ─► 1x1 (starts at zero) ─► add ─►
               └────────────────────────────────────────────────────────┘
    gate:   the first half of the channels times the second

Blocks after NAFNet (Chen et al., "Simple baselines for image restoration", ECCV 2022) without its pooling over the
picture, which would make tiles differ from the whole. The norm is over the channels of one pixel, so it is exact
in tiles too. The scales and skips are those of ``pyramid``; the levels named in *dense* take residual pairs.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from denoiser.networks.dense_autoencoder import ResidualPair
from denoiser.networks.pyramid import Block, PyramidAutoencoder


class PixelNorm(nn.Module):
    """Each pixel's channels to mean 0 and variance 1, then a gain for each channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        # Channels last in memory: the permuted view is contiguous, and the norm runs over neighbours.
        last = functional.layer_norm(x.permute(0, 2, 3, 1), self.gain.shape, self.gain)
        return last.permute(0, 3, 1, 2)


class GatedBlock(Block):
    """Neighbours mixed by a depthwise kernel, then channels alone; the identity when new."""

    radius = 1

    def __init__(self, width: int) -> None:
        super().__init__()
        self.space_norm = PixelNorm(width)
        self.widen = nn.Conv2d(width, 2 * width, 1)
        self.neighbours = nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width)
        self.narrow = nn.Conv2d(width, width, 1)
        self.channel_norm = PixelNorm(width)
        self.expand = nn.Conv2d(width, 2 * width, 1)
        self.shrink = nn.Conv2d(width, width, 1)
        for last in (self.narrow, self.shrink):
            nn.init.zeros_(last.weight)
            nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.narrow(_gated(self.neighbours(self.widen(self.space_norm(x)))))
        change: Tensor = self.shrink(_gated(self.expand(self.channel_norm(x))))
        return x + change


class GatedAutoencoder(PyramidAutoencoder):
    """Gated blocks, but residual pairs on the levels in *dense*: 0 is 1/2, 1 is 1/4, 2 is 1/8."""

    def __init__(self, widths: Sequence[int], blocks: Sequence[int], dense: Sequence[int] = ()) -> None:
        super().__init__(
            widths, blocks, lambda level, width: ResidualPair(width) if level in dense else GatedBlock(width)
        )
        self.dense = tuple(dense)


def _gated(x: Tensor) -> Tensor:
    first, second = x.chunk(2, dim=1)
    return first * second
