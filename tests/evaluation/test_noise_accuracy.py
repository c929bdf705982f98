"""The accuracy of noise estimates."""

import numpy as np
import pytest

from denoiser.estimation.estimate import NoiseEstimate
from denoiser.evaluation.noise_accuracy import LEVELS, Accuracy, measure_accuracy

FLAT = {str(number): np.full((64, 64, 3), 100 + number, np.uint8) for number in range(3)}


def scaled(luma, chroma):
    """An estimator that returns multiples of the true level of flat images, and 2 for the brightest clean one."""

    def estimate(image):
        values = image.pixels.astype(np.float64) * (255 / image.white)
        sigma = 0.0 if values.mean() < 101.5 else 2.0
        if image.bits == 32:
            sigma = float(values.std())
        return NoiseEstimate(luma * sigma, chroma * sigma, 0.0, np.zeros((1, 1), np.float32), "")

    return estimate


def test_estimates_are_compared_with_the_added_noise():
    found = measure_accuracy(FLAT, scaled(1.2, 0.9))
    assert tuple(found.white) == LEVELS == (3, 5, 10, 15, 25, 50)
    for luma, chroma in found.white.values():
        assert (luma.ratio, luma.off) == pytest.approx((1.2, 0.2), abs=0.02)
        assert (chroma.ratio, chroma.off) == pytest.approx((0.9, 0.1), abs=0.02)


def test_clean_images_are_counted():
    assert measure_accuracy(FLAT, scaled(0.7, 1)).clean == 3
    found = measure_accuracy(FLAT, scaled(1, 1))
    assert found.untouched == (0, 0, 2) and found.clean == 2


def test_the_noise_is_deterministic():
    assert measure_accuracy(FLAT, scaled(1, 1)) == measure_accuracy(FLAT, scaled(1, 1))


def test_accuracy_is_a_median():
    assert Accuracy.of([1.5, 3, 8], [2, 3, 4]) == Accuracy(ratio=1, off=0.25)
