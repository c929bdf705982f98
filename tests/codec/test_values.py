"""Pixels of any kind to values and back: what was whole stays whole."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser.codec import values
from denoiser.codec.container import Box
from denoiser.image import Image


@pytest.mark.parametrize("bits", [1, 8, 10, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_there_and_back_changes_nothing(bits: int, channels: int) -> None:
    dtype = np.uint8 if bits <= 8 else np.uint16
    pixels = np.random.default_rng(1).integers(0, 1 << bits, (20, 30, channels)).astype(dtype)
    taken = values.taken(Image(pixels, bits=bits), Box(0, 0, 20, 30))
    assert taken.shape == (20, 30, 3) and taken.dtype == np.float32 and 0 <= taken.min() <= taken.max() <= 1
    assert np.array_equal(values.given(taken, channels, bits), pixels)


def test_beyond_the_picture_its_edge_is_repeated() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, 3), np.uint8)
    taken = values.taken(Image(pixels), Box(10, 20, 64, 64))
    assert taken.shape == (64, 64, 3)
    assert np.array_equal(taken[:10, :10], pixels[10:, 20:].astype(np.float32) * np.float32(1 / 255))
    assert (taken[10:] == taken[9]).all() and (taken[:, 10:] == taken[:, 9:10]).all()


def test_float_is_cut_off_and_what_is_no_number_is_black() -> None:
    pixels = np.array([[[-1.0, 0.25, 2.0], [np.nan, np.inf, -np.inf]]], np.float32)
    taken = values.taken(Image(pixels), Box(0, 0, 1, 2))
    assert np.array_equal(taken, np.array([[[0, 0.25, 1], [0, 1, 0]]], np.float32))
    given = values.given(np.array([[[-0.5, 0.5, 1.5]]], np.float32), 3, 32)
    assert given.dtype == np.float32 and np.array_equal(given, np.array([[[0, 0.5, 1]]], np.float32))
