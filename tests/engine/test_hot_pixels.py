import numpy as np
import pytest
from PIL import Image as Picture
from PIL import ImageDraw
from skimage import data

from denoiser.engine import hot_pixels
from denoiser.engine.hot_pixels import replace_hot_pixels

PLACES = [(0, 0), (0, 30), (95, 127), (40, 0), (20, 20), (20, 60), (50, 40), (33, 75)]
DEPTHS = [(np.uint8, 255.0), (np.uint16, 1023.0), (np.uint16, 65535.0), (np.float32, 1.0)]


def _noisy(sigma: float, shape: tuple[int, int, int] = (96, 128, 3), seed: int = 0) -> np.ndarray:
    """A dark slope in 8-bit steps, with noise."""
    slope = np.linspace(30, 60, shape[1])[np.newaxis, :, np.newaxis]
    values = slope + np.random.default_rng(seed).normal(0, sigma, shape)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _at_depth(pixels: np.ndarray, dtype: type, white: float) -> np.ndarray:
    values = pixels * (white / 255)
    return values.astype(np.float32) if dtype is np.float32 else np.rint(values).astype(dtype)


@pytest.mark.parametrize(("dtype", "white"), DEPTHS)
@pytest.mark.parametrize("channels", [1, 3])
def test_hot_and_dead_pixels_are_replaced_and_nothing_else(dtype, white, channels):
    clean = _at_depth(_noisy(3)[..., :channels] + 60, dtype, white)
    pixels = clean.copy()
    for number, place in enumerate(PLACES):
        pixels[place][slice(None) if number % 2 else slice(0, 1)] = 0 if number == 3 else white
    before = pixels.copy()
    result, count = replace_hot_pixels(pixels, white)
    assert np.array_equal(pixels, before)
    assert count == len(PLACES)
    assert result.dtype == dtype
    struck = (pixels != clean).any(axis=2)
    assert np.array_equal(result[~struck], clean[~struck])
    assert np.abs(result[struck].astype(float) - clean[struck]).max() < 12 * white / 255


@pytest.mark.parametrize("sigma", [0, 1, 3, 10, 25, 60])
def test_noise_is_no_defect(sigma):
    pixels = np.clip(data.astronaut() + np.random.default_rng(1).normal(0, sigma, (512, 512, 3)), 0, 255)
    result, count = replace_hot_pixels(pixels.astype(np.uint8), 255.0)
    assert count <= (2 if sigma < 3 else 0)  # of 262,144: single sparkles of the photo itself
    assert count or np.array_equal(result, pixels.astype(np.uint8))


def _text() -> np.ndarray:
    page = Picture.new("RGB", (320, 120), "white")
    for row in range(5):
        ImageDraw.Draw(page).text((4, 4 + 22 * row), "I saw it. Is it in line 4.5? Yes... i. j. ;", "black")
    return np.asarray(page)


def _dots(pitch: int) -> np.ndarray:
    page = np.full((200, 200, 3), 250, np.uint8)
    page[::pitch, ::pitch] = 10
    return page


def _checkerboard() -> np.ndarray:
    return np.repeat((np.indices((64, 64)).sum(axis=0) % 2 * 255)[..., np.newaxis], 3, axis=2).astype(np.uint8)


def _lines() -> np.ndarray:
    page = _noisy(2)
    page[10, 10:40], page[20:50, 60], page[range(30, 55), range(20, 45)] = 250, 250, 250
    return page


def _stars() -> np.ndarray:
    sky = _noisy(2, (128, 128, 3)).astype(float)
    rows, columns = np.indices((128, 128))
    for number, (row, column) in enumerate([(20.0, 20.0), (40.4, 60.2), (80.0, 30.5), (100.1, 100.3)]):
        width = (1.3, 1.5, 2.0, 2.5)[number] / 2.355
        spot = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * width**2))
        sky += 190 * spot[..., np.newaxis]
    return np.clip(np.rint(sky), 0, 255).astype(np.uint8)


def _lights_of_two_pixels() -> np.ndarray:
    scene = _noisy(2)
    for row, column, second in ((10, 10, 255), (20, 50, 150), (40, 30, 100)):
        scene[row, column], scene[row + row % 20 // 10, column + 1] = 255, second
    return scene


def _salt_and_pepper(share: float) -> np.ndarray:
    pixels = data.astronaut().copy()
    draw = np.random.default_rng(2).random(pixels.shape[:2])
    pixels[draw < share] = 255
    return pixels


@pytest.mark.parametrize(
    "pixels",
    [
        pytest.param(_text(), id="text"),
        pytest.param(255 - _text(), id="white text on black"),
        *(pytest.param(_dots(pitch), id=f"dots, {pitch}") for pitch in (2, 3, 5, 8, 20, 40)),
        pytest.param(_checkerboard(), id="checkerboard"),
        pytest.param(_lines(), id="lines"),
        pytest.param(_stars(), id="stars"),
        pytest.param(_lights_of_two_pixels(), id="lights of two pixels"),
        pytest.param(_salt_and_pepper(0.05), id="salt, 5 %"),
        pytest.param(np.zeros((64, 64, 3), np.uint8), id="black"),
    ],
)
def test_what_is_no_defect_is_left_alone(pixels):
    result, count = replace_hot_pixels(pixels, 255.0)
    assert count == 0
    assert result is pixels


def test_a_few_hot_pixels_on_clipped_black_are_found():
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[10, 10], pixels[40, 50] = 200, (120, 0, 0)
    result, count = replace_hot_pixels(pixels, 255.0)
    assert count == 2
    assert not result.any()


def test_many_outliers_in_one_place_are_texture_and_those_elsewhere_are_defects():
    pixels = _noisy(2, (256, 256, 3))
    pixels[6:60:12, 6:60:12] = 250
    pixels[200, 200] = 250
    result, count = replace_hot_pixels(pixels, 255.0)
    assert count == 1
    assert result[30, 30, 0] == 250 and result[200, 200, 0] < 80


@pytest.mark.parametrize("rows", [1, 7, 64, 1000])
def test_strips_make_no_difference_and_neither_do_short_cuts(rows, monkeypatch):
    """The reference looks at the window of each value."""
    pixels = _noisy(4, (50, 70, 3))
    draw = np.random.default_rng(4).random(pixels.shape)
    pixels[draw < 4e-3], pixels[draw > 0.998] = 220, 0
    every = np.stack(np.unravel_index(np.arange(pixels.size), pixels.shape))
    expected = hot_pixels._alone(pixels, every, 20.0)
    monkeypatch.setattr(hot_pixels, "_ROWS_AT_ONCE", rows)
    peaks = np.concatenate(list(hot_pixels._peaks(pixels, 20.0)), axis=1)
    found = hot_pixels._alone(pixels, peaks, 20.0)
    assert expected.shape[1] > 5
    assert set(map(tuple, found.T.tolist())) == set(map(tuple, expected.T.tolist()))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_no_numbers_stay_and_hide_nothing(value):
    pixels = _noisy(3).astype(np.float32) / 255
    pixels[10, 10], pixels[50, 50] = value, 1.0
    result, count = replace_hot_pixels(pixels, 1.0)
    assert count == 1
    assert result[50, 50].max() < 0.4
    assert np.array_equal(result[10, 10], pixels[10, 10], equal_nan=True)
    nothing = np.full((32, 32, 3), value, np.float32)
    assert replace_hot_pixels(nothing, 1.0)[0] is nothing


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 100, 1), (9, 200, 3), (10, 10, 1), (11, 300, 3)])
def test_small_pictures_and_views_are_taken_as_they_are(shape):
    pixels = _noisy(2, (shape[0], shape[1], 4))[..., : shape[2]]
    assert not pixels.flags.c_contiguous or pixels.size < 4
    assert replace_hot_pixels(pixels, 255.0)[1] == 0
