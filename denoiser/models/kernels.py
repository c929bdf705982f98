"""Reads the weights of dense autoencoders into arrays of numpy; `loading` makes networks of torch instead."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from denoiser.errors import UntrustedWeights
from denoiser.models.catalog import CatalogEntry, verify
from denoiser.networks.condition import NetworkSpec
from denoiser.networks.pyramid_spec import DENSE, dense_kernels, dense_spec


def is_dense(entry: CatalogEntry) -> bool:
    """Whether the weights are those of a denoiser that can be read."""
    return entry.card.task == "denoiser" and entry.card.architecture == DENSE


def read_kernels(entry: CatalogEntry) -> Mapping[str, NDArray[np.float32]]:
    """The kernels in fp32 by the name of their layer; raise UntrustedWeights for a modified or invalid file."""
    verify(entry)
    try:
        shapes = dense_kernels(entry.card.settings["widths"], entry.card.settings["blocks"])
        with safe_open(entry.path, "numpy") as file:
            kernels = {name: file.get_tensor(f"{name}.weight").astype(np.float32) for name in shapes}
        wrong = [name for name, kernel in kernels.items() if kernel.shape != shapes[name]]
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise UntrustedWeights(f"{entry.path}: weights do not match a {DENSE} ({error}).") from error
    if wrong:
        raise UntrustedWeights(f"{entry.path}: weights do not match a {DENSE} (shape of {wrong[0]}).")
    if not all(np.isfinite(kernel).all() for kernel in kernels.values()):
        raise UntrustedWeights(f"{entry.path}: contains values that are not finite.")
    return kernels


def spec_of(entry: CatalogEntry) -> NetworkSpec:
    """The properties of the network."""
    return dense_spec(entry.card.settings["widths"], entry.card.settings["blocks"], entry.card.halo)
