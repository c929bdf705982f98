"""Layers with 8-bit weights against those in floating point."""

from __future__ import annotations

import copy

import pytest
import torch

from denoiser.networks.autoencoder import Convolutional, FullyConnected
from denoiser.networks.quantised import QuantisedConv2d, QuantisedLinear, quantise


@pytest.mark.parametrize(("rows", "size_in", "size_out"), [(1, 5, 3), (7, 64, 33), (300, 100, 784)])
def test_a_layer_is_close_to_the_original(rows: int, size_in: int, size_out: int) -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(size_in, size_out)
    x = torch.randn(rows, size_in)
    with torch.inference_mode():
        wanted, found = layer(x), QuantisedLinear(layer)(x)
    assert float((found - wanted).abs().max()) < 0.03 * float(wanted.abs().max())


def test_a_row_does_not_depend_on_its_batch() -> None:
    layer = QuantisedLinear(torch.nn.Linear(20, 10))
    x = torch.randn(50, 20) * torch.logspace(-2, 2, 50).unsqueeze(1)
    assert torch.equal(layer(x)[7], layer(x[7:8])[0])


def test_a_convolution_keeps_its_form() -> None:
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(3, 8, 3, stride=2, padding=1)
    x = torch.randn(2, 3, 9, 9)
    assert torch.allclose(QuantisedConv2d(layer)(x), layer(x), atol=0.02)


def test_rows_of_zeros_stay_finite() -> None:
    layer = torch.nn.Linear(4, 3)
    torch.nn.init.zeros_(layer.weight)
    assert torch.equal(QuantisedLinear(layer)(torch.zeros(2, 4)), layer.bias.detach().expand(2, 3))


@pytest.mark.parametrize("kind", [FullyConnected, Convolutional])
def test_a_whole_network_is_a_quarter_in_size(kind) -> None:
    torch.manual_seed(0)
    network = kind(shape=(1, 12, 12), code=8, layers=(64, 32))
    small = copy.deepcopy(network)
    quantise(small)
    images = torch.rand(5, 1, 12, 12)
    assert torch.allclose(small.decode(small.encode(images)), network.decode(network.encode(images)), atol=0.03)

    def size(of: torch.nn.Module) -> int:
        return sum(value.numel() * value.element_size() for value in of.state_dict().values())

    assert size(small) < 0.35 * size(network)
