import numpy as np
import pytest
import torch
from numpy.typing import NDArray

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

QUIET = limits_of(Condition(1.0, 1.0, 0.0))[np.newaxis]
UNKNOWN = limits_of(Condition())[np.newaxis]


Values = NDArray[np.float32]


def _photo(side: int = 192) -> Values:
    from skimage import data

    pixels = data.astronaut()[40 : 40 + side, 100 : 100 + side]
    return pixels[np.newaxis] / np.float32(255)


def _block_means(values: Values, side: int = 64) -> Values:
    batch, height, width, channels = values.shape
    blocks = values.reshape(batch, height // side, side, width // side, side, channels)
    return blocks.mean(axis=(2, 4)) * 255


def _noise(sigma: float, side: int = 192) -> Values:
    noise = np.random.default_rng(1).standard_normal((1, side, side, 3), dtype=np.float32)
    return noise * np.float32(sigma / 255)


@pytest.mark.parametrize("cast", [(30, 0, -30), (-25, -25, -25), (0, 9, 0)])
def test_a_colour_cast_is_taken_back(cast):
    photo = _photo()
    wrong = photo + np.array(cast, np.float32) / 255
    kept = keep_local_means(photo, wrong, QUIET)
    assert np.abs(_block_means(kept - photo)).max() < 0.3
    assert np.abs(_block_means(wrong - photo)).max() > 8


def test_a_cast_of_one_object_is_taken_back_in_blocks_of_64_pixels():
    photo = _photo()
    wrong = photo.copy()
    wrong[:, 64:128, 64:128] += np.array([20.0, -10.0, 20.0], np.float32) / 255
    assert np.abs(_block_means(wrong - photo)).max() > 15
    assert np.abs(_block_means(keep_local_means(photo, wrong, QUIET) - photo)).max() < 3


@pytest.mark.parametrize("sigma", [5, 25])
def test_what_white_noise_explains_is_left_to_the_network(sigma):
    """The noise in the local means would come back otherwise."""
    photo = _photo() * 0.6 + 0.2
    limits = limits_of(Condition(sigma, sigma, 0.0))[np.newaxis]
    kept = keep_local_means(photo + _noise(sigma), photo, limits)
    assert np.sqrt(np.square(kept - photo).mean()) * 255 < 0.012 * sigma
    returned = keep_local_means(photo + _noise(sigma), photo, QUIET)
    assert np.sqrt(np.square(returned - photo).mean()) * 255 > 0.025 * sigma


def test_the_gains_are_those_of_the_filters():
    noise = cell_means(_noise(255, 2048))
    assert float(_low(noise).std()) == pytest.approx(_NEAR_GAIN, rel=0.05)
    assert float(filtered(noise, _WIDE).std()) == pytest.approx(_WIDE_GAIN, rel=0.1)


def test_clipping_near_black_is_not_taken_for_a_cast():
    """Clipped noise is brighter than the truth: the network's darker result is right."""
    truth = np.full((1, 128, 128, 3), 2 / 255, np.float32)
    noisy = (truth + _noise(30, 128)).clip(0, 1)
    assert _block_means(noisy).min() > 10
    kept = keep_local_means(noisy, truth, limits_of(Condition(30, 30, 0.0))[np.newaxis])
    assert _block_means(kept).max() < 5


def test_darker_than_black_is_no_excuse():
    source = np.full((1, 64, 64, 3), 20 / 255, np.float32)
    kept = keep_local_means(source, source - np.float32(60 / 255), limits_of(Condition(3, 3, 1.0))[np.newaxis])
    assert np.abs(_block_means(kept) - 20).max() < 1.5


def test_an_unknown_level_changes_nothing():
    photo = _photo(64)
    assert np.array_equal(keep_local_means(photo, photo + np.float32(0.1), UNKNOWN), photo + np.float32(0.1))


def test_a_pixel_depends_on_its_surroundings_within_reach_only():
    photo = _photo()
    wrong = photo + np.float32(0.05)
    far = wrong.copy()
    far[:, :, 96 + REACH :] = 0
    one, other = (keep_local_means(photo, values, QUIET) for values in (wrong, far))
    assert np.array_equal(one[:, :, :96], other[:, :, :96])
    assert not np.array_equal(one[:, :, :104], other[:, :, :104])


def test_cells_are_means_and_come_back_between_their_centres():
    values = np.random.default_rng(0).random((2, 32, 48, 3), dtype=np.float32)
    means = cell_means(values)
    by_torch = torch.nn.functional.avg_pool2d(torch.from_numpy(values).permute(0, 3, 1, 2), 8)
    assert np.allclose(means, by_torch.permute(0, 2, 3, 1), atol=1e-6)
    expected = torch.nn.functional.interpolate(by_torch, scale_factor=8, mode="bilinear", align_corners=False)
    assert np.allclose(add_between_cells(values, means), values + expected.permute(0, 2, 3, 1).numpy(), atol=1e-6)


def test_tensors_give_what_arrays_give():
    """On a graphics card the same code runs with torch."""
    photo, wrong = _photo() * np.float32(1.1), _photo() + _noise(40)
    limits = limits_of(Condition(20, 25, 1.0))[np.newaxis]
    by_numpy = keep_local_means(photo, wrong, limits)
    by_torch = keep_local_means(*(torch.from_numpy(values) for values in (photo, wrong, limits)))
    assert np.abs(by_numpy - wrong).max() > 0.05
    assert np.allclose(by_torch.numpy(), by_numpy, atol=2e-6)


def test_correlated_and_strong_noise_explains_more():
    def explained(luma: float, kind: float) -> float:
        return float(limits_of(Condition(luma, luma, kind))[0] / luma)

    assert explained(20, 1.0) > explained(20, 0.0)
    assert explained(20, 1.0) > explained(4, 1.0)
