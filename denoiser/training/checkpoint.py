"""Checkpoints: the state of a run as one safetensors file, written atomically and without pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from denoiser.atomicfile import whole_file
from denoiser.errors import UnusableData

_HINT = "Start afresh in another --out folder."


@dataclass(slots=True)
class Progress:
    """Progress of a run, stored in the header of the checkpoint."""

    recipe: str
    step: int = 0
    seconds: float = 0.0
    megapixels: float = 0.0


def save_state(
    path: Path,
    progress: Progress,
    networks: Mapping[str, nn.Module],
    optimisers: Sequence[torch.optim.Optimizer],
    generator: torch.Generator,
) -> None:
    """Write everything that a run needs to resume; *path* is replaced atomically."""
    tensors: dict[str, Tensor] = {"generator": generator.get_state()}
    for role, network in networks.items():
        tensors |= {f"{role}/{name}": value.detach().contiguous() for name, value in network.state_dict().items()}
    for number, optimiser in enumerate(optimisers):
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {
                f"optimiser{number}/{index}/{key}": torch.as_tensor(value).contiguous()
                for key, value in state.items()
            }
    with whole_file(path) as file:
        file.write(save(tensors, metadata={"progress": json.dumps(asdict(progress))}))


def load_state(
    path: Path,
    networks: Mapping[str, nn.Module],
    optimisers: Sequence[torch.optim.Optimizer],
    generator: torch.Generator,
) -> Progress:
    """Fills networks, optimisers and generator from *path*; raises UnusableData if it is no checkpoint."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            progress = Progress(**json.loads(file.metadata()["progress"]))
        _go_on_drawing(generator, tensors.pop("generator"), progress.step)
        for role, network in networks.items():
            network.load_state_dict(_under(tensors, role))
        for number, optimiser in enumerate(optimisers):
            _fill(optimiser, _under(tensors, f"optimiser{number}"))
    except (SafetensorError, OSError, KeyError, TypeError, RuntimeError, json.JSONDecodeError) as error:
        raise UnusableData(f"{path}: no state of such a run ({error}).", hint=_HINT) from error
    return progress


def _go_on_drawing(generator: torch.Generator, state: Tensor, step: int) -> None:
    # States of generators do not transfer between kinds of devices, so a run that moved starts a new one.
    if state.shape == generator.get_state().shape:
        generator.set_state(state)
    else:
        generator.manual_seed(generator.initial_seed() + step)


def _under(tensors: Mapping[str, Tensor], role: str) -> dict[str, Tensor]:
    return {name.removeprefix(f"{role}/"): value for name, value in tensors.items() if name.startswith(f"{role}/")}


def _fill(optimiser: torch.optim.Optimizer, flat: Mapping[str, Tensor]) -> None:
    whole = optimiser.state_dict()
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in flat.items():
        index, key = name.split("/")
        states.setdefault(int(index), {})[key] = value
    whole["state"] = states
    optimiser.load_state_dict(whole)
