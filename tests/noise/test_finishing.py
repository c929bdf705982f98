import pytest
import torch

from denoiser.noise.development import finish, reduce_chroma, reduce_luma, smooth_where_flat
from denoiser.noise.dice import Dice


def _dice(seed: int = 0) -> Dice:
    return Dice(torch.Generator().manual_seed(seed))


def _normal(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(5))


def _alike(noise: torch.Tensor, apart: int) -> float:
    return float((noise[..., apart:] * noise[..., :-apart]).mean() / noise.square().mean())


@pytest.mark.parametrize("radius", [1, 2, 3, 4])
def test_flat_parts_become_means_of_means(radius):
    noise = _normal(1, 1, 128, 128) * 0.01
    smooth = smooth_where_flat(noise, 1, radius, torch.full((1, 1, 1, 1), 1e6))
    # A square convolved with itself: the sum of its squared weights is (2/3 + 1/(3 n^2))^2 / n^2 for sides n.
    side = 2 * radius + 1
    expected = ((2 / 3 + 1 / (3 * side**2)) ** 2 / side**2) ** 0.5
    assert float(smooth.std() / noise.std()) == pytest.approx(expected, rel=0.15)


def test_edges_stay():
    step = torch.cat([torch.zeros(1, 1, 32, 16), torch.ones(1, 1, 32, 16)], dim=3)
    assert float((smooth_where_flat(step, 1, 2, torch.full((1, 1, 1, 1), 1e-4)) - step).abs().max()) < 0.01


def test_the_radius_may_be_larger_than_the_image():
    tiny = torch.rand(2, 1, 3, 3)
    assert torch.isfinite(smooth_where_flat(tiny, 2, 4, torch.ones(2, 1, 1, 1))).all()


def test_smooth_colour_leaves_faint_blotches():
    noise = _normal(16, 2, 96, 96) * 0.05
    quiet, true = reduce_chroma(noise, torch.zeros_like(noise), _dice())
    assert torch.equal(true, torch.zeros_like(noise))
    assert float(quiet.std()) < 0.4 * float(noise.std())
    assert _alike(quiet, 1) > 0.3
    assert _alike(quiet, 4) > 0.08


def test_soft_grain_is_alike_in_neighbours_only():
    noise = _normal(16, 1, 96, 96) * 0.05
    soft, _ = reduce_luma(noise, torch.zeros_like(noise), _dice())
    assert float(soft.std()) < float(noise.std())
    assert _alike(soft, 1) > 0.05
    assert abs(_alike(soft, 12)) < 0.02


def test_no_noise_is_left_as_it_is_and_the_target_with_it():
    picture = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    noisy, target = finish(picture, picture, _dice())
    assert torch.equal(noisy, target)


def test_the_target_is_the_mean_of_many_photos():
    # Steered by one guide the filter is linear: the mean of what it makes of photos is what it makes of their mean.
    true = torch.linspace(0.2, 0.8, 48).expand(1, 1, 48, 48)
    guide = true + 0.02 * _normal(1, 1, 48, 48)
    threshold = torch.full((1, 1, 1, 1), 1e-3)
    photos = true + 0.02 * _normal(400, 1, 48, 48)
    smooth = smooth_where_flat(torch.cat([guide, true, photos]), 1, 2, threshold)
    assert float((smooth[2:].mean(dim=0) - smooth[1]).abs().max()) < 0.005


def test_black_and_white_images_stay_valid():
    for value in (0.0, 1.0):
        target = torch.full((12, 3, 24, 24), value)
        noisy = (target + 0.3 * _normal(12, 3, 24, 24)).clamp(0, 1)
        for picture in finish(noisy, target, _dice()):
            assert torch.isfinite(picture).all()
            assert 0 <= float(picture.min()) <= float(picture.max()) <= 1
