import numpy as np
import pytest

from denoiser.engine.trust import BLOCK, evidence, finite, luma, removed_luma, sample, trust, trust_number
from denoiser.image import Image, Pixels, from_numpy


def _noisy(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(1)
    clean = np.full((height, width, 3), 100, np.uint8)
    source = np.clip(clean + chance.normal(0, 8, clean.shape), 0, 255).astype(np.uint8)
    return source, clean


def test_luma_is_the_mean_of_the_channels_and_grey_is_its_own():
    values = np.random.default_rng(0).random((5, 4, 3), dtype=np.float32)
    assert np.allclose(luma(values), values.mean(axis=2), atol=1e-6)
    assert np.array_equal(luma(values[:, :, :1]), values[:, :, 0])


def test_what_is_no_number_counts_as_nothing():
    values = np.array([[[np.nan, np.inf, -np.inf]]], np.float32)
    assert np.array_equal(finite(values), np.zeros((1, 1, 3)))
    removed, kept = removed_luma(values, np.ones_like(values))
    assert np.array_equal(removed, [[-1.0]])
    assert np.array_equal(kept, [[1.0]])


@pytest.mark.filterwarnings("error")
def test_huge_values_of_a_corrupt_file_cause_no_overflow():
    dice = np.random.default_rng(1)
    source = dice.random((96, 96, 3)).astype(np.float32)
    clean = source * np.float32(0.9)
    source[40, 50], clean[40, 50] = 3e38, -3e38
    assert 0 <= trust_number(from_numpy(source), clean) <= 1


def test_flat_blocks_are_chosen_and_textured_ones_are_not():
    source, clean = _noisy(128, 128)
    rough = clean.copy()
    rough[:, 64:] += (np.indices((128, 64)).sum(axis=0) % 2 * 80).astype(np.uint8)[:, :, np.newaxis]
    blocks = sample(source, rough)
    assert len(blocks.clean) == 8
    assert (blocks.clean == 100).all()
    assert blocks.tells


def test_blocks_without_noise_are_passed_over():
    source, clean = _noisy(96, 96)
    source[:, :64] = clean[:, :64]  # clipped, or under full transparency
    blocks = sample(source, clean)
    assert (blocks.removed.std(axis=(1, 2)) > 0).all()
    assert not sample(clean, clean).tells


@pytest.mark.parametrize(("height", "width"), [(31, 500), (1, 1), (500, 31)])
def test_pictures_too_small_for_a_block_tell_nothing(height, width):
    blocks = sample(*_noisy(height, width))
    assert len(blocks.removed) == 0
    assert not blocks.tells


def test_a_large_picture_gives_no_more_blocks_than_needed():
    clean = np.zeros((1500, 3000, 1), np.uint8)
    source = clean.copy()
    source[::7, ::5] = 1
    assert 400 < len(sample(source, clean).removed) <= 512


def test_the_seed_is_the_content():
    source, clean = _noisy(64, 64)
    other = source.copy()
    other[0, 0, 0] ^= 1
    assert sample(source, clean).seed == sample(source.copy(), clean).seed
    assert sample(source, clean).seed != sample(other, clean).seed


_SIGMA = 20.0


def _noise(shape: tuple[int, ...], *, coarse: bool, seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=shape)
    if coarse:
        for axis in (0, 1):
            noise = noise + 0.8 * (np.roll(noise, 1, axis) + np.roll(noise, -1, axis))
    return noise / noise.std() * _SIGMA


def _found(texture: np.ndarray, kept: float, *, coarse: bool = False) -> np.ndarray:
    """Evidence for a picture of this texture of which the share *kept* was kept."""
    base = np.full((*texture.shape, 3), 120.0)
    source = base + texture[:, :, np.newaxis] + _noise(base.shape, coarse=coarse)
    clean = base + kept * texture[:, :, np.newaxis]
    source, clean = (np.clip(np.rint(pixels), 0, 255).astype(np.uint8) for pixels in (source, clean))
    return evidence(source, clean, sample(source, clean), 255.0)


def _patch(values: np.ndarray) -> np.ndarray:
    """*values* in the middle ninth of a flat picture."""
    texture = np.zeros((288, 288))
    texture[96:192, 96:192] = values
    return texture


@pytest.mark.parametrize("coarse", [False, True])
def test_noise_alone_is_not_taken_for_structure(coarse):
    found = _found(np.zeros((320, 400)), 0.0, coarse=coarse)
    assert found.shape == (20, 25)
    assert (found > 0).mean() < 0.05
    assert found.max() < 2.0


@pytest.mark.parametrize("coarse", [False, True])
def test_a_grating_that_was_taken_away_is_found(coarse):
    rows, columns = np.indices((96, 96))
    found = _found(_patch(0.8 * _SIGMA * np.sin(rows * 1.1 + columns * 0.6)), 0.0, coarse=coarse)
    assert (found[7:11, 7:11] > 2.0).all()
    assert np.delete(found, np.s_[5:13], axis=0).max() < 1.0


def test_a_texture_that_was_thinned_shows_by_its_echo():
    strokes = np.random.default_rng(4).choice([-1.0, 1.0], (96, 96)) * 0.6 * _SIGMA
    thinned, gone = _found(_patch(strokes), 0.5), _found(_patch(strokes / 2), 0.0)
    # As much was removed in both; only in one of them it looks like what was left.
    assert np.median(thinned[7:11, 7:11]) > np.median(gone[7:11, 7:11]) + 1
    assert np.median(thinned[7:11, 7:11]) > np.median(np.delete(thinned, np.s_[5:13], axis=0)) + 1


def test_nothing_is_said_of_pictures_that_are_too_small_or_were_hardly_touched():
    chance = np.random.default_rng(3)
    small = chance.integers(0, 255, (47, 400, 3)).astype(np.uint8)
    assert (evidence(small, small // 2, sample(small, small // 2), 255.0) == -np.inf).all()
    clean = np.full((96, 96, 1), 40, np.uint8)
    source = clean.copy()
    source[::9, ::9] += 1
    assert (evidence(source, clean, sample(source, clean), 255.0) == -np.inf).all()


def test_strips_and_odd_sizes_leave_no_trace():
    rows, columns = np.indices((301, 213))
    texture = 0.8 * _SIGMA * np.sin(rows * 0.9 + columns)
    found = _found(texture, 0.0)
    assert found.shape == (-(-301 // BLOCK), -(-213 // BLOCK))
    # The same content in taller pictures: rows away from the cut do not notice where strips begin.
    again = _found(np.vstack([texture, texture])[:301], 0.0)
    assert np.array_equal(found, again)
    assert found[8:9].mean() == pytest.approx(found.mean(), abs=1.0)


def test_depth_does_not_matter():
    rows, columns = np.indices((96, 96))
    texture = _patch(0.8 * _SIGMA * np.sin(rows * 1.1 + columns * 0.6))
    # Some blocks flatter than others by more than rounding, so that the same ones show the noise.
    base = np.repeat(90 + 0.0005 * np.indices((288, 288)).sum(axis=0)[:, :, np.newaxis] ** 1.8, 3, axis=2)
    source, clean = base + texture[:, :, np.newaxis] + _noise(base.shape, coarse=False), base
    as_float = [np.asarray(pixels / 255, np.float32) for pixels in (source, clean)]
    as_words = [np.rint(np.clip(pixels, 0, 1) * 65535).astype(np.uint16) for pixels in as_float]
    ours = evidence(*as_float, sample(*as_float), 1.0)
    theirs = evidence(*as_words, sample(*as_words), 65535.0)
    assert np.abs(ours - theirs).max() < 0.2


def _removed(texture: np.ndarray, *, taken: bool) -> tuple[Image, Pixels]:
    """A noisy picture with *texture*, and its clean one without or with it."""
    base = np.full((*texture.shape, 3), 120.0)
    noise = np.random.default_rng(0).normal(size=base.shape) * _SIGMA
    with_texture = base + texture[:, :, np.newaxis]
    source, clean = with_texture + noise, base if taken else with_texture
    source, clean = (np.clip(np.rint(pixels), 0, 255).astype(np.uint8) for pixels in (source, clean))
    return from_numpy(source), clean


def _grating(height: int, width: int) -> np.ndarray:
    rows, columns = np.indices((height, width))
    return np.asarray(0.8 * _SIGMA * np.sin(rows * 1.1 + columns * 0.6))


def _in_the_middle() -> np.ndarray:
    texture = np.zeros((288, 320))
    texture[96:192, 96:192] = _grating(96, 96)
    return texture


def test_where_noise_alone_went_the_result_is_trusted():
    result = trust(*_removed(np.zeros((288, 320)), taken=True))
    assert result.map.shape == (18, 20)
    assert result.map.min() > 0.3
    assert result.number > 0.95


def test_texture_that_was_lost_is_found_and_texture_that_stayed_is_not_blamed():
    lost, kept = (trust(*_removed(_in_the_middle(), taken=taken)) for taken in (True, False))
    assert lost.map[7:11, 7:11].max() < 0.1
    assert np.delete(lost.map, np.s_[5:13], axis=0).mean() > 0.95
    assert kept.map[7:11, 7:11].min() > 0.5
    assert lost.number < kept.number - 0.05


def test_the_number_of_a_large_picture_comes_from_a_part_of_it(monkeypatch):
    texture = np.zeros((1000, 200))
    texture[:, :90] = _grating(1000, 90)
    image, clean = _removed(texture, taken=True)
    whole = trust(image, clean).number
    assert trust_number(image, clean) == whole
    monkeypatch.setattr("denoiser.engine.trust._LARGE", 60_000)
    assert trust_number(image, clean) == pytest.approx(whole, abs=0.1)
    assert 0.4 < whole < 0.8


@pytest.mark.parametrize("shape", [(1, 1), (40, 500), (500, 40)])
def test_small_pictures_are_trusted(shape):
    image, clean = _removed(np.zeros(shape), taken=True)
    assert trust(image, clean).number == 1.0
    assert trust_number(image, clean) == 1.0


def test_a_picture_that_was_left_as_it_is_is_trusted():
    image, _ = _removed(np.zeros((96, 96)), taken=True)
    assert (trust(image, image.pixels).map == 1).all()
