"""Loads codec weights: the integer part, which needs no torch, and the float network.

network.*    float16    analysis, synthesis, gains, hyper-analysis, means
index.*      int8, int32    the table of each latent
tables.*     uint16, int32    frequency tables
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from denoiser.codec.entropy.index import IntegerIndexModel
from denoiser.codec.entropy.tables import CodingTables
from denoiser.errors import InexactWeights, MissingModel, UnknownWeights, UntrustedWeights
from denoiser.models import catalog
from denoiser.models.catalog import CatalogEntry

if TYPE_CHECKING:
    from denoiser.networks.codec.latent_codec import LatentCodec
    from denoiser.networks.condition import NetworkSpec

TASK = "codec"
SHIPPED = "codec"  # what "auto" means
NETWORK, INDEX, TABLES = "network.", "index.", "tables."

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class ExactPart:
    """The integer part, which determines the symbols. The same on every machine; thread-safe."""

    tables: CodingTables
    index: IntegerIndexModel
    latents: int
    hyper: int


@dataclass(frozen=True, slots=True)
class CodecModel:
    """A loaded codec: its network in fp32 on the CPU, in evaluation mode, without the index path."""

    name: str
    digest: str  # SHA-256 of the weights file
    exact: ExactPart
    network: LatentCodec
    spec: NetworkSpec


def find(name_or_path: str) -> CatalogEntry:
    """The catalogue entry of a codec by name, path or "auto"; raises MissingModel if there is none."""
    wanted = SHIPPED if name_or_path == "auto" else name_or_path
    try:
        entry = catalog.find(wanted, "cpu")
    except MissingModel as error:
        if Path(wanted).suffix:
            raise  # the message describes the file
        known = ", ".join(one.name for one in _codecs()) or "none"
        raise MissingModel(f"No codec named {wanted!r}; installed: {known}.") from error
    if entry.card.task != TASK:
        raise MissingModel(
            f"{entry.name} is a {entry.card.task}, not a codec.",
            hint="Omit --model, or pass the weights of a codec.",
        )
    return entry


def find_by_digest(digest: str, name_or_path: str = "auto") -> CatalogEntry:
    """The codec whose digest begins with these hex digits; raises UnknownWeights if none is installed."""
    known = _codecs()
    if name_or_path != "auto":
        known.insert(0, find(name_or_path))
    for entry in known:
        if entry.card.sha256.startswith(digest):
            return entry
    raise UnknownWeights(
        f"needs the codec weights {digest}, which are not installed",
        hint="Install the version of denoise that wrote it, or pass its weights with --model.",
    )


def load_exact(entry: CatalogEntry) -> ExactPart:
    """Verify *entry* and load its integer part, without torch."""
    return _exact(entry, _arrays(entry))


def load(entry: CatalogEntry) -> CodecModel:
    """Verify and load *entry*; raises UntrustedWeights if the file is modified, truncated or not a codec."""
    import torch

    from denoiser.networks import registry
    from denoiser.networks.codec.latent_codec import LatentCodec

    arrays = _arrays(entry)
    exact = _exact(entry, arrays)
    card = entry.card
    floats = {name: torch.from_numpy(value.astype(np.float32)) for name, value in _under(NETWORK, arrays).items()}
    if not all(bool(torch.isfinite(value).all()) for value in floats.values()):
        raise UntrustedWeights(f"{entry.path}: contains values that are not finite.")
    try:
        network = registry.build(LatentCodec, card.architecture, card.settings)
        spec = network.spec(card.halo)
        network.leave_out_exact_parts()
        network.load_state_dict(floats)
    except (MissingModel, TypeError, ValueError, RuntimeError) as error:
        raise UntrustedWeights(f"{entry.path}: not the weights of a {card.architecture} ({error}).") from error
    if (network.latents, network.hyper) != (exact.latents, exact.hyper):
        raise UntrustedWeights(f"{entry.path}: its integer part and its network do not match.")
    network.eval().requires_grad_(False)
    return CodecModel(entry.name, card.sha256, exact, network, spec)


def _codecs() -> list[CatalogEntry]:
    return [entry for entry in catalog.entries() if entry.card.task == TASK]


def _arrays(entry: CatalogEntry) -> Arrays:
    catalog.verify(entry)
    try:
        return load_file(entry.path)
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise UntrustedWeights(f"{entry.path}: not a weights file ({error}).") from error


def _under(prefix: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}


def _exact(entry: CatalogEntry, arrays: Arrays) -> ExactPart:
    try:
        tables = CodingTables.of_arrays(_under(TABLES, arrays))
        index = IntegerIndexModel.of_arrays(_under(INDEX, arrays))
    except InexactWeights as error:
        raise UntrustedWeights(f"{entry.path}: not the weights of a codec: {error.message}") from error
    return ExactPart(tables, index, index.passes[0].channels_out, tables.hyper.channels)
