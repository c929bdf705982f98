import pytest
import torch
from skimage import data

from denoiser.training import flat


def window(array) -> torch.Tensor:
    return torch.from_numpy(array.copy()).permute(2, 0, 1)


def noisy(clean: torch.Tensor, sigma: float) -> torch.Tensor:
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)) * sigma
    return (clean.float() + noise).round().clamp(0, 255).to(torch.uint8)


def sigma_of(patches: torch.Tensor) -> torch.Tensor:
    return (patches - flat.trend(patches)).square().mean(dim=(1, 2, 3)).sqrt()


def test_the_flattest_places_show_the_noise_and_not_the_picture():
    astronaut = window(data.astronaut())
    chosen = sigma_of(flat.flat_patches([[astronaut]]).pixels)
    everywhere = astronaut.float().unfold(1, flat.SIDE, flat.SIDE).unfold(2, flat.SIDE, flat.SIDE)
    assert chosen.quantile(0.2) < sigma_of(everywhere.permute(1, 2, 0, 3, 4).flatten(0, 1)).quantile(0.2) / 2
    found = sigma_of(flat.flat_patches([[noisy(astronaut, 10.0)]]).pixels)
    assert len(found) > 50
    assert found.quantile(0.2) == pytest.approx(10.2, rel=0.04)  # 2.3 of it are the photo's own


def test_clipped_places_are_left_out():
    half = torch.full((3, 128, 256), 128.0)
    half[:, :, 128:] = 255
    found = flat.flat_patches([[noisy(half, 8.0)]])
    assert len(found.pixels) >= 8
    assert found.pixels.mean() == pytest.approx(128, abs=2)
    assert len(flat.flat_patches([[torch.full((3, 128, 128), 255, dtype=torch.uint8)]]).pixels) == 0


def test_nothing_too_small_and_nothing_at_all_give_no_patches():
    assert len(flat.flat_patches([]).pixels) == 0
    assert len(flat.flat_patches([[torch.full((3, 20, 400), 90, dtype=torch.uint8)]]).pixels) == 0


def test_a_trend_is_the_picture_and_not_noise():
    ramp = torch.linspace(40, 200, flat.SIDE).expand(1, 3, flat.SIDE, flat.SIDE)
    assert (flat.trend(ramp) - ramp).abs().mean() < 2
    assert float(flat.trend_power(ramp).min()) > 100
    assert float(flat.trend_power(torch.full_like(ramp, 77.0)).max()) < 1e-3


def test_patches_know_their_photo():
    photos = [[noisy(torch.full((3, 160, 160), level), 5.0)] for level in (60.0, 160.0)]
    found = flat.flat_patches(photos)
    for number, level in ((0, 60), (1, 160)):
        assert found.pixels[found.photo == number].mean() == pytest.approx(level, abs=2)


def test_white_noise_has_the_same_power_between_any_waves():
    patches = torch.randn(200, flat.SIDE, flat.SIDE, generator=torch.Generator().manual_seed(0))
    for band in ((3, 7), (7, 16), (16, 40)):
        assert flat.power_between(patches, *band).mean() == pytest.approx(1, rel=0.06)
    wave = torch.cos(torch.pi / flat.SIDE * 20 * (torch.arange(flat.SIDE) + 0.5)).expand(1, flat.SIDE, -1)
    assert flat.power_between(wave, 16, 40) > 100 * flat.power_between(wave, 3, 16)
