"""Pictures saved as JPEG as they are met: by any program or camera, some of them twice."""

from __future__ import annotations

import torch
from torch import Tensor

from denoiser.networks.estimator import WINDOW, Quantisation
from denoiser.noise import Dice
from denoiser.noise.jpeg import tables_of, through_tables

_LOWEST, _HIGHEST = 50, 100  # quality; high ones are drawn more often
_HALF_CHROMA_SHARE = 0.6
_TWICE_SHARE = 0.3
_SHIFTED_SHARE = 0.5  # of these: cropped in between, so that the blocks of both lie differently
# Tables of cameras, around those of libjpeg: how steeply steps grow with frequency, and how large they are.
_OWN_TABLE_SHARE = 0.35
_STEEPNESS = (0.4, 1.1)
_SIZE = (0.6, 1.6)


def saved_as_jpeg(pictures: Tensor, dice: Dice) -> tuple[Tensor, Quantisation]:
    """*pictures* (N, 3, H, W) in 0..1, all saved in one way, and the tables of the last saving."""
    if dice.number(0, 1) < _TWICE_SHARE:
        shift = (0, 0)
        if dice.number(0, 1) < _SHIFTED_SHARE:
            shift = (int(dice.number(0, WINDOW)), int(dice.number(0, WINDOW)))
        pictures = _saved(pictures.roll(shift, dims=(2, 3)), _drawn(dice))
        pictures = pictures.roll((-shift[0], -shift[1]), dims=(2, 3))
    last = _drawn(dice)
    return _saved(pictures, last), last


def _saved(pictures: Tensor, how: Quantisation) -> Tensor:
    tables = (table.unsqueeze(0).expand(len(pictures), -1) for table in (how.luma, how.chroma))
    return through_tables(pictures, *tables, half_chroma=how.half_chroma)


def _drawn(dice: Dice) -> Quantisation:
    quality = torch.floor(_HIGHEST - (_HIGHEST - _LOWEST) * dice.uniform(0, 1, 1) ** 1.25)
    luma, chroma = (table[0] for table in tables_of(quality))
    if dice.number(0, 1) < _OWN_TABLE_SHARE:
        luma, chroma = _own(luma, dice), _own(chroma, dice)
    return Quantisation(luma, chroma, dice.number(0, 1) < _HALF_CHROMA_SHARE)


def _own(table: Tensor, dice: Dice) -> Tensor:
    steps = table.log()
    steps = steps.mean() + dice.number(*_STEEPNESS) * (steps - steps.mean())
    return (steps.exp() * dice.log_uniform(*_SIZE, 1)).round().clamp(1, 255)
