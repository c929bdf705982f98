"""Bit depths: values that fit are unchanged, others are rounded."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser.image import from_numpy
from denoiser.imageio import depth


@pytest.mark.parametrize(
    ("bits", "depths", "wanted"),
    [(8, (8, 16), 8), (10, (8, 16), 16), (12, (8, 10, 12), 12), (16, (8, 10, 12), 12), (32, (8, 16), 16)],
)
def test_the_smallest_sufficient_depth_or_the_largest(bits: int, depths: tuple[int, ...], wanted: int) -> None:
    assert depth.fitting(bits, depths) == wanted


@pytest.mark.parametrize(("source", "target"), [(10, 8), (10, 16), (12, 8), (12, 16), (16, 8), (16, 10), (16, 12)])
def test_integers_round_to_the_nearest(source: int, target: int) -> None:
    values = np.arange(1 << source, dtype=np.uint16)
    exact = values.astype(np.float64) * ((1 << target) - 1) / ((1 << source) - 1)
    got = depth.rescale(values, float((1 << source) - 1), target)
    assert got.dtype == (np.uint8 if target == 8 else np.uint16)
    assert np.abs(got - exact).max() <= 0.5 + 1e-9
    assert (got[0], got[-1]) == (0, (1 << target) - 1)


@pytest.mark.parametrize("bits", [8, 10, 16])
def test_to_deeper_and_back_changes_nothing(bits: int) -> None:
    values = np.arange(1 << bits, dtype=np.uint8 if bits == 8 else np.uint16)
    white = float((1 << bits) - 1)
    assert np.array_equal(depth.rescale(depth.rescale(values, white, 32), 1.0, bits), values)
    if bits < 16:
        assert np.array_equal(depth.rescale(depth.rescale(values, white, 16), 65535.0, bits), values)


def test_float_is_cut_off_at_black_and_white_and_what_is_no_number_is_black() -> None:
    values = np.array([-1, 0, 0.5, 1, 7, np.nan, np.inf, -np.inf], np.float32)
    assert depth.rescale(values, 1.0, 8).tolist() == [0, 0, 128, 255, 255, 0, 255, 0]


def test_the_same_depth_is_the_same_array() -> None:
    picture = from_numpy(np.zeros((2, 2, 4), np.uint16))
    pixels, alpha = depth.at_depth(picture, 16)
    assert pixels is picture.pixels
    assert alpha is picture.alpha
