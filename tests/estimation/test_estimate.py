"""The noise estimate, and its combination from the estimates of parts."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest

from denoiser.estimation.estimate import LevelAt, NoiseEstimate, PartEstimate, combine, sigma_of
from denoiser.networks.window_statistics import FLOOR


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


def level(sigma: float) -> float:
    return math.log(sigma**2 + FLOOR) / 2


def part(
    luma: float,
    chroma: float = 4.0,
    *,
    doubt: float = -4.0,
    noisy: float = 1.0,
    brightness: float = 0.5,
    windows: int = 100,
) -> PartEstimate:
    return PartEstimate(level(luma), level(chroma), doubt, doubt, 0.9, noisy, brightness, windows)


def combined(whole: PartEstimate, bright: list[PartEstimate], *, grey: bool = False):
    return combine(whole, bright, [whole, None], shape=(1, 2), grey=grey)


def test_sigma_is_the_way_back_from_level() -> None:
    for sigma in (0.0, 0.4, 12.0):
        assert sigma_of(level(sigma)) == pytest.approx(sigma, abs=1e-6)
    assert sigma_of(-50.0) == 0


def test_nothing_read_is_nothing_claimed() -> None:
    estimate = combine(None, [], [None, None], shape=(2, 1), grey=False)
    assert (estimate.luma, estimate.chroma, estimate.level_map.shape) == (0.0, 0.0, (2, 1))


def test_the_image_is_the_sum_of_its_parts() -> None:
    dark, bright = part(12, brightness=0.1, windows=50), part(4, brightness=0.8, windows=50)
    estimate = combined(part(8), [dark, bright])
    assert estimate.luma == pytest.approx(math.sqrt((144 + 16) / 2), rel=0.05)
    assert [at.share for at in estimate.levels] == [0.5, 0.5]
    assert "shadows" in estimate.reason


def test_a_probably_clean_image_has_no_noise_and_the_transition_is_smooth() -> None:
    parts = [part(12, brightness=0.1), part(4, brightness=0.8)]
    clean = combine(part(8, noisy=0.2), parts, [part(8)], shape=(1, 1), grey=False)
    assert (clean.luma, clean.chroma, clean.level_map.max()) == (0, 0, 0)
    assert all(at.luma == at.chroma == 0 for at in clean.levels) and "no noise" in clean.reason
    lumas = [combine(part(8, noisy=p / 100), [], [], shape=(0, 0), grey=False).luma for p in range(101)]
    assert lumas == sorted(lumas) and lumas[-1] == 8
    assert max(np.diff(lumas)) < 2


def test_without_parts_the_whole_speaks() -> None:
    assert combined(part(8), []).luma == 8


def test_a_doubtful_part_leans_on_the_whole() -> None:
    sure = combined(part(8), [part(16, doubt=-3), part(8)]).levels[0].luma
    unsure = combined(part(8), [part(16, doubt=0), part(8)]).levels[0].luma
    assert sure == pytest.approx(16, rel=0.05) and 8 < unsure < 10.5


def test_the_level_of_a_grey_image_is_that_of_its_channel() -> None:
    estimate = combined(part(10 * 3**0.5), [part(10 * 3**0.5)], grey=True)
    assert estimate.luma == pytest.approx(10, abs=0.01) and estimate.chroma == 0 and estimate.grey
    assert estimate.levels[0].chroma == 0 and np.allclose(estimate.level_map, 10, atol=0.01)


@pytest.mark.parametrize(
    ("sigma", "kind", "words"), [(0.2, 0.9, "next to no"), (5, 0.9, "correl"), (5, 0.1, "white")]
)
def test_reasons(sigma, kind, words) -> None:
    whole = dataclasses.replace(part(sigma), kind=kind)
    assert combined(whole, [whole]).reason.startswith(words)


def test_a_field_that_tells_nothing_shows_the_whole() -> None:
    assert combined(part(8), []).level_map.tolist() == [[8.0, 8.0]]
