"""Random numbers for a batch: pixel values on the device, decisions about splitting it on the host.

Splitting a batch needs its random numbers on the host. Numbers from a GPU would make the host wait for all queued
work, so they come from a host generator that is seeded with the state of the given one.
"""

from __future__ import annotations

import itertools
import math

import torch
from torch import Tensor


class Dice:
    """Draws from one generator; the same generator in the same state gives the same numbers."""

    def __init__(self, generator: torch.Generator) -> None:
        self.generator = generator
        self.device = generator.device
        self._host = generator if self.device.type == "cpu" else _host_after(generator)

    def uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Numbers between *low* and *high*, on the device."""
        return torch.empty(shape, device=self.device).uniform_(low, high, generator=self.generator)

    def log_uniform(self, low: float, high: float, *shape: int) -> Tensor:
        """Numbers between *low* and *high* whose logarithms are spread evenly, on the device."""
        return self.uniform(math.log(low), math.log(high), *shape).exp()

    def normal(self, *shape: int) -> Tensor:
        """Gaussian numbers of mean 0 and variance 1, on the device."""
        return torch.randn(*shape, generator=self.generator, device=self.device)

    def number(self, low: float, high: float) -> float:
        """One number between *low* and *high*, on the host."""
        return low + (high - low) * float(torch.rand((), generator=self._host))

    def rows(self, share: float, count: int) -> Tensor:
        """A random *share* of *count* rows: indices, on the device."""
        return self.split((share, 1 - share), count)[0]

    def split(self, shares: tuple[float, ...], count: int) -> list[Tensor]:
        """*count* rows, randomly distributed to *shares*, which add up to 1: indices, on the device."""
        owners = self._owners(shares, count)
        rows = on_device(owners.argsort(stable=True), self.device)  # one copy for all
        return list(torch.split(rows, owners.bincount(minlength=len(shares)).tolist()))

    def spans(self, shares: tuple[float, ...], count: int) -> list[slice]:
        """The same for rows in random order, which need not be mixed: *count* rows, cut at random."""
        sizes = self._owners(shares, count).bincount(minlength=len(shares)).tolist()
        ends = list(itertools.accumulate(sizes))
        return [slice(end - size, end) for size, end in zip(sizes, ends, strict=True)]

    def _owners(self, shares: tuple[float, ...], count: int) -> Tensor:
        edges = torch.tensor(shares, dtype=torch.float64).cumsum(0)[:-1]
        throws = torch.rand(count, generator=self._host, dtype=torch.float64)
        return torch.bucketize(throws, edges, right=True)


def on_device(values: Tensor, device: torch.device) -> Tensor:
    """*values* of the host on *device*. Only a copy from pinned memory does not make the host wait for a GPU."""
    return (values.pin_memory() if device.type == "cuda" else values).to(device, non_blocking=True)


def _host_after(generator: torch.Generator) -> torch.Generator:
    # The state of a CUDA generator is seed and offset; reading it does not wait for the device. One throw moves the
    # offset on, so that two sets of dice made in a row differ.
    state = generator.get_state().cpu().to(torch.int64)
    torch.rand(1, generator=generator, device=generator.device)
    seed = 0
    for byte in state.tolist():
        seed = (seed * 1_000_003 + byte) % (1 << 62)
    return torch.Generator().manual_seed(seed)
