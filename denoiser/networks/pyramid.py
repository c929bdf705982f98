"""The shape that all our denoisers share: an autoencoder over three scales, with additive skips.

    y (B,3,H,W)                                                            y_hat = y + residual
    │ unshuffle 2, beside it the 4 planes of conditioning                     ▲ shuffle 2
    ▼                                                                         │
   head 3x3 ─► n0 blocks ──────────────── add ─────────────────► n4 blocks ► tail 3x3    1/2
                  │ 2x2 s2                                          ▲ 1x1, shuffle 2
                  └─► n1 blocks ───────── add ───────► n3 blocks ───┘                    1/4
                         │ 2x2 s2                         ▲ 1x1, shuffle 2
                         └─► n2 blocks ─ add ─────────────┘                              1/8

What a block is, each network says for itself. Nothing here pools over the picture or keeps statistics: a tile
gives what the whole picture gives. The shape follows U-Net (Ronneberger 2015) with the half-resolution stem of
FFDNet (Zhang 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

from denoiser.networks.conditioning import PLANES
from denoiser.networks.spec import NetworkSpec

_STEM = 2  # the stem's unshuffle
_LEVELS = 3
SIZE_MULTIPLE = _STEM * 2 ** (_LEVELS - 1)


class BlockMaker(Protocol):
    """Makes one block of a level (0 at 1/2, 1 at 1/4, 2 at 1/8) that keeps the size and the *width*."""

    def __call__(self, level: int, width: int, /) -> Block: ...


class Block(nn.Module):
    """Width and size stay; ``radius`` is how many pixels of its own scale it reaches in each direction."""

    radius: int


class Up(nn.Module):
    """Doubles height and width: 1x1 and shuffle, which is a transposed 2x2 convolution."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(width_in, 4 * width_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.pixel_shuffle(self.expand(x), 2)


class PyramidAutoencoder(nn.Module):
    """Maps noisy (B, 3, H, W) in 0..1 and planes (B, 4, 1, 1) to clean; H and W are multiples of 8."""

    def __init__(self, widths: Sequence[int], blocks: Sequence[int], make_block: BlockMaker) -> None:
        super().__init__()
        if len(widths) != _LEVELS or len(blocks) != 2 * _LEVELS - 1:
            raise ValueError("three widths and five block counts describe this network")
        half, quarter, eighth = widths
        self.widths, self.blocks = tuple(widths), tuple(blocks)

        def row(place: int) -> nn.Sequential:
            level = min(place, 2 * _LEVELS - 2 - place)
            return nn.Sequential(*(make_block(level, widths[level]) for _ in range(blocks[place])))

        self.head = nn.Conv2d(3 * _STEM**2 + PLANES, half, 3, padding=1, bias=False)
        self.enter_half = row(0)
        self.down_quarter = nn.Conv2d(half, quarter, 2, stride=2, bias=False)
        self.enter_quarter = row(1)
        self.down_eighth = nn.Conv2d(quarter, eighth, 2, stride=2, bias=False)
        self.bottleneck = row(2)
        self.up_quarter = Up(eighth, quarter)
        self.leave_quarter = row(3)
        self.up_half = Up(quarter, half)
        self.leave_half = row(4)
        self.tail = nn.Conv2d(half, 3 * _STEM**2, 3, padding=1, bias=False)
        nn.init.zeros_(self.tail.weight)

    def forward(self, noisy: Tensor, planes: Tensor) -> Tensor:
        folded = functional.pixel_unshuffle(noisy, _STEM)
        conditioning = planes.expand(len(folded), -1, *folded.shape[2:])
        half = self.enter_half(self.head(torch.cat([folded, conditioning], dim=1)))
        quarter = self.enter_quarter(self.down_quarter(half))
        eighth = self.bottleneck(self.down_eighth(quarter))
        quarter = self.leave_quarter(quarter + self.up_quarter(eighth))
        half = self.leave_half(half + self.up_half(quarter))
        residual = functional.pixel_shuffle(self.tail(half), _STEM)
        return noisy + residual

    def spec(self, halo: int) -> NetworkSpec:
        """What the engine may know; *halo* is measured on the weights, not derived."""
        return NetworkSpec(
            size_multiple=SIZE_MULTIPLE,
            halo=halo,
            formula_radius=self._formula_radius(),
            kmac_per_pixel=self._kmac(),
            parameters=sum(p.numel() for p in self.parameters()),
        )

    def _formula_radius(self) -> int:
        def reach(*rows: nn.Sequential) -> int:
            return sum(block.radius for row in rows for block in row if isinstance(block, Block))

        at_half = 2 + reach(self.enter_half, self.leave_half)  # in half-resolution pixels; 2 for head and tail
        at_quarter, at_eighth = reach(self.enter_quarter, self.leave_quarter), reach(self.bottleneck)
        return _STEM * (at_half + 2 * at_quarter + 4 * at_eighth)

    def _kmac(self) -> float:
        scale_of = {"down_quarter": 4, "enter_quarter": 4, "leave_quarter": 4, "up_half": 4}
        scale_of |= {"down_eighth": 8, "bottleneck": 8, "up_quarter": 8}
        kernels = {name: p.numel() for name, p in self.named_parameters() if p.ndim == 4}
        return sum(size / scale_of.get(name.split(".")[0], _STEM) ** 2 for name, size in kernels.items()) / 1000
