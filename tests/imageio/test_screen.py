from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import ImageCms

from denoiser.errors import UsageError
from denoiser.imageio.screen import ScreenColours, halved, profile_at, resized


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_half_the_size_is_the_mean_of_four_in_the_same_depth(dtype: type, channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (6, 9, channels)).astype(dtype)
    half = halved(pixels)
    assert half.shape == (3, 5, channels) and half.dtype == dtype
    for row in range(3):
        for column in range(4):
            mean = pixels[2 * row : 2 * row + 2, 2 * column : 2 * column + 2].astype(float).mean(axis=(0, 1))
            assert np.abs(half[row, column] - mean).max() <= 1.0  # rounded down the rows and then across


@pytest.mark.parametrize(("height", "width"), [(37, 53), (1, 1), (100, 80), (7, 200)])
def test_any_size_is_given_exactly(height: int, width: int) -> None:
    ramp = np.tile(np.linspace(0, 60_000, 80, dtype=np.uint16)[np.newaxis, :, np.newaxis], (100, 1, 3))
    small = resized(ramp, height, width)
    assert small.shape == (height, width, 3) and small.dtype == np.uint16
    assert np.all(np.diff(small[:, :, 0].astype(int), axis=1) >= 0)
    assert abs(float(small.mean()) - float(ramp.mean())) < 2500


def test_srgb_stays_as_it_is_bit_for_bit() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (40, 30, 3), dtype=np.uint8)
    assert np.array_equal(ScreenColours(None, 3).convert(pixels, 255.0), pixels)
    grey = ScreenColours(None, 1).convert(pixels[:, :, :1], 255.0)
    assert np.array_equal(grey, np.repeat(pixels[:, :, :1], 3, axis=2))


def test_deeper_images_are_rounded() -> None:
    deep = np.array([[[0, 32768, 65535]]], np.uint16)
    assert ScreenColours(None, 3).convert(deep, 65535.0).tolist() == [[[0, 128, 255]]]
    bright = np.array([[[-1.0, 0.5, 7.0]]], np.float32)
    assert ScreenColours(None, 3).convert(bright, 1.0).tolist() == [[[0, 128, 255]]]


def test_another_space_is_converted_as_the_colour_engine_does_it() -> None:
    wide = _gamma_profile()
    pixels = np.random.default_rng(2).integers(0, 256, (700, 600, 3), dtype=np.uint8)
    shown = ScreenColours(wide, 3).convert(pixels, 255.0)
    assert shown.shape == pixels.shape
    assert not np.array_equal(shown, pixels)
    back = ScreenColours(None, 3, wide).convert(shown, 255.0)
    assert np.abs(back.astype(int) - pixels).mean() < 1.5


def test_a_profile_that_is_none_does_not_stop_the_view() -> None:
    pixels = np.full((3, 3, 3), 77, np.uint8)
    assert np.array_equal(ScreenColours(b"no profile", 3).convert(pixels, 255.0), pixels)


def test_a_display_profile_is_checked_when_it_is_chosen(tmp_path: Path) -> None:
    good, bad = tmp_path / "screen.icc", tmp_path / "bad.icc"
    good.write_bytes(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    bad.write_bytes(b"something else")
    assert profile_at(good)[36:40] == b"acsp"
    for path in (bad, tmp_path / "absent.icc"):
        with pytest.raises(UsageError):
            profile_at(path)


def _gamma_profile() -> bytes:
    """sRGB with its red and green primaries exchanged: plainly another space."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data = bytearray(bytes(data).replace(b"s\0R\0G\0B", b"o\0t\0h\0r").replace(b"sRGB", b"othr"))
    count = int.from_bytes(data[128:132], "big")
    places = {bytes(data[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, green = places[b"rXYZ"], places[b"gXYZ"]
    data[red + 4 : red + 12], data[green + 4 : green + 12] = data[green + 4 : green + 12], data[red + 4 : red + 12]
    assert ImageCms.ImageCmsProfile(io.BytesIO(bytes(data)))
    return bytes(data)


@pytest.mark.parametrize("channels", [1, 3])
def test_large_images_are_halved_the_same_way(channels: int) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (1031, 77, channels), dtype=np.uint8)
    half = halved(pixels)
    assert half.shape == (516, 39, channels)
    mean = pixels[:1030, :76].reshape(515, 2, 38, 2, channels).astype(float).mean(axis=(1, 3))
    assert np.abs(half[:515, :38] - mean).max() <= 0.5
