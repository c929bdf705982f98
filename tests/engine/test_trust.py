import numpy as np
import pytest

from denoiser.engine.trust import trust, trust_number
from denoiser.image import Image, Pixels, from_numpy

_SIGMA = 20.0


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
