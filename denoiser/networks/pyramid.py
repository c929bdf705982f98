"""The architecture of the denoisers here: an autoencoder over three scales, with additive skips.

    y (B,3,H,W)                                                            y_hat = y + residual
    │ unshuffle 2, beside it the 4 planes of conditioning                     ▲ shuffle 2
    ▼                                                                         │
   head 3x3 ─► n0 blocks ──────────────── add ─────────────────► n4 blocks ► tail 3x3    1/2
                  │ 2x2 s2                                          ▲ 1x1, shuffle 2
                  └─► n1 blocks ───────── add ───────► n3 blocks ───┘                    1/4
                         │ 2x2 s2                         ▲ 1x1, shuffle 2
                         └─► n2 blocks ─ add ─────────────┘                              1/8

Each network has its own blocks. Nothing here pools over the image or keeps statistics, so tiles give the same
result as the whole image. The shape follows U-Net (Ronneberger 2015) with the half-resolution stem of
FFDNet (Zhang 2018).

`DenseAutoencoder` has dense 3x3 residual pairs: fast on a CPU, which they use fully at every width; 1x1 and
depthwise convolutions are limited by memory at 1/2 and 1/4:

    pair:   x ─┬─► 3x3 ─► relu ─► 3x3 (starts at zero) ─► add ─►
               └───────────────────────────────────────────┘

It has no norm and no biases (after Mohan et al., "Robust and interpretable blind image denoising via bias-free
convolutional neural networks", ICLR 2020: such networks generalise to unseen levels).

`GatedAutoencoder` gains more decibels per multiplication and is meant for GPUs:

    block:  x ─┬─► norm ─► 1x1 to 2C ─► depthwise 3x3 ─► gate ─► 1x1 (starts at zero) ─► add ─┬─►
               └───────────────────────────────────────────────────────────────────────────┘ │
            ┌──────────────────────────────────────────────────────────────────────────────────┘
            x ─┬─► norm ─► 1x1 to 2C ─► gate ─► 1x1 (starts at zero) ─► add ─►
               └────────────────────────────────────────────────────────┘
    gate:   the first half of the channels times the second

Its blocks follow NAFNet (Chen et al., "Simple baselines for image restoration", ECCV 2022) without pooling over the
image, which would make tiles differ from the whole. The norm is over the channels of one pixel, so it is exact in
tiles too. Levels named in *dense* use residual pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from denoiser.networks.condition import PLANES
from denoiser.networks.conditioning import Denoiser, in_fp32
from denoiser.networks.pyramid_spec import (
    LEVELS,
    RADIUS_OF_PAIR,
    SIZE_MULTIPLE,
    STEM,
    formula_radius,
    kmac_per_pixel,
)


class Block(nn.Module):
    """Keeps width and size; ``radius`` is its receptive radius in pixels of its own scale."""

    radius: int


class Up(nn.Module):
    """Doubles height and width: 1x1 and shuffle, which is a transposed 2x2 convolution."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(width_in, 4 * width_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.pixel_shuffle(self.expand(x), 2)


class PyramidAutoencoder(Denoiser):
    """Maps noisy (B, 3, H, W) in 0..1 and planes (B, 4, 1, 1) to clean; H and W are multiples of 8.

    *make_block* makes one block for a level (0 at 1/2, 1 at 1/4, 2 at 1/8) and its width.
    """

    def __init__(
        self, widths: Sequence[int], blocks: Sequence[int], make_block: Callable[[int, int], Block]
    ) -> None:
        super().__init__()
        if len(widths) != LEVELS or len(blocks) != 2 * LEVELS - 1:
            raise ValueError("three widths and five block counts describe this network")
        half, quarter, eighth = widths
        self.widths, self.blocks = tuple(widths), tuple(blocks)

        def row(place: int) -> nn.Sequential:
            level = min(place, 2 * LEVELS - 2 - place)
            return nn.Sequential(*(make_block(level, widths[level]) for _ in range(blocks[place])))

        self.head = nn.Conv2d(3 * STEM**2 + PLANES, half, 3, padding=1, bias=False)
        self.enter_half = row(0)
        self.down_quarter = nn.Conv2d(half, quarter, 2, stride=2, bias=False)
        self.enter_quarter = row(1)
        self.down_eighth = nn.Conv2d(quarter, eighth, 2, stride=2, bias=False)
        self.bottleneck = row(2)
        self.up_quarter = Up(eighth, quarter)
        self.leave_quarter = row(3)
        self.up_half = Up(quarter, half)
        self.leave_half = row(4)
        self.tail = nn.Conv2d(half, 3 * STEM**2, 3, padding=1, bias=False)
        nn.init.zeros_(self.tail.weight)
        self.size_multiple = SIZE_MULTIPLE
        rows = (self.enter_half, self.enter_quarter, self.bottleneck, self.leave_quarter, self.leave_half)
        self.formula_radius = formula_radius([_reach(row) for row in rows])
        kernels = {name: value.numel() for name, value in self.named_parameters() if value.ndim == 4}
        self.kmac_per_pixel = kmac_per_pixel(kernels)

    def encode(self, noisy: Tensor, planes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The maps at 1/2, 1/4 and 1/8 that the second half of the network decodes."""
        folded = functional.pixel_unshuffle(noisy, STEM)
        conditioning = planes.expand(len(folded), -1, *folded.shape[2:])
        half = self.enter_half(self._features(torch.cat([folded, conditioning], dim=1)))
        quarter = self.enter_quarter(self.down_quarter(half))
        return half, quarter, self.bottleneck(self.down_eighth(quarter))

    def forward(self, noisy: Tensor, planes: Tensor) -> Tensor:
        half, quarter, eighth = self.encode(noisy, planes)
        quarter = self.leave_quarter(quarter + self.up_quarter(eighth))
        half = self.leave_half(half + self.up_half(quarter))
        residual = functional.pixel_shuffle(self.tail(half), STEM)
        return noisy + residual

    def _features(self, pixels: Tensor) -> Tensor:
        # Of the error of bf16, three quarters come from rounding the pixels: up to 0.3 dB in smooth images.
        with in_fp32(pixels):
            features: Tensor = self.head(pixels.float())
        kind = pixels.device.type
        return features.to(torch.get_autocast_dtype(kind)) if torch.is_autocast_enabled(kind) else features


def _reach(row: nn.Sequential) -> int:
    return sum(block.radius for block in row if isinstance(block, Block))


class ResidualPair(Block):
    """x + conv(relu(conv(x))); the identity when new."""

    radius = RADIUS_OF_PAIR

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.second(functional.relu(self.first(x), inplace=True))
        return x + change


class DenseAutoencoder(PyramidAutoencoder):
    """Residual pairs at every scale."""

    def __init__(self, widths: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__(widths, blocks, lambda _level, width: ResidualPair(width))


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
