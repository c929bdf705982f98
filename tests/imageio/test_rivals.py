"""Other formats: quality against bytes, JPEG round trips, and the best quality within a number of bytes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from skimage import data

from denoiser import metrics
from denoiser.errors import Cancelled, UnwritableImage
from denoiser.events import CancelToken
from denoiser.image import Image, from_numpy
from denoiser.imageio import rivals
from denoiser.imageio.rivals import decode, encode, recompressed, sized, smallest
from denoiser.metrics import psnr


@pytest.fixture(scope="module")
def crop():
    return data.astronaut()[100:228, 100:260]


@pytest.mark.parametrize("name", rivals.rivals())
def test_higher_quality_is_larger_and_more_accurate(name, crop):
    sizes, errors = [], []
    for quality in (20, 50, 85):
        packed = rivals.encode(name, crop, quality)
        decoded = rivals.decode(name, packed)
        assert decoded.shape == crop.shape and decoded.dtype == np.uint8
        sizes.append(len(packed))
        errors.append(float(np.square(decoded.astype(float) - crop).mean()))
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 40


def test_the_common_formats_are_here():
    assert rivals.rivals()[:3] == ("JPEG", "WebP", "AVIF")


def test_the_table_has_the_settings():
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


Array = np.ndarray[Any, Any]


@pytest.mark.parametrize("format", ["JPEG", "AVIF"])
@pytest.mark.parametrize("kind", ["rgb8", "grey8", "rgb16", "rgba8"])
def test_the_image_is_similar_within_the_bytes(kinds: dict[str, Image], format: str, kind: str) -> None:
    image = kinds[kind]
    made = sized(image, format, 6000)
    assert made.bytes <= 6000 and 1 <= made.quality <= 100
    assert made.image.pixels.shape == image.pixels.shape
    assert (made.image.bits, made.image.alpha) == (image.bits, None)
    assert psnr(made.image.pixels, image.pixels, white=image.white) > 26


def test_more_bytes_are_more_accurate(photo: Array) -> None:
    image = from_numpy(photo)
    near = [psnr(sized(image, "JPEG", limit).image.pixels, photo, white=255) for limit in (2000, 4000, 9000)]
    assert near == sorted(near) and near[0] < near[2] - 3


def test_the_quality_of_a_large_image_is_found_on_its_centre(photo: Array) -> None:
    image = from_numpy(np.tile(photo, (14, 12, 1)))
    made = sized(image, "JPEG", 200_000)
    assert 120_000 < made.bytes <= 200_000
    assert made.image.pixels.shape == image.pixels.shape


def test_the_smallest_file_that_is_near_enough(photo: Array) -> None:
    image = from_numpy(photo)
    sizes = []
    for wanted in (28.0, 36.0):
        is_near = lambda shown, wanted=wanted: psnr(shown, photo, white=255) >= wanted  # noqa: E731
        size = smallest(image, "JPEG", is_near, CancelToken())
        assert size is not None
        quality = next(q for q in range(1, 101) if len(encode("JPEG", photo, q)) == size)
        assert psnr(decode("JPEG", encode("JPEG", photo, quality)), photo, white=255) >= wanted
        assert quality == 1 or psnr(decode("JPEG", encode("JPEG", photo, quality - 1)), photo, white=255) < wanted
        sizes.append(size)
    assert sizes[0] < sizes[1]
    assert smallest(image, "JPEG", lambda _shown: False, CancelToken()) is None
    assert smallest(image, "JPEG", lambda _shown: True, CancelToken()) == len(encode("JPEG", photo, 1))


def test_too_few_bytes_are_an_error(photo: Array) -> None:
    with pytest.raises(UnwritableImage, match="The smallest JPEG file"):
        sized(from_numpy(photo), "JPEG", 100)


def test_it_stops_on_request(photo: Array) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        sized(from_numpy(photo), "AVIF", 5000, cancel)
