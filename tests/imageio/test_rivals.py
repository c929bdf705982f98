import numpy as np
import pytest
from skimage import data

from denoiser import metrics
from denoiser.imageio import rivals
from denoiser.imageio.rivals import recompressed


@pytest.fixture(scope="module")
def photo():
    return data.astronaut()[100:228, 100:260]


@pytest.mark.parametrize("name", rivals.rivals())
def test_more_quality_is_more_bytes_and_nearer(name, photo):
    sizes, errors = [], []
    for quality in (20, 50, 85):
        packed = rivals.encode(name, photo, quality)
        decoded = rivals.decode(name, packed)
        assert decoded.shape == photo.shape and decoded.dtype == np.uint8
        sizes.append(len(packed))
        errors.append(float(np.square(decoded.astype(float) - photo).mean()))
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 40


def test_the_common_formats_are_here():
    assert rivals.rivals()[:3] == ("JPEG", "WebP", "AVIF")


def test_a_table_says_the_settings():
    assert rivals.described("JPEG") == "JPEG (subsampling 4:2:0)"
    assert rivals.described("AVIF") == "AVIF (speed 6, subsampling 4:2:0)"


PHOTO = data.astronaut()[:128, 100:260]


@pytest.mark.parametrize("half_chroma", [False, True])
def test_a_better_quality_keeps_more(half_chroma):
    kept = [recompressed(PHOTO, quality, half_chroma=half_chroma) for quality in (60, 80, 95)]
    assert all(result.shape == PHOTO.shape and result.dtype == np.uint8 for result in kept)
    scores = [metrics.psnr(result, PHOTO, white=255) for result in kept]
    assert scores == sorted(scores)
    assert scores[0] > 25


def test_half_chroma_costs_colour():
    full, half = (recompressed(PHOTO, 95, half_chroma=choice) for choice in (False, True))
    assert metrics.psnr(full, PHOTO, white=255) > metrics.psnr(half, PHOTO, white=255) + 0.3
