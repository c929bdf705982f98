import numpy as np
import pytest

from denoiser.engine import samples


def _noisy(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(1)
    clean = np.full((height, width, 3), 100, np.uint8)
    source = np.clip(clean + chance.normal(0, 8, clean.shape), 0, 255).astype(np.uint8)
    return source, clean


def test_luma_is_the_mean_of_the_channels_and_grey_is_its_own():
    values = np.random.default_rng(0).random((5, 4, 3), dtype=np.float32)
    assert np.allclose(samples.luma(values), values.mean(axis=2), atol=1e-6)
    assert np.array_equal(samples.luma(values[:, :, :1]), values[:, :, 0])


def test_what_is_no_number_counts_as_nothing():
    values = np.array([[[np.nan, np.inf, -np.inf]]], np.float32)
    assert np.array_equal(samples.finite(values), np.zeros((1, 1, 3)))
    removed, kept = samples.removed_luma(values, np.ones_like(values))
    assert np.array_equal(removed, [[-1.0]])
    assert np.array_equal(kept, [[1.0]])


def test_flat_blocks_are_chosen_and_textured_ones_are_not():
    source, clean = _noisy(128, 128)
    rough = clean.copy()
    rough[:, 64:] += (np.indices((128, 64)).sum(axis=0) % 2 * 80).astype(np.uint8)[:, :, np.newaxis]
    blocks = samples.sample(source, rough)
    assert len(blocks.clean) == 8
    assert (blocks.clean == 100).all()
    assert blocks.tells


def test_blocks_without_noise_are_passed_over():
    source, clean = _noisy(96, 96)
    source[:, :64] = clean[:, :64]  # clipped, or under full transparency
    blocks = samples.sample(source, clean)
    assert (blocks.removed.std(axis=(1, 2)) > 0).all()
    assert not samples.sample(clean, clean).tells


@pytest.mark.parametrize(("height", "width"), [(31, 500), (1, 1), (500, 31)])
def test_pictures_too_small_for_a_block_tell_nothing(height, width):
    blocks = samples.sample(*_noisy(height, width))
    assert len(blocks.removed) == 0
    assert not blocks.tells


def test_a_large_picture_gives_no_more_blocks_than_needed():
    clean = np.zeros((1500, 3000, 1), np.uint8)
    source = clean.copy()
    source[::7, ::5] = 1
    assert 400 < len(samples.sample(source, clean).removed) <= 512


def test_the_seed_is_the_content():
    source, clean = _noisy(64, 64)
    other = source.copy()
    other[0, 0, 0] ^= 1
    assert samples.sample(source, clean).seed == samples.sample(source.copy(), clean).seed
    assert samples.sample(source, clean).seed != samples.sample(other, clean).seed
