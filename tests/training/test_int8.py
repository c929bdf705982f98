import numpy as np
import pytest
import torch

from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import planes_of
from denoiser.networks.int8 import LARGEST_PAIR, can_be_fine, is_signed, quantisable
from denoiser.networks.openvino_network import OpenvinoNetwork
from denoiser.networks.pyramid import DenseAutoencoder
from denoiser.training import int8


@pytest.fixture(scope="module")
def network() -> DenseAutoencoder:
    network = DenseAutoencoder((8, 12, 16), (1, 1, 1, 1, 1))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.5 / weight[0].numel() ** 0.5)
        network.tail.weight *= 0.3
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def crops() -> list[torch.Tensor]:
    from skimage import data

    photo = torch.from_numpy(data.astronaut().astype(np.float32) / 255).permute(2, 0, 1)
    return [photo[:, top : top + 64, left : left + 64] for top in (0, 150, 300) for left in (60, 160, 260, 360)]


def test_the_quantised_network_computes_nearly_the_same(network, crops):
    seen = {}
    layers = int8.quantised(network, crops, seen.__setitem__)
    assert (
        list(layers) == list(seen) == quantisable([name.removesuffix(".weight") for name in network.state_dict()])
    )
    assert all(layer.fine == (seen[name] > 0.09 and can_be_fine(layer.kernel)) for name, layer in layers.items())
    planes = planes_of(Condition(25.0, 25.0, 0.0))
    noisy = (crops[4] + torch.randn(crops[4].shape, generator=torch.Generator().manual_seed(9)) * 0.1).unsqueeze(0)
    weights = {name.removesuffix(".weight"): value.numpy() for name, value in network.state_dict().items()}
    ours = OpenvinoNetwork(weights, network.blocks, layers, 1)(
        noisy.permute(0, 2, 3, 1).contiguous().numpy(), planes.numpy()
    )
    wanted = network(noisy, planes).permute(0, 2, 3, 1).numpy()
    assert 0 < np.sqrt(np.mean((ours - wanted) ** 2)) * 255 < 0.5


def test_white_and_camera_noise_with_and_without_a_level_are_sampled(crops):
    """A layer whose inputs were never seen is rounded without correction."""
    samples = int8._samples([crop for crop in crops for _ in range(7)])
    planes = torch.stack([sample.planes.flatten() for sample in samples])
    assert {-1.0, 0.0, 1.0} <= set(planes[:, 3].tolist())
    assert set(planes[:, 2].tolist()) == {0.0, 1.0}
    noise = torch.stack([(sample.input - sample.target).std() * 255 for sample in samples])
    assert noise.min() < 2 and noise.max() > 60


def test_errors_of_brightness_are_corrected_by_later_weights():
    """A kernel whose inputs are mostly one brightness: its sum matters more than each weight."""
    rng = np.random.default_rng(0)
    kernel = rng.normal(size=(4, 6, 3, 3))
    patches = 1 + 0.05 * rng.normal(size=(54, 500))
    step = np.full(6, 0.01)
    ints, scale = int8._rounded_kernel(kernel, patches @ patches.T / 500, step)
    assert np.array_equal(ints, np.round(ints))
    assert np.abs(ints).reshape(4, 3, 2, 3, 3).sum(axis=2).max() == LARGEST_PAIR

    def wrong(rounded: np.ndarray, scale: np.ndarray) -> float:
        restored = rounded.reshape(4, -1) * scale[:, np.newaxis] / 0.01
        return float(np.square((restored - kernel.reshape(4, -1)) @ patches).mean())

    plain_scale = np.abs(kernel * 0.01).max(axis=(1, 2, 3)) / 127
    plain = np.round(kernel * 0.01 / plain_scale[:, np.newaxis, np.newaxis, np.newaxis])
    assert wrong(ints, scale) < 0.3 * wrong(plain, plain_scale)


@pytest.mark.parametrize("signed", [True, False])
def test_a_channel_with_a_small_range_gets_a_finer_step(signed):
    samples = np.random.default_rng(0).normal(size=(2, 5000)) * [[1.0], [0.1]]
    samples = samples if signed else np.abs(samples)
    steps = int8._steps(np.ones((3, 2, 3, 3)), samples, signed)
    assert 0.1 < steps[1] / steps[0] < 0.5
    assert steps[0] * (127 if signed else 255) < 1.1 * np.abs(samples).max()


def test_the_simulation_ends_with_its_context(network, crops):
    layer = network.up_half.expand
    numbers = int8.quantised(network, crops[:1])["up_half.expand"]
    before = layer.weight.clone()
    with int8.simulated(layer, numbers, is_signed("up_half.expand")):
        assert not torch.equal(layer.weight, before)
    assert torch.equal(layer.weight, before) and not layer._forward_pre_hooks
