"""Weights as float16 safetensors, with the card that describes them."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import platform
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save
from torch import nn

from denoiser.atomicfile import whole_file
from denoiser.models.card import Card, card_as_toml
from denoiser.training.recipe import Recipe
from denoiser.training.run import Run

_LIMITS = ("Trained on 8-bit photos; noise above sigma 75 is beyond what it has seen.",)


@dataclasses.dataclass(frozen=True, slots=True)
class Exported:
    """A network and its card; the evaluation adds more metrics."""

    network: nn.Module
    recipe: Recipe
    summary: str
    training: Mapping[str, Any]
    metrics: Mapping[str, float] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(cls, run: Run, *, summary: str, **words: Any) -> Exported:
        """The average of *run*; *words* are metrics and what else the card's [training] tells."""
        metrics = words.pop("metrics", {})
        training = {
            "recipe": run.recipe.name,
            "steps": run.progress.step,
            "minutes": round(run.progress.seconds / 60, 1),
            "megapixels": round(run.progress.megapixels),
            "hardware": _hardware(run),
            "torch": torch.__version__,
        }
        return cls(run.average, run.recipe, summary, training | words, metrics)


def write_weights(exported: Exported, path: Path) -> Path:
    """Write weights to *path* and their card beside it, atomically."""
    state = exported.network.state_dict()
    half = {name: value.detach().half().contiguous().cpu() for name, value in state.items()}
    encoded = save(half, metadata={"architecture": exported.recipe.architecture})
    card = Card(
        name=path.stem,
        summary=exported.summary,
        task="denoiser",
        architecture=exported.recipe.architecture,
        settings=dict(exported.recipe.settings),
        halo=exported.recipe.halo,
        sha256=hashlib.sha256(encoded).hexdigest(),
        parameters=sum(value.numel() for value in half.values()),
        licence="Apache-2.0",
        training=dict(exported.training),
        metrics=dict(exported.metrics),
        limits=_LIMITS,
    )
    with whole_file(path) as file:
        file.write(encoded)
    with whole_file(path.with_suffix(".toml")) as file:
        file.write(card_as_toml(card).encode())
    return path


def processor(kind: str) -> str:
    """How the card of weights names what is no GPU of NVIDIA's."""
    return f"{kind}, {torch.get_num_threads()} of {os.cpu_count()} cores, {platform.machine()}"


def _hardware(run: Run) -> str:
    kind = run.device.type
    one = torch.cuda.get_device_name(run.device) if kind == "cuda" else processor(kind)
    number = "bf16" if run.autocast else "fp32"
    return f"{f'{run.team.size} times ' if run.team.size > 1 else ''}{one}, {number}"
