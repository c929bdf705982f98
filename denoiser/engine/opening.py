"""Opens a network: with OpenVINO where it is installed and passed its check, else with torch.

OpenVINO runs dense autoencoders on CPUs, in fp32 or int8, and needs no torch, which takes seconds to import.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from denoiser.engine.memory import ALIVE_AT_ONCE, BYTES, keep_freed_memory
from denoiser.engine.runner import Network
from denoiser.engine.verdict import Verdict, is_openvino_installed, stored_verdict
from denoiser.errors import MissingDevice, MissingModel
from denoiser.models.catalog import CatalogEntry
from denoiser.models.kernels import is_dense, read_kernels, spec_of
from denoiser.networks.condition import NetworkSpec
from denoiser.networks.int8 import beside, read_layers
from denoiser.networks.openvino_network import OpenvinoNetwork
from denoiser.networks.pyramid_spec import STEM


@dataclass(frozen=True, slots=True)
class Opened:
    """A network on its device, why it computes in its precision, and what the engine must know of it."""

    network: Network
    reason: str
    spec: NetworkSpec
    bytes_per_pixel: int  # of a tile: an upper bound of memory


def open_network(wish: str, device: str, entry: CatalogEntry) -> Opened:
    """The network of *entry* in the precision *wish*, or in the best one for "auto".

    Raises MissingDevice or MissingModel if int8 is requested and not possible.
    """
    if wish == "int8":
        if device != "cpu":
            raise MissingDevice("int8 is for CPUs.", hint="Use --device cpu, or --precision auto.")
        if not is_dense(entry) or not beside(entry.path).is_file():
            raise MissingModel(
                f"{entry.name} has no int8 version.", hint="Use --precision auto, or another --model."
            )
        return _by_openvino("int8", entry, "as requested")
    verdict = Verdict()
    if device == "cpu" and wish in ("auto", "fp32") and is_dense(entry) and is_openvino_installed():
        verdict = stored_verdict(entry)
    precision = verdict.precision(wish)
    if precision:
        return _by_openvino(precision, entry, "as requested" if wish != "auto" else verdict.reason)
    return _by_torch(wish, device, entry, verdict.reason if wish == "auto" else "")


def openvino_network(entry: CatalogEntry, precision: str, threads: int | None = None) -> OpenvinoNetwork:
    """The network of OpenVINO in fp32 or int8."""
    layers = read_layers(beside(entry.path), entry.card.sha256) if precision == "int8" else {}
    blocks = entry.card.settings["blocks"]
    return OpenvinoNetwork(read_kernels(entry), blocks, layers, threads=_threads() if threads is None else threads)


class _OpenvinoOnCpu:
    """A network of OpenVINO as the engine runs it."""

    device, runs_ahead = "cpu", False

    def __init__(self, network: OpenvinoNetwork, precision: str) -> None:
        self._network, self.precision = network, precision
        keep_freed_memory()

    def upload(self, values: NDArray[Any]) -> NDArray[Any]:
        """The same values."""
        return values

    def __call__(
        self, noisy: NDArray[np.float32], planes: NDArray[np.float32], check: Callable[[], None]
    ) -> NDArray[np.float32]:
        """Map noisy (B, H, W, 3) in 0..1 and planes (B, 4, 1, 1) to clean."""
        return self._network(noisy, planes, check)

    def download(self, values: Sequence[Any]) -> tuple[Sequence[Any], Callable[[], None]]:
        """The same values."""
        return values, lambda: None


def _by_openvino(precision: str, entry: CatalogEntry, reason: str) -> Opened:
    network = _OpenvinoOnCpu(openvino_network(entry, precision), precision)
    # The largest layers have the width at 1/2.
    per_pixel = -(-entry.card.settings["widths"][0] * BYTES * ALIVE_AT_ONCE // STEM**2)
    return Opened(network, reason, spec_of(entry), per_pixel)


def _by_torch(wish: str, device: str, entry: CatalogEntry, why_not_openvino: str) -> Opened:
    from denoiser.engine.torch_network import TorchNetwork, bytes_per_pixel, choose_precision
    from denoiser.models import loading

    model = loading.load(entry)
    per_pixel = bytes_per_pixel(model.network)
    network = TorchNetwork(model.network, device, "fp32")
    choice = choose_precision(wish, device, model.network)
    network.precision = choice.name
    reason = "; ".join(part for part in (choice.reason, why_not_openvino) if part)
    return Opened(network, reason, model.spec, per_pixel)


def _threads() -> int:
    """The threads that torch would use, or 0 for as many as OpenVINO chooses."""
    if torch := sys.modules.get("torch"):
        return int(torch.get_num_threads())
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdecimal() else 0
