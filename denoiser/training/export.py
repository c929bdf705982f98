"""The averaged weights as float16 safetensors, with the card that describes them."""

from __future__ import annotations

import hashlib
import platform
from pathlib import Path

import torch
from safetensors.torch import save

from denoiser.atomicfile import whole_file
from denoiser.models.card import Card, card_as_toml
from denoiser.networks.pyramid import PyramidAutoencoder
from denoiser.training.loop import Run
from denoiser.training.start import Start

_LIMITS = ("Trained on 8-bit photos; noise above sigma 75 is beyond what it has seen.",)


def export_denoiser(run: Run, path: Path, data: Path, start: Start | None = None) -> Path:
    """Writes weights and card, which names the *start*; its metrics are for the evaluation to fill in."""
    average = run.average
    if not isinstance(average, PyramidAutoencoder):
        raise TypeError("only denoisers are exported here")
    half = {name: value.detach().half().contiguous().cpu() for name, value in average.state_dict().items()}
    encoded = save(half, metadata={"architecture": run.recipe.architecture})
    card = Card(
        name=path.stem,
        summary=f"A denoiser trained with the recipe {run.recipe.name!r}.",
        task="denoiser",
        architecture=run.recipe.architecture,
        settings=dict(run.recipe.settings),
        halo=run.recipe.halo,
        sha256=hashlib.sha256(encoded).hexdigest(),
        parameters=sum(value.numel() for value in half.values()),
        licence="Apache-2.0",
        training={
            "recipe": run.recipe.name,
            "data": data.name,
            "steps": run.progress.step,
            "minutes": round(run.progress.seconds / 60, 1),
            "megapixels": round(run.progress.megapixels),
            "hardware": f"{run.device.type}, {torch.get_num_threads()} threads, {platform.machine()}",
            "torch": torch.__version__,
            **({"started_from": start.name, "started_from_sha256": start.digest} if start else {}),
        },
        limits=_LIMITS,
    )
    with whole_file(path) as file:
        file.write(encoded)
    with whole_file(path.with_suffix(".toml")) as file:
        file.write(card_as_toml(card).encode())
    return path
