import math

import numpy as np
import pytest
from skimage import data

from denoiser import imageio
from denoiser.engine import open_session
from denoiser.errors import UnusableData
from denoiser.evaluation import denoising, tables
from denoiser.events import CancelToken
from denoiser.image import from_numpy
from denoiser.options import DenoiseOptions


@pytest.fixture(scope="module")
def session():
    return open_session(DenoiseOptions(precision="fp32"))


@pytest.fixture
def folder(tmp_path):
    for name in ("astronaut", "coffee"):
        imageio.write(from_numpy(getattr(data, name)()[100:228, 100:260]), tmp_path / f"{name}.png")
    return tmp_path


def _quiet(_line: str) -> None:
    pass


def test_white_noise_is_the_level_the_seed_and_no_clipping():
    clean = np.zeros((200, 200, 3), np.uint8)
    noisy = denoising.with_white_noise(clean, 25, "a")
    assert np.array_equal(noisy, denoising.with_white_noise(clean, 25, "a"))
    assert not np.array_equal(noisy, denoising.with_white_noise(clean, 25, "b"))
    assert float(noisy.std() * 255) == pytest.approx(25, rel=0.01)
    assert noisy.min() < -0.2


def test_a_score_says_before_and_after(session, folder):
    score = denoising.score_white(session, folder, 25, told=_quiet, cancel=CancelToken())
    assert score.noisy_psnr == pytest.approx(20 * math.log10(255 / 25), abs=0.1)
    assert score.psnr > score.noisy_psnr + 6
    assert [row[0] for row in score.pictures] == ["astronaut", "coffee"]
    assert "white 25" in tables.as_text([score])
    assert tables.as_values(score)["pictures"][0]["psnr"] == score.pictures[0][2]


def test_untouched_is_infinite_when_nothing_is_changed(folder):
    asleep = open_session(DenoiseOptions(noise_level=0))
    score = denoising.score_untouched(asleep, folder, told=_quiet, cancel=CancelToken())
    assert score.psnr == math.inf
    assert score.ssim == pytest.approx(1)


def test_pairs_of_different_size_are_named(session, tmp_path):
    imageio.write(from_numpy(np.zeros((40, 40, 3), np.uint8)), tmp_path / "a__noisy.png")
    imageio.write(from_numpy(np.zeros((40, 41, 3), np.uint8)), tmp_path / "a__clean.png")
    with pytest.raises(UnusableData, match="not the size"):
        denoising.score_pairs(session, tmp_path, told=_quiet, cancel=CancelToken())


@pytest.mark.data
@pytest.mark.long
def test_the_shipped_weights_keep_what_their_card_says(session, data_folder):
    from denoiser import models

    promised = models.find("fast", "cpu").card.metrics["cbsd68_sigma25"]
    score = denoising.score_white(session, data_folder / "test" / "cbsd68", 25, told=_quiet, cancel=CancelToken())
    assert score.psnr == pytest.approx(promised, abs=0.03)
