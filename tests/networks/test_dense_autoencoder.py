import copy

import pytest
import torch

from denoiser.networks.conditioning import Condition
from denoiser.networks.dense_autoencoder import DenseAutoencoder

PLANES = Condition(25, 25, 0.0).planes().reshape(1, -1, 1, 1)


@pytest.fixture(scope="module")
def awake() -> DenseAutoencoder:
    """A small network whose zero-initialised kernels are filled, so that every path carries something."""
    network = DenseAutoencoder(widths=(8, 12, 16), blocks=(1, 1, 2, 1, 1))
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) / weight[0].numel() ** 0.5)
    return network.eval()


@torch.inference_mode()
def test_a_new_network_changes_nothing():
    noisy = torch.rand(2, 3, 32, 40)
    assert torch.equal(DenseAutoencoder((8, 12, 16), (1, 1, 1, 1, 1))(noisy, PLANES), noisy)


@torch.inference_mode()
def test_rows_of_a_batch_do_not_see_each_other(awake):
    batch = torch.rand(3, 3, 32, 32)
    alone = torch.cat([awake(row.unsqueeze(0), PLANES) for row in batch])
    assert torch.allclose(awake(batch, PLANES), alone, atol=1e-5)


def test_nothing_reaches_beyond_the_radius_by_formula(awake):
    radius = awake.spec(halo=0).formula_radius
    assert radius == 60
    noisy = torch.rand(1, 3, 256, 256, requires_grad=True)
    awake(noisy, PLANES)[0, :, 128, 128].sum().backward()
    reached = noisy.grad[0].abs().sum(0).nonzero()
    furthest = (reached - 128).abs().max().item()
    assert radius - 16 <= furthest <= radius + 8  # the grid of 8 shifts it by where the pixel lies in its cell


@torch.inference_mode()
def test_a_bias_free_network_scales_with_its_input(awake):
    noisy, silent = torch.rand(1, 3, 32, 32), torch.zeros(1, 4, 1, 1)
    assert torch.allclose(awake(noisy * 3, silent), awake(noisy, silent) * 3, rtol=1e-3, atol=1e-4)


def test_the_cost_by_formula_is_the_cost_that_is_counted(awake):
    macs = 0

    def count(module, _inputs, output):
        nonlocal macs
        macs += output.shape[2] * output.shape[3] * module.weight.numel()

    network = copy.deepcopy(awake)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    network(torch.rand(1, 3, 64, 64), PLANES)
    assert network.spec(halo=0).kmac_per_pixel == pytest.approx(macs / 64**2 / 1000)


def test_the_shape_must_be_described_whole():
    with pytest.raises(ValueError, match="five block counts"):
        DenseAutoencoder((8, 12, 16), (1, 1, 1))
