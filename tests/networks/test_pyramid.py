import copy

import pytest
import torch

from denoiser.networks import registry
from denoiser.networks.condition import Condition
from denoiser.networks.conditioning import Denoiser, planes_of
from denoiser.networks.pyramid import (
    SIZE_MULTIPLE,
    DenseAutoencoder,
    GatedAutoencoder,
    GatedBlock,
    PixelNorm,
    PyramidAutoencoder,
    ResidualPair,
)

PLANES = planes_of(Condition(25, 25, 0.0))
SHAPE = {"widths": (8, 12, 16), "blocks": (1, 1, 2, 1, 1)}
KINDS = {
    "dense": ("dense-autoencoder-1", SHAPE),
    "gated": ("gated-autoencoder-1", SHAPE),
    "gated below, dense above": ("gated-autoencoder-1", {**SHAPE, "dense": (0, 1)}),
}


@pytest.fixture(scope="module", params=KINDS)
def awake(request) -> PyramidAutoencoder:
    """A small network whose zero-initialised kernels are filled, so that every path carries something."""
    network = registry.build(Denoiser, *KINDS[request.param])
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) / weight[0].numel() ** 0.5)
    return network.eval()


@pytest.mark.parametrize("kind", KINDS)
@torch.inference_mode()
def test_a_new_network_changes_nothing(kind):
    noisy = torch.rand(2, 3, 32, 40)
    assert torch.equal(registry.build(Denoiser, *KINDS[kind])(noisy, PLANES), noisy)


@torch.inference_mode()
def test_rows_of_a_batch_do_not_see_each_other(awake):
    batch = torch.rand(3, 3, 32, 32)
    alone = torch.cat([awake(row.unsqueeze(0), PLANES) for row in batch])
    # Kernels for one row and for three differ in the last bits, which gates multiply.
    assert torch.allclose(awake(batch, PLANES), alone, rtol=1e-3, atol=1e-5 * float(alone.abs().max()))


@torch.inference_mode()
def test_pixels_are_not_rounded_to_bf16(awake):
    """The first layer sees a difference of a tenth of an 8-bit step, which bf16 cannot represent near white."""
    with torch.autocast("cpu", torch.bfloat16):
        maps = [awake._features(torch.full((1, 16, 32, 32), level)) for level in (0.95, 0.95 + 0.1 / 255)]
    assert not torch.equal(*maps)
    assert maps[0].dtype == torch.bfloat16  # the layers that follow do not pay for fp32


def test_nothing_reaches_beyond_the_radius_by_formula(awake):
    radius = awake.spec(halo=0).formula_radius
    noisy = torch.rand(1, 3, 256, 256, requires_grad=True)
    awake(noisy, PLANES)[0, :, 128, 128].sum().backward()
    reached = noisy.grad[0].abs().sum(0).nonzero()
    furthest = (reached - 128).abs().max().item()
    # The grid of 8 shifts it by where the pixel lies in its cell.
    assert radius - SIZE_MULTIPLE <= furthest <= radius + SIZE_MULTIPLE


@torch.inference_mode()
def test_what_lies_beyond_the_radius_changes_nothing(awake):
    noisy = torch.rand(1, 3, 256, 64)
    other = noisy.clone()
    other[:, :, 128 + awake.spec(halo=0).formula_radius + SIZE_MULTIPLE :] = 0.5
    above, above_too = awake(noisy, PLANES)[:, :, :128], awake(other, PLANES)[:, :, :128]
    assert torch.allclose(above, above_too, atol=1e-6 * float(above.abs().max()))


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


def test_every_gradient_arrives(awake):
    network = copy.deepcopy(awake)
    network(torch.rand(1, 3, 32, 32), PLANES).square().mean().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in network.parameters())


@pytest.mark.parametrize("architecture", ["dense-autoencoder-1", "gated-autoencoder-1"])
def test_the_shape_must_be_described_whole(architecture):
    with pytest.raises(ValueError, match="five block counts"):
        registry.build(Denoiser, architecture, {"widths": (8, 12, 16), "blocks": (1, 1, 1)})


@torch.inference_mode()
def test_a_bias_free_network_scales_with_its_input():
    network = DenseAutoencoder(widths=(8, 12, 16), blocks=(1, 1, 2, 1, 1))
    generator = torch.Generator().manual_seed(0)
    for weight in network.parameters():
        weight.copy_(torch.randn(weight.shape, generator=generator) / weight[0].numel() ** 0.5)
    noisy, silent = torch.rand(1, 3, 32, 32), torch.zeros(1, 4, 1, 1)
    assert torch.allclose(network(noisy * 3, silent), network(noisy, silent) * 3, rtol=1e-3, atol=1e-4)


def test_the_radius_that_the_cards_were_written_with():
    assert DenseAutoencoder((48, 96, 128), (1, 1, 2, 1, 1)).spec(halo=0).formula_radius == 60


def test_the_norm_is_of_one_pixel_alone():
    norm = PixelNorm(16)
    x = torch.randn(2, 16, 5, 7) * 3 + 1
    y = norm(x)
    assert torch.allclose(y.mean(dim=1), torch.zeros(2, 5, 7), atol=1e-5)
    assert torch.allclose(y.var(dim=1, unbiased=False), torch.ones(2, 5, 7), atol=1e-3)
    one = norm(x[:, :, 2:3, 3:4])
    assert torch.allclose(y[:, :, 2:3, 3:4], one, atol=1e-6)


@pytest.mark.parametrize(("dense", "kinds"), [((), "ggggg"), ((0, 1), "ddgdd"), ((2,), "ggdgg")])
def test_each_level_takes_the_block_it_was_promised(dense, kinds):
    network = GatedAutoencoder((8, 8, 8), (1, 1, 1, 1, 1), dense)
    rows = (
        network.enter_half,
        network.enter_quarter,
        network.bottleneck,
        network.leave_quarter,
        network.leave_half,
    )
    kind_of = {ResidualPair: "d", GatedBlock: "g"}
    assert "".join(kind_of[type(row[0])] for row in rows) == kinds
