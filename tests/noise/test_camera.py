import pytest
import torch

from denoiser.noise.camera import photograph, shoot


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


def test_the_result_is_an_image():
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


def _alike(noise: torch.Tensor, apart: int) -> float:
    return float((noise[..., apart:] * noise[..., :-apart]).mean() / noise.square().mean())


def test_finished_photos_have_softer_grain_and_less_colour_than_raw_ones():
    clean = _grey(0.4, 64, 64)
    shot = torch.full((64,), 1e-3)
    raw, finished = (
        noisy - target
        for noisy, target in (
            how(clean, torch.Generator().manual_seed(1), shot=shot) for how in (shoot, photograph)
        )
    )
    colour = [noise - noise.mean(dim=1, keepdim=True) for noise in (raw, finished)]
    assert float(colour[1].std()) < 0.8 * float(colour[0].std())
    assert _alike(finished.mean(dim=1), 2) > _alike(raw.mean(dim=1), 2) + 0.02
    assert _alike(colour[1], 4) > _alike(colour[0], 4) + 0.02


@pytest.mark.parametrize("size", [(64, 64), (37, 51), (8, 8)])
def test_a_photo_keeps_the_size_and_depends_on_the_seed(size):
    clean = torch.rand(12, 3, *size, generator=torch.Generator().manual_seed(3))
    one, two = (photograph(clean, torch.Generator().manual_seed(7)) for _ in range(2))
    for first, second in zip(one, two, strict=True):
        assert first.shape == clean.shape
        assert torch.equal(first, second)


@pytest.mark.parametrize("how", [shoot, photograph])
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_images_are_supported(how, value):
    for picture in how(_grey(value, 24, 24), torch.Generator().manual_seed(0)):
        assert torch.isfinite(picture).all()
        assert 0 <= float(picture.min()) <= float(picture.max()) <= 1


def test_the_target_is_the_image_as_a_camera_shows_it():
    ramp = torch.linspace(0.1, 0.9, 64).expand(32, 3, 64, 64)
    _, target = photograph(ramp, torch.Generator().manual_seed(2), shot=torch.full((32,), 1e-4))
    assert float((target - ramp)[..., 4:-4, 4:-4].abs().mean()) < 0.01
