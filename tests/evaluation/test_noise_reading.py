"""Readings of noise beside what was added."""

import numpy as np
import pytest

from denoiser.errors import Cancelled
from denoiser.estimation import NoiseEstimate
from denoiser.evaluation.noise_reading import LEVELS, Nearness, judge_readings, nearness
from denoiser.events import CancelToken

FLAT = {str(number): np.full((64, 64, 3), 100 + number, np.uint8) for number in range(3)}


def reads(luma, chroma):
    """A reader that tells so many times what is in a flat picture, and 2 of the one that is brightest."""

    def read(image):
        values = image.pixels.astype(np.float64) * (255 / image.white)
        sigma = 0.0 if values.mean() < 101.5 else 2.0
        if image.bits == 32:
            sigma = float(values.std())
        return NoiseEstimate(luma * sigma, chroma * sigma, 0.0, np.zeros((1, 1), np.float32), "")

    return read


def test_what_is_read_stands_beside_what_was_added():
    verdict = judge_readings(FLAT, reads(1.2, 0.9))
    assert tuple(one.level for one in verdict.white) == LEVELS == (3, 5, 10, 15, 25, 50)
    for white in verdict.white:
        assert (white.luma.ratio, white.luma.off) == pytest.approx((1.2, 0.2), abs=0.02)
        assert (white.chroma.ratio, white.chroma.off) == pytest.approx((0.9, 0.1), abs=0.02)


def test_pictures_as_they_are_read_as_clean_or_not():
    assert judge_readings(FLAT, reads(0.7, 1)).clean == 3
    verdict = judge_readings(FLAT, reads(1, 1))
    assert verdict.untouched == (0, 0, 2) and verdict.clean == 2


def test_the_noise_is_the_same_each_time():
    assert judge_readings(FLAT, reads(1, 1)) == judge_readings(FLAT, reads(1, 1))


def test_nearness_is_told_as_medians():
    assert nearness([1.5, 3, 8], [2, 3, 4]) == Nearness(ratio=1, off=0.25)


def test_a_stop_is_heard():
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        judge_readings(FLAT, reads(1, 1), cancel=token)
