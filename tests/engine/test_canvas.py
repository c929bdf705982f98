import numpy as np
import pytest
import torch

from denoiser.engine.canvas import Canvas, Scale, network_input, own_depth, scale_of
from denoiser.image import Image, from_numpy
from denoiser.networks.condition import Condition
from denoiser.tiling import plan_tiles


def _image(dtype: type, channels: int, bits: int = 0) -> Image:
    chance = np.random.default_rng(0)
    if dtype is np.float32:
        return from_numpy(chance.random((150, 170, channels), dtype=np.float32))
    top = (1 << bits) if bits else np.iinfo(dtype).max + 1
    return from_numpy(chance.integers(0, top, (150, 170, channels)).astype(dtype), bits=bits)


def _through(image: Image, change=lambda values: values, share: float = 1.0) -> np.ndarray:
    """The picture tile by tile through the conversions, with *change* in the place of the network."""
    scale = scale_of(image)
    canvas = Canvas(image.pixels, scale, Condition(), share)
    plan = plan_tiles(image.height, image.width, multiple=8, halo=8, tile=64)
    canvas.begin(plan)
    for tile in plan.tiles:
        windows = canvas.window(tile)[None]
        ones = np.full((1, 1, 1, 1), scale.one, np.float32)
        values = network_input(windows, ones)
        assert values.shape == (1, *tile.shape, 3)
        assert 0 <= values.min() <= values.max() <= 1
        assert not canvas.is_done
        block = own_depth(change(values), windows, [canvas], ones)
        if windows.dtype == np.uint16:
            windows = windows.astype(np.int32)  # as on a graphics card
        windows, ones = torch.from_numpy(windows), torch.from_numpy(ones)
        by_torch = own_depth(change(network_input(windows, ones)), windows, [canvas], ones)
        assert np.allclose(by_torch, block, atol=1e-6, equal_nan=True)
        canvas.put(tile, block[0])
    assert canvas.is_done
    return canvas.result


@pytest.mark.parametrize(
    ("dtype", "channels", "bits"),
    [(np.uint8, 3, 0), (np.uint8, 1, 0), (np.uint16, 3, 0), (np.uint16, 1, 10), (np.uint16, 3, 12)],
)
@pytest.mark.parametrize("share", [1.0, 0.3])
def test_what_the_network_leaves_alone_comes_back_exactly(dtype, channels, bits, share):
    image = _image(dtype, channels, bits)
    back = _through(image, share=share)
    assert back.dtype == image.pixels.dtype
    assert np.array_equal(back, image.pixels)


def test_floats_come_back_as_near_as_floats_can():
    image = _image(np.float32, 3)
    assert np.allclose(_through(image), image.pixels, atol=1e-6)


def test_bright_floats_are_mapped_and_restored_and_what_is_no_number_stays():
    pixels = np.linspace(-1, 4, 8 * 9 * 3, dtype=np.float32).reshape(8, 9, 3).copy()
    pixels[0, 0], pixels[0, 1] = np.nan, (np.inf, -np.inf, 2.0)
    image = Image(pixels)
    assert scale_of(image) == Scale(4.0, None)
    scaled = _through(Image(np.abs(pixels)))
    assert np.allclose(scaled, np.abs(pixels), atol=1e-6, equal_nan=True)


def test_integers_are_held_at_their_white():
    image = from_numpy(np.full((2, 2, 3), 1000, np.uint16), bits=10)
    assert _through(image, lambda values: values * 2).max() == 1023
    assert _through(image, lambda values: values - 2).max() == 0


def test_a_share_of_the_removal_is_kept():
    image = _image(np.uint16, 3)
    half = _through(image, lambda values: values * 0.5, share=0.5).astype(int)
    assert np.abs(half - image.pixels * 0.75).max() <= 1


@pytest.mark.parametrize("size", [(1, 1), (3, 70), (65, 2)])
def test_beyond_its_edges_a_picture_is_mirrored(size):
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3)).astype(np.uint8)
    canvas = Canvas(pixels, Scale(255.0, 255.0), Condition())
    [tile] = plan_tiles(*size, multiple=8, halo=8, tile=128).tiles
    height, width = tile.shape
    padding = ((0, height - size[0]), (0, width - size[1]), (0, 0))
    assert np.array_equal(canvas.window(tile), np.pad(pixels, padding, mode="symmetric"))
