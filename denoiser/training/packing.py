"""What JPEG does to a noisy picture: noise is quantised away in some places and smeared into blocks in others."""

from __future__ import annotations

import torch
from torch import Tensor

from denoiser.noise import Dice, through_jpeg

QUALITY_RANGE = (30, 100)
_HALF_CHROMA_SHARE = 0.6  # cameras' default; the rest keeps full chroma


def pack(pictures: Tensor, dice: Dice) -> Tensor:
    """*pictures* (B, 3, H, W) in 0..1, each packed as JPEG of a random quality, some with half the colour.

    On the device of the pictures: on a CPU this is as quick as libjpeg (benchmarks/noise_cost.py).
    """
    low, high = QUALITY_RANGE
    quality = torch.floor(dice.uniform(low, high + 1, len(pictures))).clamp_max(high)
    packed = torch.empty_like(pictures)
    shares = (_HALF_CHROMA_SHARE, 1 - _HALF_CHROMA_SHARE)
    for half_chroma, rows in zip((True, False), dice.split(shares, len(pictures)), strict=True):
        if len(rows):
            packed[rows] = through_jpeg(pictures[rows], quality[rows], half_chroma=half_chroma)
    return packed


def pack_some(pictures: Tensor, chosen: Tensor, generator: torch.Generator) -> Tensor:
    """*pictures* (B, 3, H, W) in 0..1 with the *chosen* rows (B,) packed, the others as they are."""
    rows = chosen.nonzero().squeeze(1)
    return pictures.index_copy(0, rows, pack(pictures[rows], Dice(generator))) if len(rows) else pictures
