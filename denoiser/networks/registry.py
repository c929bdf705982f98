"""Networks by name. Names are stored in weights files, so the list only grows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from torch import nn

from denoiser.errors import MissingModel
from denoiser.networks.autoencoder import Convolutional, FullyConnected
from denoiser.networks.codec.latent_codec import LatentCodec
from denoiser.networks.estimator import ARCHITECTURE, NoiseEstimator
from denoiser.networks.pyramid import DenseAutoencoder, GatedAutoencoder
from denoiser.networks.pyramid_spec import DENSE

_Network = TypeVar("_Network", bound=nn.Module)

_NETWORKS: Mapping[str, type[nn.Module]] = {
    "autoencoder-connected-1": FullyConnected,
    "autoencoder-convolutional-1": Convolutional,
    DENSE: DenseAutoencoder,
    "gated-autoencoder-1": GatedAutoencoder,
    "latent-codec-1": LatentCodec,
    ARCHITECTURE: NoiseEstimator,
}


def build(kind: type[_Network], architecture: str, settings: Mapping[str, Any]) -> _Network:
    """A new network of that *kind* (Denoiser, LatentCodec, NoiseEstimator, CodingNetwork), name and settings."""
    known = {name: network for name, network in _NETWORKS.items() if issubclass(network, kind)}
    if architecture not in known:
        raise MissingModel(f"Unknown network {architecture!r}; this version supports {', '.join(sorted(known))}.")
    return known[architecture](**settings)
