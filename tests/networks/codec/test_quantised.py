"""Layers that learn in floats do, once rounded, what their integers do."""

import numpy as np
import pytest
import torch

from denoiser.codec.entropy.integer import IntegerLayer, IntegerNetwork
from denoiser.networks.codec.levels import LEVELS
from denoiser.networks.codec.quantised import ACTIVATIONS, Ends, QuantisedLayer

UNIT = 1 / ACTIVATIONS.most


@pytest.fixture(params=[(1, False, ACTIVATIONS), (3, True, ACTIVATIONS), (3, False, Ends(63 / 16, 63))])
def layer(request):
    kernel, shuffle, ends = request.param
    torch.manual_seed(0)
    made = QuantisedLayer(12, 16, kernel=kernel, unit=UNIT, shuffle=shuffle, by_level=True, ends=ends)
    with torch.no_grad():
        made.conv.weight.mul_(4)
        made.by_level.weights.normal_(std=0.2)
    return made


def _as_integers(layer, x, level):
    numbers = layer.integers()
    arrays = (numbers.weight.numpy(), numbers.bias.numpy(), numbers.multiplier.numpy())
    network = IntegerNetwork(
        (IntegerLayer(*arrays, numbers.shift, numbers.kernel, numbers.shuffle),), top=numbers.most
    )
    return network.evaluate(x, level)


@pytest.mark.parametrize("level", [0, 40, LEVELS - 1])
def test_the_rounded_layer_is_the_integer_layer(layer, level):
    x = np.random.default_rng(1).integers(0, 128, (12, 9, 7)).astype(np.uint8)
    layer.rounded = True
    with torch.no_grad():
        out = layer(torch.from_numpy(x.astype(np.float32))[None] * UNIT, torch.tensor([level]))[0]
    mine = torch.round(out * layer.ends.most / layer.ends.top).numpy().astype(int)
    theirs = _as_integers(layer, x, level).astype(int)
    assert len(np.unique(theirs)) > 10, "activations differ, or the test proves nothing"
    assert np.abs(mine - theirs).max() <= 1
    assert (mine == theirs).mean() > 0.99, "they differ where a half is rounded, and nowhere else"


def test_weights_fill_what_seven_bits_can_say(layer):
    numbers = layer.integers()
    assert numbers.weight.abs().amax(dim=1).tolist() == [63] * 16
    assert numbers.bias.shape == (LEVELS, 16)


def test_gradients_pass_the_rounding(layer):
    layer.rounded = True
    x = torch.full((1, 12, 4, 4), 0.5, requires_grad=True)
    layer(x, torch.tensor([5])).sum().backward()
    assert x.grad.abs().sum() > 0
    assert layer.conv.weight.grad.abs().sum() > 0


def test_what_is_clipped_can_come_back_and_go_no_further():
    torch.manual_seed(0)
    layer = QuantisedLayer(1, 1, kernel=1, unit=UNIT)
    with torch.no_grad():
        layer.conv.weight.fill_(0.0)
        layer.conv.bias.fill_(-1.0)
    x = torch.ones(1, 1, 1, 1)
    layer(x, torch.tensor([0])).sum().backward()
    assert layer.conv.bias.grad.item() == 0, "a larger loss would come from below: nothing to learn there"
    layer.zero_grad()
    (-layer(x, torch.tensor([0]))).sum().backward()
    assert layer.conv.bias.grad.item() == -1
