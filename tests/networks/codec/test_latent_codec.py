import pytest
import torch
from skimage import data

from denoiser.errors import MissingModel
from denoiser.networks import registry
from denoiser.networks.codec.latent_codec import LatentCodec
from denoiser.networks.codec.levels import LEVELS, step_sizes
from denoiser.networks.conditioning import Denoiser

TOLD = torch.tensor([0, 0, 1.0, 0]).reshape(1, 4, 1, 1)


@pytest.fixture(scope="module")
def crops():
    photo = torch.from_numpy(data.astronaut()).permute(2, 0, 1)[None].float() / 255
    return torch.nn.functional.unfold(photo, 64, stride=32).reshape(3, 64, 64, -1).permute(3, 0, 1, 2).contiguous()


@pytest.fixture(scope="module")
def network(crops):
    torch.manual_seed(0)
    made = LatentCodec(width=192, blocks=(1, 1), latents=768, hyper=8, features=16)
    made.begin_with(crops)
    return made.eval()


@torch.no_grad()
def _estimate(network, pixels, level):
    return network(pixels, TOLD, torch.full((len(pixels),), level))


def test_a_new_codec_is_an_orthonormal_transform(network, crops):
    """With all 768 components nothing is lost but what rounding takes, which is a twelfth of a squared step."""
    with torch.no_grad():
        y = network.analysis(crops[:8], TOLD.expand(8, -1, -1, -1))
        back = network.synthesis(y, network.level_conditioning[torch.zeros(8, dtype=torch.long)])
    torch.testing.assert_close(back, crops[:8], atol=2e-5, rtol=0)
    energy = (crops[:8] - 0.5).square().sum()
    assert y.square().sum().item() == pytest.approx(energy.item(), rel=1e-4)


@pytest.mark.parametrize("level", [40, LEVELS - 1])
def test_the_error_is_that_of_the_step(network, crops, level):
    error = (_estimate(network, crops[:8], level).pixels - crops[:8]).square().mean().item()
    assert error <= step_sizes()[level].item() ** 2 / 12 * 1.05


def test_steps_trade_bits_for_likeness(network, crops):
    found = [_estimate(network, crops[:8], level) for level in (0, 20, 40, 63)]
    bits = [(one.latent_bits + one.hyper_bits).mean().item() for one in found]
    error = [(one.pixels - crops[:8]).square().mean().item() for one in found]
    assert bits == sorted(bits)
    assert error == sorted(error, reverse=True)


def test_later_passes_see_what_earlier_ones_decoded(network, crops):
    """A table for pass 1 changes when a symbol of pass 0 does, as far away as the kernel reaches and no further."""
    one = network.index_passes[1]
    torch.manual_seed(3)
    with torch.no_grad():
        kept = one.leave.conv.weight.clone()
        one.leave.conv.weight.normal_(std=0.3)
        features = torch.full((1, 16, 8, 8), 0.5)
        classes = torch.zeros(1, 768, 8, 8)
        before = one(features, classes, torch.tensor([30]))
        classes[0, 0, 4, 4] = 9
        changed = (one(features, classes, torch.tensor([30])) != before).any(dim=1)[0]
        one.leave.conv.weight.copy_(kept)
    assert changed[4, 4]
    assert changed.nonzero().tolist() == [[y, x] for y in (3, 4, 5) for x in (3, 4, 5)]


def test_the_codec_has_a_cost(network):
    encoder, decoder = network.kmac_per_pixel()
    assert encoder > 0 and decoder > 0
    spec = network.spec(64)
    assert spec.size_multiple == 64
    assert spec.formula_radius <= 64
    assert spec.parameters == sum(p.numel() for p in network.parameters())


def test_codecs_have_names_for_ever():
    made = registry.build(
        LatentCodec, "latent-codec-1", {"width": 192, "blocks": [1, 1], "latents": 64, "hyper": 4, "features": 8}
    )
    assert isinstance(made, LatentCodec)
    with pytest.raises(MissingModel, match="latent-codec-1"):
        registry.build(LatentCodec, "dense-autoencoder-1", {})
    with pytest.raises(MissingModel, match="dense-autoencoder-1"):
        registry.build(Denoiser, "latent-codec-1", {})


def test_the_kernels_of_the_body_are_selected(network):
    assert network.kernels_of_the_body("analysis.blocks.0.enter.weight")
    for name in ("analysis.head.weight", "gains.there.weights", "analysis.blocks.0.steer.to_scale.weight"):
        assert not network.kernels_of_the_body(name), name
    assert network.pace_of("synthesis.tail.weight") < network.pace_of("gains.back.weights")
