import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from denoiser.errors import UntrustedWeights
from denoiser.models import catalog, loading
from denoiser.models.catalog import CatalogEntry
from denoiser.models.kernels import is_dense, read_kernels, spec_of


@pytest.fixture(params=["fast", "best"])
def shipped(request: pytest.FixtureRequest) -> CatalogEntry:
    return catalog.find(request.param, "cpu")


def test_the_kernels_and_properties_are_those_of_the_network(shipped: CatalogEntry) -> None:
    model = loading.load(shipped)
    kernels = read_kernels(shipped)
    weights = {name.removesuffix(".weight"): value for name, value in model.network.state_dict().items()}
    assert is_dense(shipped) and kernels.keys() == weights.keys()
    assert all(np.array_equal(kernels[name], weights[name]) for name in weights)
    assert spec_of(shipped) == model.spec


def test_other_networks_are_not_dense() -> None:
    assert not is_dense(catalog.find("codec", "cpu"))


@pytest.mark.parametrize("change", ["missing", "shape", "infinite", "widths", "blocks"])
def test_weights_that_do_not_fit_their_card_are_refused(tiny_weights: Path, tmp_path: Path, change: str) -> None:
    entry = catalog.find(str(tiny_weights), "cpu")
    tensors, settings = load_file(tiny_weights), dict(entry.card.settings)
    if change == "missing":
        del tensors["head.weight"]
    elif change == "shape":
        tensors["head.weight"] = tensors["head.weight"][:1]
    elif change == "infinite":
        tensors["head.weight"][0] = np.inf
    elif change == "widths":
        settings["widths"] = [8, 8]
    else:
        settings["blocks"] = "many"
    path = tmp_path / "changed.safetensors"
    save_file(tensors, path)
    card = replace(entry.card, settings=settings, sha256=hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(UntrustedWeights, match=r"changed\.safetensors: (weights do not match|contains values)"):
        read_kernels(CatalogEntry("changed", path, card))


def test_a_modified_file_is_refused(tiny_weights: Path) -> None:
    entry = catalog.find(str(tiny_weights), "cpu")
    entry.path.write_bytes(entry.path.read_bytes()[:-1] + b"?")
    with pytest.raises(UntrustedWeights, match="modified or truncated"):
        read_kernels(entry)
