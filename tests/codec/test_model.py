import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from denoiser.codec import model
from denoiser.errors import MissingModel, UnknownWeights, UntrustedWeights
from denoiser.models import catalog, loading
from denoiser.models.card import card_as_toml, read_card
from denoiser.models.explanation import explained


@pytest.fixture
def copy(tiny_codec, tmp_path):
    for suffix in (".safetensors", ".toml"):
        source = tiny_codec.with_suffix(suffix)
        (tmp_path / source.name).write_bytes(source.read_bytes())
    return tmp_path / tiny_codec.name


def _change(weights, change):
    """Changes the arrays, and gives the card the new digest: the attack of someone who writes both."""
    arrays = load_file(weights)
    change(arrays)
    save_file(arrays, weights)
    card = read_card(weights.with_suffix(".toml"))
    text = card_as_toml(card).replace(card.sha256, hashlib.sha256(weights.read_bytes()).hexdigest())
    weights.with_suffix(".toml").write_text(text, encoding="utf-8")


def test_what_is_exported_is_what_is_loaded(tiny_codec, tiny_network):
    loaded = model.load(model.find(str(tiny_codec)))
    assert (loaded.exact.latents, loaded.exact.hyper) == (tiny_network.latents, tiny_network.hyper)
    own = loaded.network.state_dict()
    for name, value in tiny_network.state_dict().items():
        if name in own:
            assert torch.allclose(own[name], value, atol=1e-3, rtol=1e-3), name
    assert not any(name.startswith(("index", "prior")) for name in own), "whole numbers have taken their place"
    assert not loaded.network.training


def test_the_exact_part_needs_no_torch(tiny_codec):
    code = (
        "import sys; from denoiser.codec import model; from denoiser.codec.context import Coder;"
        f"Coder(model.load_exact(model.find({str(tiny_codec)!r}))); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_codec_is_found_by_the_digest_in_a_file(tiny_codec):
    card = read_card(tiny_codec.with_suffix(".toml"))
    assert model.find_by_digest(card.sha256[:16], str(tiny_codec)).path == tiny_codec
    with pytest.raises(UnknownWeights, match="0123456789abcdef"):
        model.find_by_digest("0123456789abcdef", str(tiny_codec))


def test_a_denoiser_is_no_codec_and_a_codec_no_denoiser(tiny_codec):
    with pytest.raises(MissingModel, match="denoiser-fast is a denoiser"):
        model.find("denoiser-fast")
    with pytest.raises(MissingModel, match="tiny-codec is a codec"):
        loading.load(catalog.find(str(tiny_codec), "cpu"))


def test_an_unknown_name_lists_what_is_here():
    with pytest.raises(MissingModel, match="No codec named 'nowhere'"):
        model.find("nowhere")


def test_a_changed_file_is_refused(copy):
    data = bytearray(copy.read_bytes())
    data[-1] ^= 1
    copy.write_bytes(data)
    for load in (model.load, model.load_exact):
        with pytest.raises(UntrustedWeights, match="modified or truncated"):
            load(model.find(str(copy)))


def _lose_a_table(arrays):
    del arrays["tables.scales.counts"]


def _too_large_a_weight(arrays):
    arrays["index.base.0.weight"] = np.full_like(arrays["index.base.0.weight"], 100)


def _lose_a_kernel(arrays):
    del arrays["network.analysis.down.weight"]


def _no_number(arrays):
    arrays["network.analysis.down.weight"][0] = np.nan


def _another_hyper(arrays):
    arrays["network.hyper_analysis.quarter.weight"] = arrays["network.hyper_analysis.quarter.weight"][:3]


@pytest.mark.parametrize("change", [_lose_a_table, _too_large_a_weight, _lose_a_kernel, _no_number, _another_hyper])
def test_weights_that_do_not_hold_are_refused_by_name(copy, change):
    _change(copy, change)
    with pytest.raises(UntrustedWeights, match="tiny-codec"):
        model.load(model.find(str(copy)))


def test_nobody_has_to_guess_what_a_codec_is(tiny_codec):
    words = [line for _, lines in explained(catalog.find(str(tiny_codec), "cpu").card) for line in lines]
    assert any(line.startswith("A codec: network latent-codec-1") for line in words)
