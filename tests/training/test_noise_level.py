import pytest
import torch
from skimage import data

from denoiser.noise.measured import KNOTS
from denoiser.training import noise_level
from denoiser.training.noise_level import FlatPatches, level_of, sigma_of


def patches(count: int, sigma: float, *, brightness=(40.0, 220.0), photo: int = 0, seed: int = 0) -> FlatPatches:
    generator = torch.Generator().manual_seed(seed)
    places = torch.linspace(*brightness, count).reshape(-1, 1, 1, 1)
    noise = torch.randn(count, 3, noise_level.SIDE, noise_level.SIDE, generator=generator) * sigma
    return FlatPatches(places + noise, torch.full((count,), photo))


def joined(*parts: FlatPatches) -> FlatPatches:
    return FlatPatches(torch.cat([p.pixels for p in parts]), torch.cat([p.photo for p in parts]))


def textured(count: int, sigma: float) -> FlatPatches:
    """The same noise on what falls steeply towards finer waves, as textures do."""
    waves = torch.fft.fftfreq(noise_level.SIDE) * noise_level.SIDE
    radius = torch.hypot(waves.unsqueeze(1), waves.unsqueeze(0)).clamp_min(1)
    rough = torch.randn(count, 1, noise_level.SIDE, noise_level.SIDE, generator=torch.Generator().manual_seed(5))
    smooth = torch.fft.ifft2(torch.fft.fft2(rough) / radius**1.5).real
    plain = patches(count, sigma, seed=6)
    return FlatPatches(plain.pixels + smooth / smooth.std() * 40, plain.photo)


def test_the_level_is_that_of_the_noise():
    found = level_of(patches(200, 7.0))
    assert found is not None
    assert len(found.noise) > 120
    assert found.curve.flatten().tolist() == pytest.approx([7] * 3 * KNOTS, rel=0.05)
    assert found.spread == pytest.approx(0.1)


def test_textured_patches_are_left_out():
    found = level_of(joined(patches(120, 5.0), textured(120, 5.0)))
    assert found is not None
    assert found.curve[:, 4:12].flatten().tolist() == pytest.approx([5] * 24, rel=0.1)
    assert int((found.noise >= 120).sum()) < 12


def test_strength_from_photo_to_photo_is_a_spread():
    photos = [patches(60, 6.0 * factor, photo=n, seed=n) for n, factor in enumerate((0.7, 0.85, 1.0, 1.2, 1.4))]
    found = level_of(joined(*photos))
    assert found is not None
    assert 0.15 < found.spread < 0.4
    assert found.curve.mean() == pytest.approx(6, rel=0.1)


def test_sigma_counts_what_is_beyond_the_trend():
    ramp = torch.linspace(0, 100, noise_level.SIDE).expand(3, noise_level.SIDE, noise_level.SIDE)
    noisy = patches(50, 4.0).pixels
    assert sigma_of(noisy).mean() == pytest.approx(4, rel=0.02)
    assert sigma_of(noisy + ramp).mean() == pytest.approx(4, rel=0.15)


def test_too_few_to_agree_are_no_level():
    assert level_of(patches(2, 5.0)) is None


def window(array) -> torch.Tensor:
    return torch.from_numpy(array.copy()).permute(2, 0, 1)


def noisy(clean: torch.Tensor, sigma: float) -> torch.Tensor:
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(0)) * sigma
    return (clean.float() + noise).round().clamp(0, 255).to(torch.uint8)


def rest_of(patches: torch.Tensor) -> torch.Tensor:
    return (patches - noise_level.trend(patches)).square().mean(dim=(1, 2, 3)).sqrt()


def test_the_flattest_patches_contain_noise_and_no_texture():
    astronaut = window(data.astronaut())
    chosen = rest_of(noise_level.flat_patches([[astronaut]]).pixels)
    everywhere = (
        astronaut.float()
        .unfold(1, noise_level.SIDE, noise_level.SIDE)
        .unfold(2, noise_level.SIDE, noise_level.SIDE)
    )
    assert chosen.quantile(0.2) < rest_of(everywhere.permute(1, 2, 0, 3, 4).flatten(0, 1)).quantile(0.2) / 2
    found = rest_of(noise_level.flat_patches([[noisy(astronaut, 10.0)]]).pixels)
    assert len(found) > 50
    assert found.quantile(0.2) == pytest.approx(10.2, rel=0.04)  # 2.3 of it are the photo's own


def test_clipped_places_are_left_out():
    half = torch.full((3, 128, 256), 128.0)
    half[:, :, 128:] = 255
    found = noise_level.flat_patches([[noisy(half, 8.0)]])
    assert len(found.pixels) >= 8
    assert found.pixels.mean() == pytest.approx(128, abs=2)
    assert len(noise_level.flat_patches([[torch.full((3, 128, 128), 255, dtype=torch.uint8)]]).pixels) == 0


def test_nothing_too_small_and_nothing_at_all_give_no_patches():
    assert len(noise_level.flat_patches([]).pixels) == 0
    assert len(noise_level.flat_patches([[torch.full((3, 20, 400), 90, dtype=torch.uint8)]]).pixels) == 0


def test_the_trend_is_the_image_without_noise():
    ramp = torch.linspace(40, 200, noise_level.SIDE).expand(1, 3, noise_level.SIDE, noise_level.SIDE)
    assert (noise_level.trend(ramp) - ramp).abs().mean() < 2
    assert float(noise_level._trend_power(noise_level._slow_waves(ramp)).min()) > 100
    assert float(noise_level._trend_power(noise_level._slow_waves(torch.full_like(ramp, 77.0))).max()) < 1e-3


def test_patches_have_the_number_of_their_photo():
    photos = [[noisy(torch.full((3, 160, 160), level), 5.0)] for level in (60.0, 160.0)]
    found = noise_level.flat_patches(photos)
    for number, level in ((0, 60), (1, 160)):
        assert found.pixels[found.photo == number].mean() == pytest.approx(level, abs=2)


def test_white_noise_has_the_same_power_between_any_waves():
    patches = torch.randn(200, noise_level.SIDE, noise_level.SIDE, generator=torch.Generator().manual_seed(0))
    for band in ((3, 7), (7, 16), (16, 40)):
        assert noise_level.power_between(patches, *band).mean() == pytest.approx(1, rel=0.06)
    wave = torch.cos(torch.pi / noise_level.SIDE * 20 * (torch.arange(noise_level.SIDE) + 0.5)).expand(
        1, noise_level.SIDE, -1
    )
    assert noise_level.power_between(wave, 16, 40) > 100 * noise_level.power_between(wave, 3, 16)
