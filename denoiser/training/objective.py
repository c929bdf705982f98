"""Training objectives: the loss functions, and the loss of one batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from denoiser.training.degrade import Sample
from denoiser.training.recipe import Stage

_CHARBONNIER_EPSILON = 1e-3  # a quarter of an 8-bit step: below it the loss turns quadratic
_LOG_FLOOR = 1e-6  # 60 dB: better than that is not asked for


def charbonnier(output: Tensor, target: Tensor) -> Tensor:
    """A smooth L1: robust while the network is still rough."""
    return torch.sqrt((output - target).square() + _CHARBONNIER_EPSILON**2).mean()


def log_mse(output: Tensor, target: Tensor) -> Tensor:
    """The mean over pictures of the logarithm of the squared error: each decibel counts alike at every level."""
    return torch.log10((output - target).square().mean(dim=(1, 2, 3)) + _LOG_FLOOR).mean()


def rms(output: Tensor, target: Tensor) -> Tensor:
    """The mean over pictures of the root of the mean squared error: what PSNR measures, weak noise not drowned."""
    squared = (output - target).square().mean(dim=(1, 2, 3))
    return torch.sqrt(squared + _CHARBONNIER_EPSILON**2).mean()


LOSSES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "charbonnier": charbonnier,
    "log-mse": log_mse,
    "rms": rms,
}


_TEACHER_SHARE = 0.5  # share of the loss against the output of the teacher; the rest is against the target


class Trainee(Protocol):
    """The parts of a run that an objective uses."""

    network: Any
    average: Any
    teacher: nn.Module | None
    device: torch.device
    generator: torch.Generator

    @property
    def forward(self) -> Callable[..., Any]:
        """The network in training mode, possibly compiled or distributed."""
        ...

    @property
    def fraction(self) -> float:
        """Fraction of the training time used, 0..1."""
        ...

    def in_precision(self) -> AbstractContextManager[None]:
        """Context in which layers compute in the precision of the run."""
        ...


class Objective(Protocol):
    """The loss of one batch, as a tensor on the run's device."""

    def __call__(self, run: Trainee, sample: Sample, stage: Stage) -> Tensor:
        """The loss; random numbers come from the generator of the run."""
        ...


def against_truth(run: Trainee, sample: Sample, stage: Stage) -> Tensor:
    """Loss of a denoiser against the target and, if there is one, against the output of its teacher."""
    loss = LOSSES[stage.loss]
    noisy = sample.noisy.to(run.device, memory_format=torch.channels_last)
    target = sample.target.to(run.device, memory_format=torch.channels_last)  # the memory layout of the output
    planes = sample.planes.to(run.device)
    with run.in_precision():
        output = run.forward(noisy, planes)
    to_truth = loss(output.float(), target)
    if run.teacher is None:
        return to_truth
    with torch.no_grad(), run.in_precision():
        shown = run.teacher(noisy, planes)
    return torch.lerp(to_truth, loss(output.float(), shown.float()), _TEACHER_SHARE)
