"""Existing weights to fine-tune or to use as a teacher."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import torch

from denoiser import models
from denoiser.errors import UsageError
from denoiser.networks.pyramid import PyramidAutoencoder
from denoiser.training.recipe import Recipe


@dataclasses.dataclass(frozen=True, slots=True)
class Start:
    """Verified weights and the network described by their card."""

    name: str
    digest: str
    architecture: str
    settings: Mapping[str, Any]
    halo: int
    network: PyramidAutoencoder  # in fp32 on the CPU, in evaluation mode

    def on(self, device: torch.device) -> PyramidAutoencoder:
        """A copy of the network on *device*, for validation and as a teacher."""
        placed: PyramidAutoencoder = copy.deepcopy(self.network).to(device).to(memory_format=torch.channels_last)
        return placed


def find_start(name_or_path: str) -> Start:
    """The weights of that name ("fast", a name of `denoise models`) or in that .safetensors file, verified."""
    entry = models.find(name_or_path, "cpu")
    card = entry.card
    return Start(entry.name, card.sha256, card.architecture, card.settings, card.halo, models.load(entry).network)


def suited(plan: Recipe, start: Start | None) -> Recipe:
    """*plan* with its network: its own, or that of *start*; UsageError where there is none, or the two differ."""
    if start is None:
        if not plan.architecture:
            raise UsageError(
                f"The recipe {plan.name} describes no network.", hint="Name the weights to start from with --from."
            )
        return plan
    described = _network(plan.architecture, plan.settings)
    if plan.architecture and described != _network(start.architecture, start.settings):
        raise UsageError(
            f"{start.name} is another network than the recipe {plan.name} describes.",
            hint="Take `--recipe fine-tune`, which trains whatever it starts from.",
        )
    return dataclasses.replace(plan, architecture=start.architecture, settings=start.settings, halo=start.halo)


def _network(architecture: str, settings: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    plain = {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}
    return architecture, plain
