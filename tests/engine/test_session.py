import numpy as np
import pytest

import denoiser
from denoiser import metrics
from denoiser.engine import open_session
from denoiser.errors import MissingModel
from denoiser.events import TileDone
from denoiser.image import from_numpy
from denoiser.options import DenoiseOptions


@pytest.fixture(scope="module")
def clean() -> np.ndarray:
    from skimage import data

    return data.astronaut()[:256, 100:420]


def _with_noise(clean: np.ndarray, sigma: float, white: int = 255) -> np.ndarray:
    noise = np.random.default_rng(1).standard_normal(clean.shape) * sigma / 255 * white
    noisy = np.clip(np.rint(clean / 255 * white + noise), 0, white)
    return noisy.astype(np.uint8 if white == 255 else np.uint16)


@pytest.mark.parametrize("level", [None, 25.0])
def test_a_noisy_photo_comes_out_several_decibels_better(clean, level):
    noisy = _with_noise(clean, 25)
    result = denoiser.denoise(from_numpy(noisy), DenoiseOptions(noise_level=level, precision="fp32"))
    assert metrics.psnr(result.pixels, clean, white=255) > metrics.psnr(noisy, clean, white=255) + 6


def test_sixteen_bits_are_cleaned_in_sixteen_bits(clean):
    noisy = _with_noise(clean, 25, 65535)
    result = denoiser.denoise(from_numpy(noisy), DenoiseOptions(noise_level=25, precision="fp32"))
    assert result.pixels.dtype == np.uint16
    assert len(np.unique(result.pixels & 0xFF)) > 200  # the low byte lives
    wanted = clean.astype(np.uint16) * 257
    assert metrics.psnr(result.pixels, wanted, white=65535) > metrics.psnr(noisy, wanted, white=65535) + 6


def test_grey_stays_grey_and_gets_clean(clean):
    grey = clean[:, :, 1]
    noisy = _with_noise(grey, 25)
    result = denoiser.denoise(from_numpy(noisy), DenoiseOptions(noise_level=25, precision="fp32"))
    assert result.channels == 1
    gained = metrics.psnr(result.pixels[:, :, 0], grey, white=255) - metrics.psnr(noisy, grey, white=255)
    assert gained > 5


def test_alpha_and_what_came_with_the_picture_stay(clean):
    with_alpha = np.dstack([clean, np.arange(clean[:, :, 0].size).reshape(clean.shape[:2]) % 251]).astype(np.uint8)
    image = from_numpy(with_alpha, profile=b"a profile")
    result = denoiser.denoise(image)
    assert np.array_equal(result.alpha, with_alpha[:, :, 3])
    assert result.profile == b"a profile"
    assert np.array_equal(image.pixels, with_alpha[:, :, :3])


@pytest.mark.parametrize("options", [DenoiseOptions(strength=0), DenoiseOptions(noise_level=0)])
def test_nothing_asked_is_nothing_changed(clean, options):
    noisy = _with_noise(clean, 25)
    assert np.array_equal(denoiser.denoise(from_numpy(noisy), options).pixels, noisy)


def test_a_session_says_what_it_runs_and_how_far_it_is(clean, tiny_weights):
    session = open_session(DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32"))
    assert (session.model_name, session.device, session.precision) == ("denoiser-tiny", "cpu", "fp32")
    assert len(session.model_digest) == 64
    heard: list[TileDone] = []
    session.clean(from_numpy(clean), listener=heard.append)
    assert (heard[-1].done, heard[-1].total) == (1, 1)


def test_an_unknown_model_is_named():
    with pytest.raises(MissingModel, match="denoiser-nowhere"):
        open_session(DenoiseOptions(model="denoiser-nowhere"))
