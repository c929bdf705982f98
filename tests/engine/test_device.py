import math

import pytest
import torch

from denoiser.engine import device
from denoiser.engine.device import bf16_error, choose, choose_device, choose_precision, hardware_name
from denoiser.errors import MissingDevice
from denoiser.models import catalog, loading
from denoiser.networks.pyramid import PyramidAutoencoder


def test_a_named_device_is_never_replaced_in_silence():
    assert choose_device("cpu") == "cpu"
    assert choose("cpu").reason == "as requested"
    if not torch.cuda.is_available():
        assert choose("auto").name == "cpu"
        assert "no CUDA device" in choose("auto").reason
        with pytest.raises(MissingDevice, match="CUDA"):
            choose("cuda")
    if not torch.backends.mps.is_available():
        with pytest.raises(MissingDevice, match="Apple"):
            choose("mps")


def test_the_hardware_has_a_name():
    assert hardware_name("cpu").strip()


@pytest.fixture
def network(tiny_weights) -> PyramidAutoencoder:
    return loading.load(catalog.find(str(tiny_weights), "cpu")).network


@pytest.mark.parametrize("wish", ["fp32", "bf16"])
def test_a_requested_precision_is_used_without_a_check(wish, network, monkeypatch):
    monkeypatch.setattr(device, "bf16_error", lambda *_: pytest.fail("computed a tile"))
    choice = choose_precision(wish, "cpu", network)
    assert (choice.name, choice.reason) == (wish, "as requested")


@pytest.mark.parametrize(
    ("supported", "error", "name", "reason"),
    [
        (True, (0.1, 1.0), "bf16", "supported"),
        (True, (0.4, 1.0), "fp32", "differs"),
        (True, (0.1, 40.0), "fp32", "differs by up to 40 steps"),
        (True, (math.nan, math.nan), "fp32", "differs"),
        (False, (0.0, 0.0), "fp32", "no bf16 instructions"),
    ],
)
def test_bf16_is_used_if_it_is_supported_and_accurate(network, monkeypatch, supported, error, name, reason):
    monkeypatch.setattr(device, "fast_bf16", lambda: supported)
    monkeypatch.setattr(device, "bf16_error", lambda *_: error)
    choice = choose_precision("auto", "cpu", network)
    assert choice.name == name and reason in choice.reason


def test_the_error_of_bf16_is_that_of_rounding_and_always_the_same(network):
    rms, largest = bf16_error(network, "cpu")
    assert 0.001 < rms < 0.35 and rms < largest <= 3
    assert bf16_error(network, "cpu") == (rms, largest)


def test_a_build_that_computes_bf16_wrongly_is_detected(network, monkeypatch):
    def wrong_in_bf16(layer, inputs, output):
        return output + 2 if output.dtype == torch.bfloat16 else output

    monkeypatch.setattr(device, "fast_bf16", lambda: True)
    network.tail.register_forward_hook(wrong_in_bf16)
    choice = choose_precision("auto", "cpu", network)
    assert choice.name == "fp32" and "differs" in choice.reason
