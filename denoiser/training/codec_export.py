"""A codec's weights as they are used: float parts as float16, the index path and all tables as whole numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save

from denoiser.atomicfile import whole_file
from denoiser.codec.entropy.index import HIGHEST_INDEX, IntegerIndexModel
from denoiser.codec.entropy.integer import IntegerLayer, IntegerNetwork
from denoiser.codec.entropy.symbols import HYPER_HIGHEST
from denoiser.codec.entropy.tables import CodingTables, hyper_tables, scale_tables
from denoiser.codec.model import INDEX, NETWORK, TABLES, TASK
from denoiser.models.card import Card, card_as_toml
from denoiser.networks.codec import LatentCodec
from denoiser.networks.codec.context_model import IndexPass
from denoiser.networks.codec.latent_codec import EXACT_PARTS
from denoiser.networks.codec.levels import LEVELS
from denoiser.networks.codec.quantised import QuantisedLayer
from denoiser.training.export import Exported

_STEPS_PER_SET = 4  # quality steps that share tables of hyper symbols: they hardly differ, and tables take room
_LIMITS = (
    "Trained for RGB PSNR on 8-bit photos: drawings, text and screens are not what it has seen.",
    "Noise above sigma 50 is beyond what it has learned to leave out.",
)

Arrays = dict[str, NDArray[Any]]


def write_codec(exported: Exported, path: Path) -> Path:
    """Weights to *path* and their card beside it, each whole."""
    network = exported.network
    assert isinstance(network, LatentCodec), "a codec is exported here"
    arrays = arrays_of(network)
    encoded = save(arrays, metadata={"architecture": exported.recipe.architecture})
    card = Card(
        name=path.stem,
        summary=exported.summary,
        task=TASK,
        architecture=exported.recipe.architecture,
        settings=dict(exported.recipe.settings),
        halo=exported.recipe.halo,
        sha256=hashlib.sha256(encoded).hexdigest(),
        parameters=sum(value.size for value in arrays.values()),
        licence="Apache-2.0",
        training=dict(exported.training),
        metrics=dict(exported.metrics),
        limits=_LIMITS,
    )
    with whole_file(path) as file:
        file.write(encoded)
    with whole_file(path.with_suffix(".toml")) as file:
        file.write(card_as_toml(card).encode())
    return path


def arrays_of(network: LatentCodec) -> Arrays:
    """Everything that a weights file holds of *network*; InexactWeights where sums could lose a bit."""
    floats = {
        name: value.detach().half().cpu().contiguous().numpy()
        for name, value in network.state_dict().items()
        if not name.startswith(EXACT_PARTS)
    }
    return _under(NETWORK, floats) | _under(INDEX, index_model(network).arrays()) | _under(TABLES, _tables(network))


def index_model(network: LatentCodec) -> IntegerIndexModel:
    """The index path of *network* as whole numbers."""
    base = IntegerNetwork(_layers(network.index_base.layers()), lowest=-(HYPER_HIGHEST + 1))
    passes = [one for one in network.index_passes if isinstance(one, IndexPass)]
    return IntegerIndexModel(base, tuple(IntegerNetwork(_layers(p.layers()), top=HIGHEST_INDEX) for p in passes))


def _layers(layers: tuple[QuantisedLayer, ...]) -> tuple[IntegerLayer, ...]:
    return tuple(_layer(layer) for layer in layers)


def _layer(layer: QuantisedLayer) -> IntegerLayer:
    numbers = layer.integers()
    weight, bias, multiplier = (t.cpu().numpy() for t in (numbers.weight, numbers.bias, numbers.multiplier))
    return IntegerLayer(weight, bias, multiplier, numbers.shift, numbers.kernel, numbers.shuffle)


def _tables(network: LatentCodec) -> Arrays:
    values = torch.arange(-HYPER_HIGHEST, HYPER_HIGHEST + 1)
    by_step = network.prior.table(values.to(network.prior.middle.weights.device)).cpu().numpy()
    sets = by_step.reshape(LEVELS // _STEPS_PER_SET, _STEPS_PER_SET, *by_step.shape[1:]).mean(axis=1)
    hyper = hyper_tables(sets, np.arange(LEVELS) // _STEPS_PER_SET)
    return CodingTables(scale_tables(), hyper).arrays()


def _under(prefix: str, arrays: Mapping[str, NDArray[Any]]) -> Arrays:
    return {prefix + name: value for name, value in arrays.items()}
