"""What a step of training makes smaller, by what is trained."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from denoiser.training.degrade import Sample
from denoiser.training.losses import LOSSES
from denoiser.training.recipe import Stage

_TEACHER_SHARE = 0.5  # of the loss: against what the teacher makes of the sample, not against the truth


class Trainee(Protocol):
    """What an objective may know of a run."""

    network: Any
    average: Any
    teacher: nn.Module | None
    device: torch.device
    generator: torch.Generator

    @property
    def forward(self) -> Callable[..., Any]:
        """The network, as it is trained."""
        ...

    @property
    def fraction(self) -> float:
        """How much of the time is used up, 0..1."""
        ...

    def reckoning(self) -> AbstractContextManager[None]:
        """Within it, layers compute in the numbers of the run."""
        ...


class Objective(Protocol):
    """The loss of one batch, as a tensor on the run's device."""

    def __call__(self, run: Trainee, sample: Sample, stage: Stage) -> Tensor:
        """Draws what is random from the run's generator."""
        ...


def against_truth(run: Trainee, sample: Sample, stage: Stage) -> Tensor:
    """How far a denoiser's output is from the truth and, where there is one, from its teacher's."""
    loss = LOSSES[stage.loss]
    noisy = sample.noisy.to(run.device, memory_format=torch.channels_last)
    target = sample.target.to(run.device, memory_format=torch.channels_last)  # as outputs come
    planes = sample.planes.to(run.device)
    with run.reckoning():
        output = run.forward(noisy, planes)
    to_truth = loss(output.float(), target)
    if run.teacher is None:
        return to_truth
    with torch.no_grad(), run.reckoning():
        shown = run.teacher(noisy, planes)
    return torch.lerp(to_truth, loss(output.float(), shown.float()), _TEACHER_SHARE)
