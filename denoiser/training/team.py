"""The processes that train one network together, or the one that does it alone.

Each draws samples of its own; gradients are averaged, so that all take the same step and hold the same weights. The
clock of the first is everybody's, since the rates follow the time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from denoiser.errors import TrainingFailed


@dataclass(frozen=True, slots=True)
class Word:
    """What the first process says between steps, and whether any of them has failed."""

    seconds: float  # of work so far
    steps: int  # until the next word
    stop: bool
    failed: bool


class Team(Protocol):
    """What a process must know of the others."""

    @property
    def number(self) -> int:
        """Of this process; 0 is the first, which saves, validates and tells."""
        ...

    @property
    def size(self) -> int:
        """How many they are."""
        ...

    def join(self, network: nn.Module) -> nn.Module:
        """*network* such that its gradients become the average of all."""
        ...

    def backward(self, loss: Tensor) -> None:
        """Gradients of *loss*, averaged."""
        ...

    def agree(self, word: Word) -> Word:
        """The first's word, failed if any has failed. All must call it; waits for the last."""
        ...

    def check_alike(self, tensors: Iterable[Tensor]) -> None:
        """TrainingFailed when *tensors* are not the same in all processes. All must call it."""
        ...


class Alone:
    """A team of one."""

    number = 0
    size = 1

    def join(self, network: nn.Module) -> nn.Module:
        """*network* itself."""
        return network

    def backward(self, loss: Tensor) -> None:
        """Plain gradients."""
        loss.backward()  # type: ignore[no-untyped-call]

    def agree(self, word: Word) -> Word:
        """*word* itself."""
        return word

    def check_alike(self, tensors: Iterable[Tensor]) -> None:
        """Nothing to compare in a single process."""


class FabricTeam:
    """The processes that Lightning Fabric started; *fabric* is its Fabric, launched."""

    def __init__(self, fabric: Any) -> None:
        self._fabric = fabric
        self.number = int(fabric.global_rank)
        self.size = int(fabric.world_size)

    def join(self, network: nn.Module) -> nn.Module:
        """*network* under distributed data parallelism."""
        joined: nn.Module = self._fabric.setup_module(network, move_to_device=False)
        return joined

    def backward(self, loss: Tensor) -> None:
        """Gradients, averaged over the processes during the backward pass."""
        self._fabric.backward(loss)

    def agree(self, word: Word) -> Word:
        """One small sum over all, to which only the first adds what is its to say."""
        leads = self.number == 0
        said = [word.seconds * leads, word.steps * leads, word.stop and leads, word.failed]
        heard = torch.tensor([float(value) for value in said], dtype=torch.float64, device=self._fabric.device)
        seconds, steps, stop, failed = self._fabric.all_reduce(heard, reduce_op="sum").tolist()
        return Word(seconds, round(steps), stop > 0, failed > 0)

    def check_alike(self, tensors: Iterable[Tensor]) -> None:
        """By their sums in float64, which differ as soon as one value does."""
        mine = torch.stack([tensor.detach().double().sum() for tensor in tensors]).to(self._fabric.device)
        both_ways = torch.cat([mine, -mine])
        most = self._fabric.all_reduce(both_ways.clone(), reduce_op="max")
        if not torch.equal(most, both_ways):  # one process has a larger or smaller sum
            raise TrainingFailed(
                "The processes no longer hold the same weights.", hint="Go on from the last state with --resume."
            )
