import pytest
import torch

from denoiser.noise.camera import shoot


def _grey(value: float, count: int = 16, size: int = 96) -> torch.Tensor:
    return torch.full((count, 3, size, size), value)


def _noise(value: float, shot: float, seed: int = 0) -> torch.Tensor:
    clean = _grey(value)
    noisy, target = shoot(clean, torch.Generator().manual_seed(seed), shot=torch.full((16,), shot))
    return noisy - target


def test_little_light_lost_little_noise_made():
    clean = (
        torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(1))
        .repeat_interleave(8, 2)
        .repeat_interleave(8, 3)
        * 0.8
        + 0.1
    )
    noisy, target = shoot(clean, torch.Generator().manual_seed(0), shot=torch.full((4,), 1e-9))
    assert float((noisy - target).abs().mean()) < 1.5e-3
    assert float((noisy - target).abs().max()) < 0.06  # ten bits leave steps in the shadows


def test_a_flat_grey_is_developed_back_to_itself():
    _, target = shoot(_grey(0.5), torch.Generator().manual_seed(0), shot=torch.full((16,), 1e-3))
    assert torch.allclose(target, _grey(0.5), atol=2e-3)


def test_noise_grows_with_the_shot_noise_as_its_root():
    # Where shot noise rules (bright, low sensitivity) four times the variance is twice the noise.
    ratio = _noise(0.6, 4e-4).std() / _noise(0.6, 1e-4).std()
    assert float(ratio) == pytest.approx(2.0, rel=0.06)


def test_noise_is_correlated_between_neighbours():
    noise = _noise(0.5, 2e-3)
    together = (noise[..., 1:] * noise[..., :-1]).mean() / noise.square().mean()
    assert float(together) > 0.15


def test_the_result_is_a_picture():
    clean = torch.rand(8, 3, 64, 64, generator=torch.Generator().manual_seed(3))
    noisy, target = shoot(clean, torch.Generator().manual_seed(0))
    for picture in (noisy, target):
        assert torch.isfinite(picture).all()
        assert float(picture.min()) >= 0
        assert float(picture.max()) <= 1


def test_the_seed_decides():
    clean = torch.rand(2, 3, 32, 32)
    one, two = (shoot(clean, torch.Generator().manual_seed(5))[0] for _ in range(2))
    assert torch.equal(one, two)
