import pytest
import torch

from denoiser.networks.conditioning import luma_and_chroma_sigma
from denoiser.noise.measured import KNOTS, MeasuredNoise, kernel_of_spectrum

WHITE = torch.eye(3).reshape(3, 3, 1, 1)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def flat_level(sigma: float) -> torch.Tensor:
    return torch.full((3, KNOTS), sigma)


def blurred_kernel() -> torch.Tensor:
    """Each channel half its own and half a common grey field, through a 3x3 bell."""
    bell = torch.tensor([1.0, 2.0, 1.0])
    bell = bell.outer(bell) / bell.outer(bell).square().sum().sqrt()
    mix = torch.tensor([[1.0, 0.3, 0.3], [0.3, 1.0, 0.3], [0.3, 0.3, 1.0]])
    mix = mix / mix.square().sum(dim=1, keepdim=True).sqrt()
    return mix.reshape(3, 3, 1, 1) * bell


def test_level_0_keeps_the_image():
    clean = torch.rand(2, 3, 40, 24)
    assert torch.equal(MeasuredNoise(flat_level(0.0), WHITE).add(clean, seeded()), clean)


def test_the_level_follows_each_channels_own_brightness():
    level = torch.stack([torch.linspace(2, 20, KNOTS), torch.linspace(20, 2, KNOTS), torch.full((KNOTS,), 5.0)])
    model = MeasuredNoise(level, WHITE)
    clean = torch.full((4, 3, 96, 96), 0.25)
    measured = (model.add(clean, seeded()) - clean).std(dim=(0, 2, 3)) * 255
    assert measured.tolist() == pytest.approx([6.5, 15.5, 5.0], rel=0.02)
    assert model.sigma_at(torch.tensor([0.0, 1.0, 7.0]).reshape(1, 3, 1, 1)).flatten().tolist() == [2, 2, 5]


def test_grain_and_colours_are_those_of_the_kernel():
    kernel = blurred_kernel()
    model = MeasuredNoise(flat_level(10.0), kernel)
    field = model.field(8, 128, 128, seeded())
    assert field.std().item() == pytest.approx(1.0, rel=0.02)
    beside = (field[..., 1:] * field[..., :-1]).mean().item()
    assert beside == pytest.approx(model.neighbour_correlation, abs=0.02)
    assert model.neighbour_correlation == pytest.approx(2 / 3, abs=1e-5)  # of the bell 1 2 1 with itself
    together = torch.einsum("bihw,bjhw->ij", field, field) / field[:, 0].numel()
    assert torch.allclose(together, model.channel_correlation, atol=0.03)


def test_the_level_for_the_denoiser_is_that_of_the_added_noise():
    model = MeasuredNoise(torch.linspace(3, 30, KNOTS).expand(3, -1), blurred_kernel())
    clean = torch.rand(6, 3, 1, 1).expand(6, 3, 96, 96)
    luma, chroma = luma_and_chroma_sigma(model.add(clean, seeded()) - clean)
    told = model.luma_and_chroma(clean)
    assert told[0] == pytest.approx(luma.square().mean().sqrt().item(), rel=0.03)
    assert told[1] == pytest.approx(chroma.square().mean().sqrt().item(), rel=0.03)


def test_strength_differs_from_row_to_row_by_the_spread():
    clean = torch.full((400, 3, 16, 16), 0.5)
    noise = MeasuredNoise(flat_level(10.0), WHITE, spread=0.3).add(clean, seeded()) - clean
    logs = noise.std(dim=(1, 2, 3)).log()
    assert logs.std().item() == pytest.approx(0.3, rel=0.12)
    assert logs.exp().median().item() * 255 == pytest.approx(10, rel=0.07)


def test_the_same_seed_gives_the_same_bits_at_any_size():
    model = MeasuredNoise(flat_level(10.0), kernel_of_spectrum(torch.eye(3).expand(32, 32, 3, 3).cfloat()))
    for height, width in ((8, 8), (33, 70), (96, 96)):
        clean = torch.zeros(2, 3, height, width)
        assert torch.equal(model.add(clean, seeded(3)), model.add(clean, seeded(3)))
        assert not torch.equal(model.add(clean, seeded(3)), model.add(clean, seeded(4)))


def test_a_spectrum_goes_round_to_the_spectrum_of_its_samples():
    truth = MeasuredNoise(flat_level(1.0), torch.nn.functional.pad(blurred_kernel(), (14, 14, 14, 14)))
    samples = truth.field(4000, 32, 32, seeded())
    waves = torch.fft.fft2(samples)
    spectrum = torch.einsum("bihw,bjhw->hwij", waves, waves.conj())
    kernel = kernel_of_spectrum(spectrum)
    found = MeasuredNoise(flat_level(1.0), kernel)
    assert kernel.shape == (3, 3, 31, 31)
    assert found.neighbour_correlation == pytest.approx(truth.neighbour_correlation, abs=0.03)
    assert torch.allclose(found.channel_correlation, truth.channel_correlation, atol=0.03)


def test_a_model_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="not a noise model"):
        MeasuredNoise(torch.zeros(3, 4), WHITE)
    with pytest.raises(ValueError, match="not a noise model"):
        MeasuredNoise(flat_level(1.0), torch.zeros(3, 3, 4, 4))
