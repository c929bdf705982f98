"""Random numbers for a batch: pixel values on the device, decisions about splitting it on the host.

Splitting a batch needs its random numbers on the host. Numbers from a GPU would make the host wait for all queued
work, so they come from a host generator that is seeded with the state of the given one.
"""

from __future__ import annotations

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
        return torch.rand(*shape, generator=self.generator, device=self.device) * (high - low) + low

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
        edges = torch.tensor(shares, dtype=torch.float64).cumsum(0)[:-1]
        throws = torch.rand(count, generator=self._host, dtype=torch.float64)
        owner = torch.bucketize(throws, edges, right=True)
        rows = [(owner == number).nonzero().squeeze(1) for number in range(len(shares))]
        return [some.to(self.device, non_blocking=True) for some in rows]  # without waiting for the device


def _host_after(generator: torch.Generator) -> torch.Generator:
    # The state of a CUDA generator is seed and offset; reading it does not wait for the device. One throw moves the
    # offset on, so that two sets of dice made in a row differ.
    state = generator.get_state().cpu().to(torch.int64)
    torch.rand(1, generator=generator, device=generator.device)
    seed = 0
    for byte in state.tolist():
        seed = (seed * 1_000_003 + byte) % (1 << 62)
    return torch.Generator().manual_seed(seed)
