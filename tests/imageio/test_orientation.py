"""The eight orientations, against Pillow's own reading of them."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageOps

from denoiser.imageio import orientation


@pytest.mark.parametrize("number", range(1, 9))
def test_upright_is_what_pillow_makes_of_it(number: int) -> None:
    pixels = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    picture = PillowImage.fromarray(pixels)
    exif = picture.getexif()
    exif[0x0112] = number
    file = io.BytesIO()
    picture.save(file, "PNG", exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(PillowImage.open(file)))
    assert np.array_equal(orientation.upright(pixels, number), expected)
    assert orientation.turned(pixels, number).flags.c_contiguous
    assert orientation.swaps_sides(number) == (expected.shape != pixels.shape)


@pytest.mark.parametrize("number", [0, 9, -1, 65_535])
def test_a_number_without_a_meaning_turns_nothing(number: int) -> None:
    pixels = np.arange(6).reshape(2, 3)
    assert np.array_equal(orientation.upright(pixels, number), pixels)
