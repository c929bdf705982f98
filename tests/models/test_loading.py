import hashlib
import pickle
import re

import pytest
import torch
from safetensors.torch import load_file, save_file

from denoiser.errors import UntrustedWeights
from denoiser.models import catalog, loading
from denoiser.models.card import card_as_toml, read_card


def _recarded(weights) -> None:
    """Gives the card the digest of the file as it is now: the attack of someone who writes both."""
    card = read_card(weights.with_suffix(".toml"))
    text = card_as_toml(card).replace(card.sha256, hashlib.sha256(weights.read_bytes()).hexdigest())
    weights.with_suffix(".toml").write_text(text, encoding="utf-8")


def _load(weights):
    return loading.load(catalog.find(str(weights), "cpu"))


def test_a_loaded_network_is_ready(tiny_weights):
    model = _load(tiny_weights)
    assert not model.network.training
    assert all(not p.requires_grad and p.dtype == torch.float32 for p in model.network.parameters())
    assert model.spec.halo == 32
    assert model.spec.size_multiple == 8


def test_a_cut_file_is_refused(tiny_weights):
    tiny_weights.write_bytes(tiny_weights.read_bytes()[:-100])
    _recarded(tiny_weights)
    with pytest.raises(UntrustedWeights, match="weights do not match"):
        _load(tiny_weights)


def test_a_pickle_is_refused_and_not_run(tiny_weights, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    tiny_weights.write_bytes(pickle.dumps(Trap()))
    _recarded(tiny_weights)
    with pytest.raises(UntrustedWeights):
        _load(tiny_weights)
    assert not (tmp_path / "sprung").exists()


def test_foreign_tensors_are_refused(tiny_weights):
    save_file({"someone.elses": torch.zeros(3)}, tiny_weights)
    _recarded(tiny_weights)
    with pytest.raises(UntrustedWeights, match="weights do not match"):
        _load(tiny_weights)


def test_numbers_that_are_not_finite_are_refused(tiny_weights):
    tensors = load_file(tiny_weights)
    tensors["head.weight"][0, 0, 0, 0] = torch.nan
    save_file(tensors, tiny_weights)
    _recarded(tiny_weights)
    with pytest.raises(UntrustedWeights, match="not finite"):
        _load(tiny_weights)


@pytest.mark.parametrize("settings", ["widths = [8, 8]", 'widths = "wide"', "unknown = 3"])
def test_a_card_that_describes_no_network_is_refused(tiny_weights, settings):
    card = tiny_weights.with_suffix(".toml")
    text, count = re.subn(r"widths = \[[^]]*\]", settings, card.read_text(encoding="utf-8"))
    assert count == 1
    card.write_text(text, encoding="utf-8")
    with pytest.raises(UntrustedWeights, match="its card does not describe a"):
        _load(tiny_weights)
