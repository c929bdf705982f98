"""Loads weights into networks. Only safetensors is read; nothing is ever unpickled."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from denoiser.errors import MissingModel, UntrustedWeights
from denoiser.models.catalog import CatalogEntry, verify
from denoiser.networks import registry
from denoiser.networks.condition import NetworkSpec
from denoiser.networks.conditioning import Denoiser


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """A network with its weights in fp32 on the CPU, in evaluation mode, and its properties."""

    name: str
    digest: str
    network: Denoiser
    spec: NetworkSpec
    path: Path
    blocks: tuple[int, ...] = ()  # residual pairs of each row, if it has such


def load(entry: CatalogEntry) -> LoadedModel:
    """Verify and load a denoiser.

    Raises UntrustedWeights for a modified, truncated or invalid file, MissingModel if *entry* is not a denoiser.
    """
    card = entry.card
    if card.task != "denoiser":
        raise MissingModel(
            f"{entry.name} is a {card.task}, not a denoiser.", hint="Run `denoise models` for a list of denoisers."
        )
    verify(entry)
    try:
        network = registry.build(Denoiser, card.architecture, card.settings)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UntrustedWeights(
            f"{entry.path}: its card does not describe a {card.architecture} ({error})."
        ) from error
    try:
        tensors = load_file(entry.path)
        network.load_state_dict({name: value.float() for name, value in tensors.items()})
    except (SafetensorError, OSError, RuntimeError) as error:
        raise UntrustedWeights(f"{entry.path}: weights do not match a {card.architecture} ({error}).") from error
    if not all(torch.isfinite(value).all() for value in network.state_dict().values()):
        raise UntrustedWeights(f"{entry.path}: contains values that are not finite.")
    network.eval().requires_grad_(False)
    blocks = tuple(card.settings.get("blocks", ()))
    return LoadedModel(entry.name, card.sha256, network, network.spec(card.halo), entry.path, blocks)
