"""The networks by name. The list is written by hand and only ever grows: names stand in weights files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from denoiser.errors import MissingModel
from denoiser.networks.codec import LatentCodec
from denoiser.networks.pyramid import DenseAutoencoder, GatedAutoencoder, PyramidAutoencoder

_Network = TypeVar("_Network")

_BUILDERS: Mapping[str, Callable[..., PyramidAutoencoder]] = {
    "dense-autoencoder-1": DenseAutoencoder,
    "gated-autoencoder-1": GatedAutoencoder,
}

_CODECS: Mapping[str, Callable[..., LatentCodec]] = {
    "latent-codec-1": LatentCodec,
}


def build(architecture: str, settings: Mapping[str, Any]) -> PyramidAutoencoder:
    """A new network of that name with those settings, its weights as they start."""
    return _known(_BUILDERS, architecture)(**settings)


def build_codec(architecture: str, settings: Mapping[str, Any]) -> LatentCodec:
    """A new codec of that name, in the same way."""
    return _known(_CODECS, architecture)(**settings)


def _known(builders: Mapping[str, Callable[..., _Network]], architecture: str) -> Callable[..., _Network]:
    builder = builders.get(architecture)
    if builder is None:
        known = ", ".join(sorted(builders))
        raise MissingModel(f"{architecture!r} is no network of this version, which knows {known}.")
    return builder
