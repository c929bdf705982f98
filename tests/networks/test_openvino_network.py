import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from denoiser.errors import MissingDevice
from denoiser.models import catalog
from denoiser.models.kernels import read_kernels
from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import planes_of
from denoiser.networks.int8 import (
    LARGEST,
    LARGEST_PAIR,
    Int8Layer,
    beside,
    can_be_fine,
    is_signed,
    quantisable,
    read_layers,
)
from denoiser.networks.openvino_network import OpenvinoNetwork, _Graph
from denoiser.networks.pyramid import DenseAutoencoder
from denoiser.training.int8 import simulated

BLOCKS = (1, 1, 2, 1, 1)
PLANES = planes_of(Condition(25.0, 25.0, 0.0)).numpy()


@pytest.fixture(scope="module")
def network() -> DenseAutoencoder:
    network = DenseAutoencoder((8, 12, 16), BLOCKS)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) / weight[0].numel() ** 0.5)
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def weights(network) -> dict[str, np.ndarray]:
    return {name.removesuffix(".weight"): value.numpy() for name, value in network.state_dict().items()}


@pytest.fixture(scope="module")
def layers(weights) -> dict[str, Int8Layer]:
    """Simple rounding to half of the range, steps that differ between channels; one layer of each kind is fine."""
    made = {}
    for name in quantisable(weights):
        step = np.linspace(0.02, 0.04, weights[name].shape[1], dtype=np.float32)
        kernel = weights[name] * step[:, np.newaxis, np.newaxis]
        scale = np.abs(kernel).max(axis=(1, 2, 3)) / (LARGEST_PAIR // 2)
        ints = np.round(kernel / scale[:, np.newaxis, np.newaxis, np.newaxis]).astype(np.int8)
        made[name] = Int8Layer(ints, scale, step, fine=name.startswith("leave_half"))
    return made


@pytest.fixture(scope="module")
def tile() -> np.ndarray:
    return np.random.default_rng(0).random((1, 64, 96, 3), dtype=np.float32)


_WATCHED = """
import os, sys
def forbid(event, arguments):
    if event in ("os.fork", "subprocess.Popen", "socket.connect", "socket.getaddrinfo"):
        os.write(2, f"{event} {arguments}".encode())
        os._exit(99)
sys.addaudithook(forbid)
import time
from denoiser.networks.openvino_network import _openvino
_openvino()
time.sleep(0.3)
"""


def test_openvino_reports_nothing_to_its_makers(tmp_path):
    home = {"HOME": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, "-c", _WATCHED], env=os.environ | home, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    assert not list(tmp_path.iterdir()), "no number of this user is stored"


def _by_torch(network, tile) -> np.ndarray:
    with torch.inference_mode():
        clean = network(torch.from_numpy(tile).permute(0, 3, 1, 2), torch.from_numpy(PLANES))
    return clean.permute(0, 2, 3, 1).numpy()


def test_without_integers_it_is_the_network_of_torch(network, weights, tile):
    assert np.allclose(OpenvinoNetwork(weights, BLOCKS, {}, 1)(tile, PLANES), _by_torch(network, tile), atol=1e-4)


@pytest.mark.parametrize("fine", [False, True])
def test_each_layer_computes_what_its_numbers_say(network, weights, layers, tile, fine):
    exact = _by_torch(network, tile)
    parts = dict(network.named_modules())
    for name, layer in layers.items():
        layer = dataclasses.replace(layer, fine=fine and can_be_fine(layer.kernel))
        ours = OpenvinoNetwork(weights, BLOCKS, {name: layer}, 1)(tile, PLANES)
        with simulated(parts[name], layer, is_signed(name)):
            wanted = _by_torch(network, tile)
        changed = np.abs(wanted - exact).max()
        assert changed > 1e-3  # else nothing was compared
        # Sums in another order put a few values on the other side of a rounding.
        assert np.abs(ours - wanted).mean() < 0.1 * np.abs(wanted - exact).mean(), name


@pytest.mark.parametrize("rest", [0, 127 / 256])
@pytest.mark.parametrize(("name", "size"), [("a.first", 3), ("a.second", 3), ("down", 2), ("expand", 1)])
def test_sums_of_the_largest_products_are_exact(name, size, rest):
    """Processors without VNNI add the products of two neighbours in 16 bits, which must not overflow."""
    rng = np.random.default_rng(0)
    one = rng.integers(1, LARGEST + 1, (24, 16, 1, size, size))
    pairs = np.concatenate([one, LARGEST_PAIR - one], axis=2) * rng.choice([-1, 1], one.shape)  # of one sign
    kernel = pairs.reshape(24, 32, size, size).astype(np.int8)
    fine = rest > 0 and can_be_fine(kernel)
    layer = Int8Layer(kernel, np.ones(24, np.float32), np.ones(32, np.float32), fine)
    ends = (-128, 127) if is_signed(name) else (0, 255)
    x = (rng.choice(ends, (1, 32, 26, 34)) + rng.choice([-rest, rest], (1, 32, 26, 34))).astype(np.float32)
    rounded = torch.from_numpy(x if fine else x.round().clip(*ends)).double()
    stride, padding = (2, 0) if size == 2 else (1, size // 2)
    wanted = torch.conv2d(rounded, torch.from_numpy(kernel).double(), None, stride, padding)
    assert np.allclose(_alone(name, layer, x), wanted.numpy(), rtol=0, atol=0.1 if fine else 0)


def _alone(name: str, layer: Int8Layer, x: np.ndarray) -> np.ndarray:
    """The output of one quantised layer."""
    import openvino

    graph = _Graph({}, {name: layer})
    source = openvino.opset13.parameter([1, x.shape[1], -1, -1], np.float32)
    model = openvino.Model([graph._conv(source, name)], [source], "layer")
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    return openvino.Core().compile_model(model, "CPU", settings)([x])[0]


SHIPPED = ["fast", "best"]


def _shipped(model: str, integers: bool) -> OpenvinoNetwork:
    entry = catalog.find(model, "cpu")
    layers = read_layers(beside(entry.path), entry.card.sha256) if integers else {}
    return OpenvinoNetwork(read_kernels(entry), entry.card.settings["blocks"], layers, 1)


@pytest.mark.parametrize("model", SHIPPED)
def test_the_shipped_integers_keep_the_limit_of_two_neighbours(model):
    entry = catalog.find(model, "cpu")
    for layer in read_layers(beside(entry.path), entry.card.sha256).values():
        outputs, channels, *size = layer.kernel.shape
        pairs = np.abs(layer.kernel.astype(int)).reshape(outputs, channels // 2, 2, *size).sum(axis=2)
        assert pairs.max() <= LARGEST_PAIR


@pytest.mark.parametrize("model", SHIPPED)
@pytest.mark.parametrize(
    ("top", "bottom"), [((0.45, 0.62, 0.85), (0.7, 0.8, 0.92)), ((0.02, 0.03, 0.06), (0.1, 0.11, 0.14))]
)
@pytest.mark.parametrize("sigma", [2.0, 5.0])
def test_a_clear_sky_has_no_bands(model, top, bottom, sigma):
    """Bands are steps between rows, whose means differ from those of fp32 by at most a tenth of an 8-bit step."""
    height = np.linspace(0, 1, 384)[np.newaxis, :, np.newaxis, np.newaxis]
    sky = np.broadcast_to(np.array(top) * (1 - height) + np.array(bottom) * height, (1, 384, 384, 3))
    noise = np.random.default_rng(0).standard_normal(sky.shape) * sigma / 255
    noisy = (np.round((sky + noise) * 65535).clip(0, 65535) / 65535).astype(np.float32)
    planes = planes_of(Condition(sigma, sigma, 0.0)).numpy()
    ours, wanted = (_shipped(model, integers)(noisy, planes)[0, 32:-32, 32:-32] for integers in (True, False))
    rows = ((ours - wanted) * 255).mean(axis=1).reshape(-1, 8, 3).mean(axis=1)
    assert 0 < np.abs(rows).max() < 0.1
    assert np.abs(np.diff(rows, axis=0)).max() < 0.1


def test_threads_shapes_and_earlier_tiles_do_not_change_a_bit(weights, layers, tile):
    one, two = (OpenvinoNetwork(weights, BLOCKS, layers, threads) for threads in (1, 2))
    first = one(tile, PLANES)
    assert np.array_equal(first, two(tile, PLANES))
    corner = np.ascontiguousarray(tile[:, :40, :48])
    assert np.array_equal(one(corner, PLANES), OpenvinoNetwork(weights, BLOCKS, layers, 1)(corner, PLANES))
    assert np.array_equal(first, one(tile, PLANES))


def test_a_result_stays_when_the_next_one_is_computed(weights, layers, tile):
    network = OpenvinoNetwork(weights, BLOCKS, layers, 1)
    first = network(tile, PLANES)
    before = first.copy()
    network(tile[:, :, ::-1], PLANES)
    assert np.array_equal(first, before)


def test_it_stops_if_the_check_raises_and_works_afterwards(weights, layers):
    large = np.random.default_rng(0).random((1, 1024, 1024, 3), dtype=np.float32)
    network = OpenvinoNetwork(weights, BLOCKS, layers, 1)

    def check() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        network(large, PLANES, check)
    small = large[:, :64, :64].copy()
    assert np.array_equal(network(small, PLANES), OpenvinoNetwork(weights, BLOCKS, layers, 1)(small, PLANES))


def test_without_openvino_the_extra_is_named(weights, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingDevice) as caught:
        OpenvinoNetwork(weights, BLOCKS, {}, 1)
    assert "pip install openvino" in caught.value.hint
