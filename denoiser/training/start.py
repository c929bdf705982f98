"""Existing weights to fine-tune or to use as a teacher."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping
from typing import Any

import torch

from denoiser.errors import UsageError
from denoiser.models import catalog, loading
from denoiser.models.card import Card
from denoiser.networks.conditioning import Denoiser
from denoiser.training.recipe import Recipe


@dataclasses.dataclass(frozen=True, slots=True)
class Start:
    """Verified weights and their card."""

    name: str
    card: Card
    network: Denoiser  # in fp32 on the CPU, in evaluation mode

    def on(self, device: torch.device) -> Denoiser:
        """A copy of the network on *device*, for validation and as a teacher."""
        placed: Denoiser = copy.deepcopy(self.network).to(device).to(memory_format=torch.channels_last)
        return placed


def find_start(name_or_path: str) -> Start:
    """The weights of that name ("fast", a name of `denoise models`) or in that .safetensors file, verified."""
    entry = catalog.find(name_or_path, "cpu")
    return Start(entry.name, entry.card, loading.load(entry).network)


def with_network(plan: Recipe, start: Start | None) -> Recipe:
    """*plan* with its own network or that of *start*; raise UsageError if there is none or they differ."""
    if start is None:
        if not plan.architecture:
            raise UsageError(
                f"The recipe {plan.name} describes no network.", hint="Name the weights to start from with --from."
            )
        return plan
    card = start.card
    described = plan.architecture, _plain(plan.settings)
    if plan.architecture and described != (card.architecture, _plain(card.settings)):
        raise UsageError(
            f"{start.name} has another network than the recipe {plan.name} describes.",
            hint="Use `--recipe fine-tune`, which trains the network it starts from.",
        )
    return dataclasses.replace(plan, architecture=card.architecture, settings=card.settings, halo=card.halo)


def _plain(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in settings.items()}
