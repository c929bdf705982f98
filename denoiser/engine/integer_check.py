"""Compares int8 with fp32 on noisy tiles, and its time with that of another precision; run as a child process."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from denoiser.childprocess import serve
from denoiser.engine.integer import integer_network
from denoiser.engine.runner import exactly
from denoiser.errors import DenoiserError
from denoiser.models import catalog, loading
from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import planes_of

_TILES = (
    (128, 128, 2.0),
    (128, 192, 10.0),
    (256, 128, 25.0),
)  # pixels, and sigma
_SIDE, _SIGMA = 768, 25.0  # of the tile that is timed
_ROUNDS = 4


def examine(request: dict[str, Any]) -> dict[str, float | str]:
    """The differences in 8-bit steps, and the time relative to the precision ``other``; or the ``fault``."""
    torch.set_num_threads(1)  # with more, threads of torch that wait for each other count as busy
    try:
        model = loading.load(catalog.find(str(Path(request["model"])), "cpu"))
        integers = integer_network(model, threads=1)
    except (DenoiserError, RuntimeError) as error:
        return {"fault": str(error)}
    network = model.network.to(memory_format=torch.channels_last)

    def by_torch(noisy: Tensor, planes: Tensor, precision: str) -> Tensor:
        with torch.inference_mode(), exactly("cpu", precision):
            clean: Tensor = network(noisy, planes).float()
        return clean

    def by_integers(noisy: Tensor, planes: Tensor) -> Tensor:
        clean = integers(noisy.permute(0, 2, 3, 1).numpy(), planes.numpy())
        return torch.from_numpy(clean).permute(0, 3, 1, 2)

    steps = []
    for height, width, sigma in _TILES:
        tile = _tile(height, width, sigma)
        steps.append((by_integers(*tile) - by_torch(*tile, "fp32")).abs().numpy() * 255)
    tile = _tile(_SIDE, _SIDE, _SIGMA)
    ratio = relative_time(lambda: by_integers(*tile), lambda: by_torch(*tile, request["other"]))
    return {
        "rms": max(float(np.sqrt(np.square(error).mean())) for error in steps),
        "largest": max(float(error.max()) for error in steps),
        "time": ratio,
    }


def relative_time(one: Callable[[], object], other: Callable[[], object]) -> float:
    """Processor time of *one* relative to *other*: other programs affect it little. The fastest of a few rounds."""
    fastest = [float("inf")] * 2
    for _ in range(_ROUNDS):
        for index, call in enumerate((one, other)):
            began = time.process_time()
            call()
            fastest[index] = min(fastest[index], time.process_time() - began)
    return fastest[0] / max(fastest[1], 1e-9)


def _tile(height: int, width: int, sigma: float) -> tuple[Tensor, Tensor]:
    """A noisy ramp with a bright and a dark square, and its planes."""
    clean = torch.linspace(0.1, 0.9, width).expand(1, 3, height, width).clone()
    clean[:, :, height // 4 : height // 2, width // 4 : width // 2] = torch.tensor([0.9, 0.4, 0.1])[:, None, None]
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)) * (sigma / 255)
    planes = planes_of(Condition(sigma, sigma, 0.0))
    return (clean + noise).contiguous(memory_format=torch.channels_last), planes


if __name__ == "__main__":
    serve(examine)
