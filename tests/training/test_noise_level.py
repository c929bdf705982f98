import pytest
import torch

from denoiser.noise.measured import KNOTS
from denoiser.training import flat
from denoiser.training.flat import FlatPatches
from denoiser.training.noise_level import level_of, sigma_of


def patches(count: int, sigma: float, *, brightness=(40.0, 220.0), photo: int = 0, seed: int = 0) -> FlatPatches:
    generator = torch.Generator().manual_seed(seed)
    places = torch.linspace(*brightness, count).reshape(-1, 1, 1, 1)
    noise = torch.randn(count, 3, flat.SIDE, flat.SIDE, generator=generator) * sigma
    return FlatPatches(places + noise, torch.full((count,), photo))


def joined(*parts: FlatPatches) -> FlatPatches:
    return FlatPatches(torch.cat([p.pixels for p in parts]), torch.cat([p.photo for p in parts]))


def textured(count: int, sigma: float) -> FlatPatches:
    """The same noise on what falls steeply towards finer waves, as textures do."""
    waves = torch.fft.fftfreq(flat.SIDE) * flat.SIDE
    radius = torch.hypot(waves.unsqueeze(1), waves.unsqueeze(0)).clamp_min(1)
    rough = torch.randn(count, 1, flat.SIDE, flat.SIDE, generator=torch.Generator().manual_seed(5))
    smooth = torch.fft.ifft2(torch.fft.fft2(rough) / radius**1.5).real
    plain = patches(count, sigma, seed=6)
    return FlatPatches(plain.pixels + smooth / smooth.std() * 40, plain.photo)


def test_the_level_is_that_of_the_noise():
    found = level_of(patches(200, 7.0))
    assert found is not None
    assert len(found.noise) > 120
    assert found.curve.flatten().tolist() == pytest.approx([7] * 3 * KNOTS, rel=0.05)
    assert found.spread == pytest.approx(0.1)


def test_textured_patches_are_told_apart():
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
    ramp = torch.linspace(0, 100, flat.SIDE).expand(3, flat.SIDE, flat.SIDE)
    noisy = patches(50, 4.0).pixels
    assert sigma_of(noisy).mean() == pytest.approx(4, rel=0.02)
    assert sigma_of(noisy + ramp).mean() == pytest.approx(4, rel=0.15)


def test_too_few_to_agree_are_no_level():
    assert level_of(patches(2, 5.0)) is None
