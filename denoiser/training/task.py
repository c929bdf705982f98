"""Training tasks: what differs between training a denoiser and training a codec."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import nn

from denoiser.networks import registry
from denoiser.training.export import write_weights
from denoiser.training.objective import Objective, against_truth
from denoiser.training.recipe import Recipe
from denoiser.training.run_folder import Writer
from denoiser.training.samples import SampleSource


@dataclass(frozen=True, slots=True)
class TrainingTask:
    """One kind of network to train. Its functions are module-level, so it can be pickled for other processes."""

    name: str  # prefix of the name of the weights file
    recipe: str  # the default recipe
    objective: Objective
    write: Writer
    build: Callable[
        [Recipe, SampleSource, Any], nn.Module
    ]  # a new network, initialised from samples and a generator if needed


def _new_denoiser(plan: Recipe, _source: SampleSource, _generator: Any) -> nn.Module:
    network: nn.Module = registry.build(plan.architecture, plan.settings)
    return network


DENOISING = TrainingTask("denoiser", "fast", against_truth, write_weights, _new_denoiser)
