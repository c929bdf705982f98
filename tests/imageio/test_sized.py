from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from denoiser.errors import Cancelled, UnwritableImage
from denoiser.events import CancelToken
from denoiser.image import Image, from_numpy
from denoiser.imageio.sized import sized
from denoiser.metrics import psnr

Array = np.ndarray[Any, Any]


@pytest.mark.parametrize("format", ["JPEG", "AVIF"])
@pytest.mark.parametrize("kind", ["rgb8", "grey8", "rgb16", "rgba8"])
def test_it_is_the_same_picture_within_the_bytes(kinds: dict[str, Image], format: str, kind: str) -> None:
    image = kinds[kind]
    made = sized(image, format, 6000)
    assert made.bytes <= 6000 and 1 <= made.quality <= 100
    assert made.image.pixels.shape == image.pixels.shape
    assert (made.image.bits, made.image.alpha) == (image.bits, None)
    assert psnr(made.image.pixels, image.pixels, white=image.white) > 26


def test_more_bytes_are_nearer(photo: Array) -> None:
    image = from_numpy(photo)
    near = [psnr(sized(image, "JPEG", limit).image.pixels, photo, white=255) for limit in (2000, 4000, 9000)]
    assert near == sorted(near) and near[0] < near[2] - 3


def test_a_large_picture_is_searched_on_its_middle(photo: Array) -> None:
    image = from_numpy(np.tile(photo, (14, 12, 1)))
    made = sized(image, "JPEG", 200_000)
    assert 120_000 < made.bytes <= 200_000
    assert made.image.pixels.shape == image.pixels.shape


def test_what_cannot_be_so_small_is_said(photo: Array) -> None:
    with pytest.raises(UnwritableImage, match="The smallest JPEG file"):
        sized(from_numpy(photo), "JPEG", 100)


def test_it_stops_on_request(photo: Array) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        sized(from_numpy(photo), "AVIF", 5000, cancel)
