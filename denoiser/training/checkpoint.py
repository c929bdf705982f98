"""Checkpoints: the state of a run as one safetensors file, written atomically and without pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from denoiser.atomicfile import whole_file
from denoiser.errors import UnusableData

_HEADER = "progress"


@dataclass(slots=True)
class TrainingState:
    """Progress of a run, stored in the header of the checkpoint."""

    recipe: str
    step: int = 0
    seconds: float = 0.0
    megapixels: float = 0.0


def save_state(
    path: Path,
    progress: TrainingState,
    networks: Mapping[str, nn.Module],
    optimisers: Sequence[torch.optim.Optimizer],
    generator: torch.Generator,
) -> None:
    """Write everything that a run needs to resume; *path* is replaced atomically."""
    tensors: dict[str, Tensor] = {"generator": generator.get_state()}
    for role, network in networks.items():
        tensors |= {f"{role}/{name}": value for name, value in network.state_dict().items()}
    for number, optimiser in enumerate(optimisers):
        for index, state in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser{number}/{index}/{key}": torch.as_tensor(value) for key, value in state.items()}
    write_tensors(path, tensors, {_HEADER: asdict(progress)})


def load_state(
    path: Path,
    networks: Mapping[str, nn.Module],
    optimisers: Sequence[torch.optim.Optimizer],
    generator: torch.Generator,
) -> TrainingState:
    """Load networks, optimisers and generator from *path*; raise UnusableData if it is not their checkpoint."""
    tensors, values = read_tensors(path, _HEADER)
    try:
        progress = TrainingState(**values)
        state = tensors.pop("generator")
        # The state of a generator fits only the same kind of device; on another one a new sequence is started.
        if state.shape == generator.get_state().shape:
            generator.set_state(state)
        else:
            generator.manual_seed(generator.initial_seed() + progress.step)
        for role, network in networks.items():
            network.load_state_dict(_below(tensors, role))
        for number, optimiser in enumerate(optimisers):
            _fill(optimiser, _below(tensors, f"optimiser{number}"))
    except (KeyError, TypeError, RuntimeError) as error:
        raise _unusable(path, error) from error
    return progress


def write_tensors(path: Path, tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> None:
    """Write *tensors* and the JSON values of *header* to *path*, which is replaced atomically."""
    metadata = {name: json.dumps(value) for name, value in header.items()}
    encoded = save({name: value.detach().contiguous() for name, value in tensors.items()}, metadata=metadata)
    with whole_file(path) as file:
        file.write(encoded)


def read_tensors(path: Path, header: str) -> tuple[dict[str, Tensor], Any]:
    """Tensors and the value named *header* from *path*; raise UnusableData if they cannot be read."""
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
            return tensors, json.loads(file.metadata()[header])
    except (SafetensorError, OSError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise _unusable(path, error) from error


def _unusable(path: Path, error: Exception) -> UnusableData:
    return UnusableData(
        f"{path}: cannot be resumed ({error}).", hint="Choose another --out folder and start again."
    )


def _below(tensors: Mapping[str, Tensor], role: str) -> dict[str, Tensor]:
    return {name.removeprefix(f"{role}/"): value for name, value in tensors.items() if name.startswith(f"{role}/")}


def _fill(optimiser: torch.optim.Optimizer, flat: Mapping[str, Tensor]) -> None:
    states: dict[int, dict[str, Tensor]] = {}
    for name, value in flat.items():
        index, key = name.split("/")
        states.setdefault(int(index), {})[key] = value
    optimiser.load_state_dict(optimiser.state_dict() | {"state": states})
    for parameter, state in optimiser.state.items():
        for key, value in state.items():
            if value.shape == parameter.shape:  # fused updates need the same order in memory; files have another
                state[key] = torch.empty_like(parameter).copy_(value)
