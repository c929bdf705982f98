"""Weights as safetensors, with the card that describes them."""

from __future__ import annotations

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
from denoiser.training.run import Run, TrainingTask


def write_weights(
    path: Path,
    network: nn.Module,
    task: TrainingTask,
    plan: Recipe,
    *,
    summary: str,
    training: Mapping[str, Any],
    metrics: Mapping[str, float] | None = None,
) -> Path:
    """Write the weights of *network* to *path* and their card beside it, each atomically."""
    tensors = {name: value.detach().contiguous().cpu() for name, value in task.tensors(network).items()}
    encoded = save(tensors, metadata={"architecture": plan.architecture})
    card = Card(
        name=path.stem,
        summary=summary,
        task=task.name,
        architecture=plan.architecture,
        settings=plan.settings,
        halo=plan.halo,
        sha256=hashlib.sha256(encoded).hexdigest(),
        parameters=sum(value.numel() for value in tensors.values()),
        licence="Apache-2.0",
        training=training,
        metrics=metrics or {},
        limits=task.limits,
    )
    with whole_file(path) as file:
        file.write(encoded)
    with whole_file(path.with_suffix(".toml")) as file:
        file.write(card_as_toml(card).encode())
    return path


def training_facts(run: Run) -> dict[str, Any]:
    """The facts about *run* for the card."""
    megapixels = {"megapixels": round(run.progress.megapixels)} if run.progress.megapixels else {}
    return {
        "recipe": run.recipe.name,
        "steps": run.progress.step,
        "minutes": round(run.progress.seconds / 60, 1),
        **megapixels,
        "hardware": _hardware(run),
        "torch": torch.__version__,
    }


def _hardware(run: Run) -> str:
    kind = run.device.type
    cpu = f"{kind}, {torch.get_num_threads()} of {os.cpu_count()} cores, {platform.machine()}"
    one = torch.cuda.get_device_name(run.device) if kind == "cuda" else cpu
    count = f"{run.processes.size} times " if run.processes.size > 1 else ""
    return f"{count}{one}, {'bf16' if run.autocast else 'fp32'}"
