import numpy as np
import pytest

from denoiser.engine.grain import LEVELS, grain_of
from denoiser.engine.trust import NoiseBlocks, sample


def _removed(coarseness: float, shape: tuple[int, int] = (512, 512)) -> np.ndarray:
    noise = np.random.default_rng(5).normal(size=shape)
    for axis in (0, 1):
        noise = noise + coarseness * (np.roll(noise, 1, axis) + np.roll(noise, -1, axis))
    return noise / noise.std()


def _blocks(removed: np.ndarray, brightness: np.ndarray) -> NoiseBlocks:
    clean = np.broadcast_to(brightness, removed.shape)[:, :, np.newaxis].astype(np.float32)
    source = clean + removed[:, :, np.newaxis].astype(np.float32)
    return sample(source, clean)


def _likeness(field: np.ndarray) -> np.ndarray:
    """Correlations at distances of 1 to 3, down, across and aslant."""
    pairs = [(down, across) for down in range(4) for across in range(4) if down + across]
    return np.array([np.mean(field * np.roll(field, pair, axis=(0, 1))) for pair in pairs]) / field.var()


@pytest.mark.parametrize("coarseness", [0.0, 0.5, 1.0])
def test_grain_is_as_coarse_as_the_noise_and_of_spread_one(coarseness):
    removed = _removed(coarseness)
    grain = grain_of(_blocks(removed * 0.1, np.float32(0.5)), 1.0)
    field = grain.strip(0, 0, 700, 900)
    assert field.std() == pytest.approx(1.0, abs=0.02)
    assert abs(field.mean()) < 0.02
    assert np.abs(_likeness(field) - _likeness(removed)).max() < 0.05


def test_the_amount_follows_the_brightness():
    brightness = np.linspace(0.05, 0.95, 512)
    removed = _removed(0.3) * (0.02 + 0.1 * brightness)
    grain = grain_of(_blocks(removed, brightness), 1.0)
    levels = np.linspace(0.1, 0.9, 9)
    told = grain.amounts[np.rint(levels * (LEVELS - 1)).astype(int)]
    assert told == pytest.approx(0.02 + 0.1 * levels, rel=0.15)


def test_where_strips_are_cut_does_not_matter_and_nothing_repeats_at_once():
    grain = grain_of(_blocks(_removed(0.4) * 0.1, np.float32(0.5)), 1.0)
    whole = grain.strip(0, 0, 1500, 1400)
    assert np.array_equal(whole[630:1390, 555:1300], grain.strip(630, 555, 760, 745))
    for shift in (567, 640):
        ours, theirs = whole[:, : 1400 - shift], whole[:, shift:]
        assert np.mean(ours * theirs) < 0.6


def test_one_content_one_grain():
    blocks = _blocks(_removed(0.4) * 0.1, np.float32(0.5))
    other = _blocks(_removed(0.4) * 0.1, np.float32(0.51))
    assert np.array_equal(grain_of(blocks, 1.0).strip(0, 0, 50, 50), grain_of(blocks, 1.0).strip(0, 0, 50, 50))
    assert np.abs(grain_of(blocks, 1.0).strip(0, 0, 50, 50) - grain_of(other, 1.0).strip(0, 0, 50, 50)).max() > 1


def test_nothing_removed_gives_no_grain():
    grain = grain_of(_blocks(np.zeros((64, 64)), np.float32(0.5)), 1.0)
    assert not grain.amounts.any()
    assert not grain.strip(3, 4, 20, 30).any()
