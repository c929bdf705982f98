"""Compares the networks of OpenVINO with that of torch on noisy tiles, and their times; run as a child process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from denoiser.childprocess import serve
from denoiser.engine.opening import openvino_network
from denoiser.engine.torch_network import TorchNetwork, choose_precision
from denoiser.errors import DenoiserError
from denoiser.models import catalog, loading
from denoiser.networks.condition import Condition
from denoiser.networks.int8 import beside

_TILES = (
    (128, 128, 2.0),
    (128, 192, 10.0),
    (256, 128, 25.0),
)  # pixels, and sigma
_SIDE, _SIGMA = 320, 25.0  # of the tile that is timed
_ROUNDS = 3

Tile = tuple[NDArray[np.float32], NDArray[np.float32]]
Compute = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]


def examine(request: Mapping[str, Any]) -> dict[str, Any]:
    """How fp32 and int8 of OpenVINO differ from torch in 8-bit steps, and all times; or the ``fault``."""
    torch.set_num_threads(1)  # with more, threads of torch that wait for each other count as busy
    entry = catalog.find(str(Path(request["model"])), "cpu")
    try:
        model = loading.load(entry)
        by_torch = TorchNetwork(model.network, "cpu", "fp32")
        networks: dict[str, Compute] = {"fp32": openvino_network(entry, "fp32", threads=1)}
    except (DenoiserError, RuntimeError) as error:
        return {"fault": str(error)}
    answer: dict[str, Any] = {}
    if beside(entry.path).is_file():
        try:
            networks["int8"] = openvino_network(entry, "int8", threads=1)
        except (DenoiserError, RuntimeError) as error:
            answer["int8"] = {"fault": str(error)}
    tiles = [_tile(height, width, sigma) for height, width, sigma in _TILES]
    for name, network in networks.items():
        steps = [np.abs(network(*tile) - by_torch(*tile)) * 255 for tile in tiles]
        rms = max(float(np.sqrt(np.square(error).mean())) for error in steps)
        answer[name] = {"rms": rms, "largest": max(float(error.max()) for error in steps)}
    by_torch.precision = choose_precision("auto", "cpu", model.network).name
    tile = _tile(_SIDE, _SIDE, _SIGMA)
    computations: list[Compute] = [by_torch, *networks.values()]
    times = fastest([partial(compute, *tile) for compute in computations])
    answer["torch"] = {"precision": by_torch.precision, "time": times[0]}
    for name, seconds in zip(networks, times[1:], strict=True):
        answer[name]["time"] = seconds
    return answer


def fastest(calls: Sequence[Callable[[], object]]) -> list[float]:
    """Processor time of each: other programs affect it little. The fastest of a few rounds."""
    least = [float("inf")] * len(calls)
    for _ in range(_ROUNDS):
        for index, call in enumerate(calls):
            began = time.process_time()
            call()
            least[index] = min(least[index], time.process_time() - began)
    return least


def _tile(height: int, width: int, sigma: float) -> Tile:
    """A noisy ramp with a bright and a dark square, and its planes."""
    noisy = np.empty((1, height, width, 3), np.float32)
    noisy[:] = np.linspace(0.1, 0.9, width, dtype=np.float32)[:, np.newaxis]
    noisy[:, height // 4 : height // 2, width // 4 : width // 2] = 0.9, 0.4, 0.1
    noisy += np.random.default_rng(0).standard_normal(noisy.shape, dtype=np.float32) * np.float32(sigma / 255)
    return noisy, Condition(sigma, sigma, 0.0).planes().reshape(1, -1, 1, 1)


if __name__ == "__main__":
    serve(examine)
