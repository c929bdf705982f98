import numpy as np
import pytest

from denoiser.engine import blend
from denoiser.image import Image, from_numpy


def _image(dtype: type, channels: int, bits: int = 0) -> Image:
    chance = np.random.default_rng(0)
    if dtype is np.float32:
        return from_numpy(chance.random((9, 7, channels), dtype=np.float32))
    top = (1 << bits) if bits else np.iinfo(dtype).max + 1
    return from_numpy(chance.integers(0, top, (9, 7, channels)).astype(dtype), bits=bits)


@pytest.mark.parametrize(
    ("dtype", "channels", "bits"),
    [(np.uint8, 3, 0), (np.uint8, 1, 0), (np.uint16, 3, 0), (np.uint16, 1, 10), (np.float32, 3, 0)],
)
def test_what_the_network_leaves_alone_comes_back_exactly(dtype, channels, bits):
    image = _image(dtype, channels, bits)
    values, one = blend.as_network_input(image)
    assert values.shape == (9, 7, 3)
    assert 0 <= values.min() <= values.max() <= 1
    back = blend.blended(image, values, one, 1.0)
    assert back.dtype == image.pixels.dtype
    if image.bits == 32:
        assert np.allclose(back, image.pixels, atol=1e-6)
    else:
        assert np.array_equal(back, image.pixels)


def test_strength_zero_is_the_source_and_half_is_half_way():
    image = _image(np.uint16, 3)
    values, one = blend.as_network_input(image)
    darker = values * np.float32(0.5)
    assert blend.blended(image, darker, one, 0.0) is image.pixels
    half = blend.blended(image, darker, one, 0.5).astype(int)
    assert np.abs(half - image.pixels * 0.75).max() <= 1


def test_bright_floats_are_mapped_and_restored():
    pixels = np.array([[[0.0, 4.0, -1.0], [np.nan, np.inf, 2.0]]], dtype=np.float32)
    image = Image(pixels)
    values, one = blend.as_network_input(image)
    assert one == 4.0
    assert np.isfinite(values).all()
    back = blend.blended(image, values, one, 1.0)
    assert np.array_equal(back, pixels, equal_nan=True)


def test_integers_are_clipped_at_their_white():
    image = from_numpy(np.full((2, 2, 3), 1000, np.uint16), bits=10)
    values, one = blend.as_network_input(image)
    assert blend.blended(image, values * 2, one, 1.0).max() == 1023


def test_colours_under_full_transparency_are_left_alone():
    chance = np.random.default_rng(2)
    pixels = chance.integers(0, 256, (4, 5, 3)).astype(np.uint8)
    alpha = np.zeros((4, 5), np.uint8)
    alpha[1:, 2:] = 1
    image = Image(pixels, alpha=alpha)
    values, one = blend.as_network_input(image)
    back = blend.blended(image, np.ones_like(values), one, 1.0)
    assert np.array_equal(back[alpha == 0], pixels[alpha == 0])
    assert (back[alpha > 0] == 255).all()
