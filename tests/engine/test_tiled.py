import numpy as np
import pytest

from denoiser import models
from denoiser.engine.reference import clean_whole
from denoiser.engine.tiled import TiledCleaner
from denoiser.errors import Cancelled
from denoiser.events import CancelToken
from denoiser.networks.conditioning import Condition


@pytest.fixture(scope="module")
def fast() -> models.LoadedModel:
    return models.load(models.find("denoiser-fast", "cpu"))


def _noisy(height: int, width: int, sigma: float) -> np.ndarray:
    chance = np.random.default_rng(height * width)
    slope = np.linspace(0.1, 0.9, width, dtype=np.float32)[None, :, None]
    waves = 0.2 * np.sin(np.arange(height, dtype=np.float32) / 9)[:, None, None]
    noise = chance.standard_normal((height, width, 3), dtype=np.float32) * np.float32(sigma / 255)
    return slope + waves + noise


def _tiled(model: models.LoadedModel, noisy: np.ndarray, condition: Condition) -> np.ndarray:
    cleaner = TiledCleaner(model.network, model.spec, "cpu", "fp32")
    return cleaner.clean(noisy, condition, told=lambda _done, _total: None, cancel=CancelToken())


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (67, 3), (64, 64), (509, 521), (530, 1021)])
@pytest.mark.parametrize("sigma", [5, 50])
def test_tiles_give_the_whole_picture_within_half_a_step(fast, size, sigma):
    noisy, condition = _noisy(*size, sigma), Condition(sigma, sigma, 0.0)
    difference = np.abs(_tiled(fast, noisy, condition) - clean_whole(fast.network, noisy, condition)) * 255
    assert difference.shape == (*size, 3)
    assert difference.max() < 0.5


def test_the_source_is_left_alone(fast):
    noisy = _noisy(80, 90, 25)
    before = noisy.copy()
    _tiled(fast, noisy, Condition())
    assert np.array_equal(noisy, before)


def test_cancel_is_heard_within_one_tile(fast):
    cancel, heard = CancelToken(), []

    def told(done: int, _total: int) -> None:
        heard.append(done)
        cancel.cancel()

    cleaner = TiledCleaner(fast.network, fast.spec, "cpu", "fp32")
    with pytest.raises(Cancelled):
        cleaner.clean(_noisy(600, 600, 10), Condition(), told=told, cancel=cancel)
    assert heard == [1]
