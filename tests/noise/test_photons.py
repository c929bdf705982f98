import pytest
import torch

from denoiser.noise.photons import add_poisson, add_speckle


def _seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("light", [0.1, 0.5, 0.9])
def test_photons_vary_as_their_number(light):
    noisy = add_poisson(torch.full((2, 3, 128, 128), light), torch.tensor([50.0, 400.0]), _seeded())
    assert noisy.var(dim=(1, 2, 3)).tolist() == pytest.approx([light / 50, light / 400], rel=0.05)
    assert float(noisy.mean()) == pytest.approx(light, rel=0.02)


def test_without_light_there_are_no_photons():
    assert torch.equal(add_poisson(torch.zeros(1, 3, 16, 16), 100.0, _seeded()), torch.zeros(1, 3, 16, 16))


@pytest.mark.parametrize("light", [0.0, 0.25, 1.0])
def test_speckle_grows_with_the_light(light):
    clean = torch.full((1, 3, 128, 128), light)
    noise = add_speckle(clean, 30.0, _seeded()) - clean
    assert float(noise.std() * 255) == pytest.approx(30 * light, rel=0.02, abs=1e-6)


def test_no_speckle_is_the_picture_itself():
    clean = torch.rand(1, 3, 8, 8, generator=_seeded(2))
    assert torch.equal(add_speckle(clean, 0.0, _seeded()), clean)
