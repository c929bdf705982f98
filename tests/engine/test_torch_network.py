import math

import numpy as np
import pytest
import torch

from denoiser.engine import torch_network
from denoiser.engine.canvas import Canvas, Scale
from denoiser.engine.runner import NetworkRunner
from denoiser.engine.torch_network import TorchNetwork, bf16_error, bytes_per_pixel, choose_precision
from denoiser.events import CancelToken
from denoiser.models import catalog, loading
from denoiser.networks import registry
from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import Denoiser
from denoiser.networks.pyramid import PyramidAutoencoder
from denoiser.tiling import plan_tiles

PLANES = Condition(25.0, 25.0, 0.0).planes().reshape(1, 4, 1, 1)


@pytest.fixture
def network(tiny_weights) -> PyramidAutoencoder:
    return loading.load(catalog.find(str(tiny_weights), "cpu")).network


@pytest.mark.parametrize("wish", ["fp32", "bf16"])
def test_a_requested_precision_is_used_without_a_check(wish, network, monkeypatch):
    monkeypatch.setattr(torch_network, "bf16_error", lambda *_: pytest.fail("computed a tile"))
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
    monkeypatch.setattr(torch_network, "fast_bf16", lambda: supported)
    monkeypatch.setattr(torch_network, "bf16_error", lambda *_: error)
    choice = choose_precision("auto", "cpu", network)
    assert choice.name == name and reason in choice.reason


def test_the_error_of_bf16_is_that_of_rounding_and_always_the_same(network):
    rms, largest = bf16_error(network, "cpu")
    assert 0.001 < rms < 0.35 and rms < largest <= 3
    assert bf16_error(network, "cpu") == (rms, largest)


def test_a_build_that_computes_bf16_wrongly_is_detected(network, monkeypatch):
    def wrong_in_bf16(layer, inputs, output):
        return output + 2 if output.dtype == torch.bfloat16 else output

    monkeypatch.setattr(torch_network, "fast_bf16", lambda: True)
    network.tail.register_forward_hook(wrong_in_bf16)
    choice = choose_precision("auto", "cpu", network)
    assert choice.name == "fp32" and "differs" in choice.reason


def test_it_stops_before_a_layer_if_the_check_raises_and_works_afterwards(network):
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    tile = np.random.default_rng(0).random((1, 64, 64, 3), dtype=np.float32)
    computed = TorchNetwork(network, "cpu", "fp32")
    with pytest.raises(KeyboardInterrupt):
        computed(tile, PLANES, check)
    clean = computed(tile, PLANES)
    assert clean.shape == tile.shape and clean.dtype == np.float32 and len(calls) == 3
    assert np.array_equal(clean, computed(tile, PLANES))


def _network(architecture: str, width: int) -> PyramidAutoencoder:
    network = registry.build(Denoiser, architecture, {"widths": [width, 16, 16], "blocks": [1, 1, 1, 1, 1]})
    return network.eval().requires_grad_(False)


@pytest.mark.parametrize(
    ("architecture", "largest_per_pixel"), [("dense-autoencoder-1", 1), ("gated-autoencoder-1", 2)]
)
def test_it_follows_the_largest_layer(architecture, largest_per_pixel):
    # At half resolution a layer of width 32 has 8 numbers a pixel; gates double them.
    network = _network(architecture, 32)
    assert bytes_per_pixel(network) == 8 * 4 * 8 * largest_per_pixel
    hooks = [hook for layer in network.modules() for hook in layer._forward_hooks]
    assert hooks == []


class _AsOnACard(TorchNetwork):
    """Uploads tensors as to a graphics card, and computes on the CPU."""

    def upload(self, values):
        tensor = torch.from_numpy(values)
        return tensor.to(torch.int32) if tensor.dtype == torch.uint16 else tensor

    def download(self, values):
        return [value.numpy() for value in values], lambda: None


@pytest.mark.parametrize(
    ("dtype", "channels", "passes", "share"),
    [(np.uint8, 3, 1, 1.0), (np.uint8, 1, 8, 1.0), (np.uint16, 3, 2, 1.0), (np.float32, 3, 4, 0.7)],
)
def test_a_graphics_card_computes_the_same_around_the_network(network, dtype, channels, passes, share):
    values = np.random.default_rng(0).random((2, 72, 80, channels))
    values[:, 20:40, 20:40] = 0.98  # some of it is clipped
    pixels = (values * (1 if dtype is np.float32 else np.iinfo(dtype).max)).astype(dtype)
    if dtype is np.float32:
        pixels[0, 3, 4] = np.nan
    scale = Scale(1.0, None) if dtype is np.float32 else Scale(*[float(np.iinfo(dtype).max)] * 2)
    results = []
    for kind in (TorchNetwork, _AsOnACard):
        runner = NetworkRunner(kind(network, "cpu", "fp32"))
        canvases = [Canvas(one, scale, Condition(20, 25, 1.0), share, passes=passes) for one in pixels]
        for canvas in canvases:
            plan = plan_tiles(72, 80, multiple=8, halo=8, tile=128)
            canvas.begin(plan)
            for started in runner.start([(canvas, tile) for tile in plan.tiles], CancelToken()):
                list(runner.finish(started))
        assert all(canvas.is_done for canvas in canvases)
        results.append(np.stack([canvas.result for canvas in canvases]).astype(float))
    step = 1e-5 if dtype is np.float32 else 1
    assert np.abs(np.nan_to_num(results[0]) - np.nan_to_num(pixels.astype(float))).max() >= step
    assert np.array_equal(np.isnan(results[0]), np.isnan(results[1]))
    assert np.nanmax(np.abs(results[0] - results[1])) <= step
    assert np.nanmean(np.abs(results[0] - results[1])) < step / 100
