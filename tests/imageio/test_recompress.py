import numpy as np
import pytest
from skimage import data

from denoiser import metrics
from denoiser.imageio.recompress import recompressed

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
