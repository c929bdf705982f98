import numpy as np
import pytest
import torch

from denoiser.engine.local_means import (
    _NEAR_GAIN,
    _WIDE,
    _WIDE_GAIN,
    REACH,
    _low,
    add_between_cells,
    cell_means,
    filtered,
    keep_local_means,
    limits_of,
)
from denoiser.networks.condition import Condition

QUIET = limits_of(Condition(1.0, 1.0, 0.0)).unsqueeze(0)
UNKNOWN = limits_of(Condition()).unsqueeze(0)


def _photo(side: int = 192) -> torch.Tensor:
    from skimage import data

    pixels = data.astronaut()[40 : 40 + side, 100 : 100 + side]
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1).unsqueeze(0).float() / 255


def _block_means(values: torch.Tensor, side: int = 64) -> torch.Tensor:
    return torch.nn.functional.avg_pool2d(values, side) * 255


def _noise(sigma: float, side: int = 192) -> torch.Tensor:
    return torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(1)) * sigma / 255


@pytest.mark.parametrize("cast", [(30, 0, -30), (-25, -25, -25), (0, 9, 0)])
def test_a_colour_cast_is_taken_back(cast):
    photo = _photo()
    wrong = photo + torch.tensor(cast).reshape(1, 3, 1, 1) / 255
    kept = keep_local_means(photo, wrong, QUIET)
    assert _block_means(kept - photo).abs().max() < 0.3
    assert _block_means(wrong - photo).abs().max() > 8


def test_a_cast_of_one_object_is_taken_back_in_blocks_of_64_pixels():
    photo = _photo()
    wrong = photo.clone()
    wrong[:, :, 64:128, 64:128] += torch.tensor([20.0, -10.0, 20.0]).reshape(3, 1, 1) / 255
    assert _block_means(wrong - photo).abs().max() > 15
    assert _block_means(keep_local_means(photo, wrong, QUIET) - photo).abs().max() < 3


@pytest.mark.parametrize("sigma", [5, 25])
def test_what_white_noise_explains_is_left_to_the_network(sigma):
    """The noise in the local means would come back otherwise."""
    photo = _photo() * 0.6 + 0.2
    limits = limits_of(Condition(sigma, sigma, 0.0)).unsqueeze(0)
    kept = keep_local_means(photo + _noise(sigma), photo, limits)
    assert (kept - photo).square().mean().sqrt() * 255 < 0.012 * sigma
    returned = keep_local_means(photo + _noise(sigma), photo, QUIET)
    assert (returned - photo).square().mean().sqrt() * 255 > 0.025 * sigma


def test_the_gains_are_those_of_the_filters():
    noise = cell_means(_noise(255, 2048))
    assert float(_low(noise).std()) == pytest.approx(_NEAR_GAIN, rel=0.05)
    assert float(filtered(noise, _WIDE).std()) == pytest.approx(_WIDE_GAIN, rel=0.1)


def test_clipping_near_black_is_not_taken_for_a_cast():
    """Clipped noise is brighter than the truth: the network's darker result is right."""
    truth = torch.full((1, 3, 128, 128), 2 / 255)
    noisy = (truth + _noise(30, 128)).clamp(0, 1)
    assert _block_means(noisy).min() > 10
    kept = keep_local_means(noisy, truth, limits_of(Condition(30, 30, 0.0)).unsqueeze(0))
    assert _block_means(kept).max() < 5


def test_darker_than_black_is_no_excuse():
    source = torch.full((1, 3, 64, 64), 20 / 255)
    kept = keep_local_means(source, source - 60 / 255, limits_of(Condition(3, 3, 1.0)).unsqueeze(0))
    assert (_block_means(kept) - 20).abs().max() < 1.5


def test_an_unknown_level_changes_nothing():
    photo = _photo(64)
    assert torch.equal(keep_local_means(photo, photo + 0.1, UNKNOWN), photo + 0.1)


def test_a_pixel_depends_on_its_surroundings_within_reach_only():
    photo = _photo()
    wrong = photo + 0.05
    far = wrong.clone()
    far[:, :, :, 96 + REACH :] = 0
    one, other = (keep_local_means(photo, values, QUIET) for values in (wrong, far))
    assert torch.equal(one[..., :96], other[..., :96])
    assert not torch.equal(one[..., :104], other[..., :104])


def test_cells_are_means_and_come_back_between_their_centres():
    values = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    means = cell_means(values)
    assert torch.allclose(means, torch.nn.functional.avg_pool2d(values, 8), atol=1e-6)
    expected = torch.nn.functional.interpolate(means, scale_factor=8, mode="bilinear", align_corners=False)
    assert torch.allclose(add_between_cells(values, means), values + expected, atol=1e-6)


def test_correlated_and_strong_noise_explains_more():
    def explained(luma: float, kind: float) -> float:
        return float(limits_of(Condition(luma, luma, kind))[0] / luma)

    assert explained(20, 1.0) > explained(20, 0.0)
    assert explained(20, 1.0) > explained(4, 1.0)
