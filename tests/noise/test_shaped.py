import pytest
import torch

from denoiser.noise.shaped import add_shaped


def _noise(sigma: float, seed: int = 0, count: int = 24) -> torch.Tensor:
    clean = torch.full((count, 3, 96, 96), 0.5)
    return add_shaped(clean, torch.full((count,), sigma), torch.Generator().manual_seed(seed)) - clean


def test_no_noise_is_the_picture_itself():
    clean = torch.rand(2, 3, 32, 32)
    assert torch.equal(add_shaped(clean, torch.zeros(2), torch.Generator().manual_seed(0)), clean)


def test_the_strength_on_mid_grey_is_sigma():
    assert float(_noise(20).std() * 255) == pytest.approx(20, rel=0.03)


def test_neighbours_are_alike():
    noise = _noise(20)
    together = (noise[..., 1:] * noise[..., :-1]).mean() / noise.square().mean()
    assert 0.3 < float(together) < 0.85


def test_the_strength_follows_the_light_in_some_pictures():
    clean = torch.cat([torch.full((24, 3, 96, 48), 0.05), torch.full((24, 3, 96, 48), 0.95)], dim=3)
    noise = add_shaped(clean, torch.full((24,), 20.0), torch.Generator().manual_seed(1)) - clean
    ratio = noise[..., :40].std(dim=(1, 2, 3)) / noise[..., 56:].std(dim=(1, 2, 3))
    assert float(ratio.min()) < 0.7
    assert float(ratio.max()) > 1.4


def test_channels_vary_together_in_many_ways():
    noise = _noise(20)
    together = (noise[:, 0] * noise[:, 1]).mean(dim=(1, 2)) / noise[:, :2].square().mean(dim=(2, 3)).prod(
        dim=1
    ).sqrt()
    assert float(together.max()) > 0.4
    assert float(together.min()) < 0.1


def test_the_seed_decides_and_extremes_stay_finite():
    for value in (0.0, 1.0):
        clean = torch.full((4, 3, 16, 16), value)
        one, two = (add_shaped(clean, torch.full((4,), 50.0), torch.Generator().manual_seed(3)) for _ in range(2))
        assert torch.equal(one, two)
        assert torch.isfinite(one).all()
