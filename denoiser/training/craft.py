"""What is trained: a denoiser here, others beside it. All that a training must know of the difference."""

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
class Craft:
    """A value that another process can be given: its functions are found by name."""

    name: str  # the first word of the weights' file
    recipe: str  # where a person names none
    objective: Objective
    write: Writer
    build: Callable[
        [Recipe, SampleSource, Any], nn.Module
    ]  # a new network, from samples and a generator if it likes


def _new_denoiser(plan: Recipe, _source: SampleSource, _generator: Any) -> nn.Module:
    network: nn.Module = registry.build(plan.architecture, plan.settings)
    return network


DENOISING = Craft("denoiser", "fast", against_truth, write_weights, _new_denoiser)
