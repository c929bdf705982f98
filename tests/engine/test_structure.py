import numpy as np
import pytest

from denoiser.engine.samples import sample
from denoiser.engine.structure import BLOCK, evidence

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
