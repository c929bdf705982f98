"""The networks by name. The list is written by hand and only ever grows: names stand in weights files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from denoiser.errors import MissingModel
from denoiser.networks.dense_autoencoder import DenseAutoencoder
from denoiser.networks.gated_autoencoder import GatedAutoencoder
from denoiser.networks.pyramid import PyramidAutoencoder

_BUILDERS: Mapping[str, Callable[..., PyramidAutoencoder]] = {
    "dense-autoencoder-1": DenseAutoencoder,
    "gated-autoencoder-1": GatedAutoencoder,
}


def build(architecture: str, settings: Mapping[str, Any]) -> PyramidAutoencoder:
    """A new network of that name with those settings, its weights as they start."""
    builder = _BUILDERS.get(architecture)
    if builder is None:
        known = ", ".join(sorted(_BUILDERS))
        raise MissingModel(f"{architecture!r} is no network of this version, which knows {known}.")
    return builder(**settings)
