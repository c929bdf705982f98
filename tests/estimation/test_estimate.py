"""The value that everyone passes on."""

from __future__ import annotations

import json

import numpy as np
import pytest

from denoiser.estimation import LevelAt, NoiseEstimate


def test_one_number_for_white_noise_is_its_sigma() -> None:
    estimate = NoiseEstimate(10.0, 10.0, 0.0, np.zeros((1, 1), np.float32), "white noise")
    assert estimate.sigma == pytest.approx(10)


def test_one_number_for_grey_is_that_of_its_channel() -> None:
    assert NoiseEstimate(7.0, 0.0, 0.0, np.zeros((1, 1), np.float32), "white noise", grey=True).sigma == 7


def test_values_are_plain_and_whole() -> None:
    levels = (LevelAt(0.1, 9.0, 4.0, 0.25), LevelAt(0.7, 5.0, 3.0, 0.75))
    estimate = NoiseEstimate(6.2, 3.3, 0.9, np.ones((2, 3), np.float32), "grain", levels)
    values = json.loads(json.dumps(estimate.as_values()))
    assert values == {
        "luma": 6.2,
        "chroma": 3.3,
        "kind": 0.9,
        "grey": False,
        "levels": [
            {"brightness": 0.1, "luma": 9.0, "chroma": 4.0, "share": 0.25},
            {"brightness": 0.7, "luma": 5.0, "chroma": 3.0, "share": 0.75},
        ],
        "reason": "grain",
    }
