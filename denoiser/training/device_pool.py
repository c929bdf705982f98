"""The photo pool in GPU memory: all crops of a batch are gathered there at once, without waiting for Python.

PhotoPool slices picture by picture, which is ten times quicker on a CPU; a test holds the two to the same crops.
"""

from __future__ import annotations

import torch
from torch import Tensor

from denoiser.training.data import Choice, CropSource, PhotoPool, busyness, choose

_SHARE_OF_FREE = 0.5  # of the device's memory, for the pool; the rest is for the network


class DevicePool:
    """All pictures of a pool in one run of bytes on *device*; they have the same number of channels."""

    def __init__(self, pool: PhotoPool, device: torch.device) -> None:
        shapes = torch.tensor([picture.shape for picture in pool.pictures])
        begins = torch.cat([torch.zeros(1, dtype=torch.int64), shapes.prod(dim=1).cumsum(0)])
        self._bytes = torch.empty(int(begins[-1]), dtype=torch.uint8, device=device)
        for begin, picture in zip(begins.tolist(), pool.pictures, strict=False):
            self._bytes[begin : begin + picture.numel()] = picture.flatten().to(device)
        self._channels = pool.pictures[0].shape[0]
        self._begins, self._heights, self._widths = (
            values.to(device) for values in (begins[:-1], shapes[:, 1], shapes[:, 2])
        )
        self._shares = pool.shares.to(device)

    def draw(self, count: int, patch: int, generator: torch.Generator) -> Tensor:
        """*count* random crops (count, C, patch, patch) in 0..1, flipped and turned at random."""
        chance = choose(self._shares, count, generator)
        taken = chance.busier_or_not(busyness(self._greens(chance, patch)))
        side = torch.arange(patch, device=generator.device)
        rows, columns = _turned(side.reshape(1, -1, 1), side.reshape(1, 1, -1), chance.turns, patch)
        corner, width, plane = (value[taken].reshape(-1, 1, 1) for value in self._corners(chance, patch))
        inside = (corner + rows * width + columns).unsqueeze(1)
        channels = torch.arange(self._channels, device=generator.device).reshape(1, -1, 1, 1)
        return self._bytes[inside + channels * plane.unsqueeze(1)].float().div_(255)

    def _greens(self, chance: Choice, patch: int) -> Tensor:
        corner, width, plane = (value.reshape(-1, 1, 1) for value in self._corners(chance, patch))
        side = torch.arange(patch, device=corner.device)
        return self._bytes[corner + plane + side.reshape(1, -1, 1) * width + side.reshape(1, 1, -1)]

    def _corners(self, chance: Choice, patch: int) -> tuple[Tensor, Tensor, Tensor]:
        """Where each candidate begins in its first channel, the width of its picture, the size of one channel."""
        height, width = self._heights[chance.which], self._widths[chance.which]
        top = (chance.where[:, 0].double() * (height - patch + 1)).long()
        left = (chance.where[:, 1].double() * (width - patch + 1)).long()
        return self._begins[chance.which] + top * width + left, width, height * width


def resident(pool: PhotoPool, device: torch.device) -> CropSource:
    """The pool in the device's memory if it fits; unchanged otherwise."""
    if device.type != "cuda":
        return pool
    free, _ = torch.cuda.mem_get_info(device)
    return DevicePool(pool, device) if pool.size < _SHARE_OF_FREE * free else pool


def _turned(rows: Tensor, columns: Tensor, turns: Tensor, patch: int) -> tuple[Tensor, Tensor]:
    """Where in the crop as it lies each place of the turned crop comes from; the turns of PhotoPool."""
    mirrored = (turns >= 4).reshape(-1, 1, 1)
    columns = torch.where(mirrored, patch - 1 - columns, columns)
    rows = rows.expand_as(columns.expand(-1, patch, -1))
    quarter = (turns % 4).reshape(-1, 1, 1)
    last = patch - 1
    # One quarter turn to the left shows, at (row, column), what lay at (column, last - row).
    from_rows = torch.where(quarter == 1, columns, rows)
    from_rows = torch.where(quarter == 2, last - rows, from_rows)
    from_rows = torch.where(quarter == 3, last - columns, from_rows)
    from_columns = torch.where(quarter == 1, last - rows, columns)
    from_columns = torch.where(quarter == 2, last - columns, from_columns)
    from_columns = torch.where(quarter == 3, rows, from_columns)
    return from_rows, from_columns
