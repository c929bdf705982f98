"""A convolutional denoising autoencoder of dense 3x3 residual pairs, steered by the noise level.

    y (B,3,H,W)                                                            y_hat = y + residual
    │ unshuffle 2, beside it the 4 planes of conditioning                     ▲ shuffle 2
    ▼                                                                         │
   head 3x3 ─► n0 pairs ───────────────── add ─────────────────► n4 pairs ─► tail 3x3    1/2
                  │ 2x2 s2                                          ▲ 1x1, shuffle 2
                  └─► n1 pairs ────────── add ───────► n3 pairs ────┘                    1/4
                         │ 2x2 s2                         ▲ 1x1, shuffle 2
                         └─► n2 pairs ── add ─────────────┘                              1/8

    pair(x) = x + conv(relu(conv(x))), the second convolution starts at zero

No biases (after Mohan et al., "Robust and interpretable blind image denoising via bias-free convolutional
neural networks", ICLR 2020: they carry over to levels never seen), no norm, no pooling over the picture: a tile
gives what the whole picture gives. The shape follows U-Net (Ronneberger 2015) with the half-resolution stem of
FFDNet (Zhang 2018).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from denoiser.networks.conditioning import PLANES
from denoiser.networks.spec import NetworkSpec

_STEM = 2  # the stem's unshuffle
_LEVELS = 3
SIZE_MULTIPLE = _STEM * 2 ** (_LEVELS - 1)


class ResidualPair(nn.Module):
    """x + conv(relu(conv(x))); the identity when new."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.second = nn.Conv2d(width, width, 3, padding=1, bias=False)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        change: Tensor = self.second(functional.relu(self.first(x), inplace=True))
        return x + change


class Up(nn.Module):
    """Doubles height and width: 1x1 and shuffle, which is a transposed 2x2 convolution."""

    def __init__(self, width_in: int, width_out: int) -> None:
        super().__init__()
        self.expand = nn.Conv2d(width_in, 4 * width_out, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return functional.pixel_shuffle(self.expand(x), 2)


class DenseAutoencoder(nn.Module):
    """Maps noisy (B, 3, H, W) in 0..1 and planes (B, 4, 1, 1) to clean; H and W are multiples of 8."""

    def __init__(self, widths: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        if len(widths) != _LEVELS or len(blocks) != 2 * _LEVELS - 1:
            raise ValueError("three widths and five block counts describe this network")
        half, quarter, eighth = widths
        self.widths, self.blocks = tuple(widths), tuple(blocks)
        self.head = nn.Conv2d(3 * _STEM**2 + PLANES, half, 3, padding=1, bias=False)
        self.enter_half = _pairs(half, blocks[0])
        self.down_quarter = nn.Conv2d(half, quarter, 2, stride=2, bias=False)
        self.enter_quarter = _pairs(quarter, blocks[1])
        self.down_eighth = nn.Conv2d(quarter, eighth, 2, stride=2, bias=False)
        self.bottleneck = _pairs(eighth, blocks[2])
        self.up_quarter = Up(eighth, quarter)
        self.leave_quarter = _pairs(quarter, blocks[3])
        self.up_half = Up(quarter, half)
        self.leave_half = _pairs(half, blocks[4])
        self.tail = nn.Conv2d(half, 3 * _STEM**2, 3, padding=1, bias=False)
        nn.init.zeros_(self.tail.weight)

    def forward(self, noisy: Tensor, planes: Tensor) -> Tensor:
        folded = functional.pixel_unshuffle(noisy, _STEM)
        told = planes.expand(len(folded), -1, *folded.shape[2:])
        half = self.enter_half(self.head(torch.cat([folded, told], dim=1)))
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
        n0, n1, n2, n3, n4 = self.blocks
        at_half = 2 + 2 * (n0 + n4)  # in half-resolution pixels: each 3x3 reaches one further
        at_quarter, at_eighth = 2 * (n1 + n3), 2 * n2
        return _STEM * at_half + 2 * _STEM * at_quarter + 4 * _STEM * at_eighth

    def _kmac(self) -> float:
        scale_of = {"down_quarter": 4, "enter_quarter": 4, "leave_quarter": 4, "up_half": 4}
        scale_of |= {"down_eighth": 8, "bottleneck": 8, "up_quarter": 8}
        macs = 0.0
        for name, parameter in self.named_parameters():
            macs += parameter.numel() / scale_of.get(name.split(".")[0], _STEM) ** 2
        return macs / 1000


def _pairs(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualPair(width) for _ in range(count)))
