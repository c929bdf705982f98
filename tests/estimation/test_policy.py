"""From an estimate to what the network is told and how much of its work is kept."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser.estimation.estimate import NoiseEstimate
from denoiser.estimation.policy import at_level, automatic, present_noise
from denoiser.networks.condition import Condition


def estimate(luma: float, chroma: float = 0.0, *, kind: float = 0.0, grey: bool = False) -> NoiseEstimate:
    return NoiseEstimate(luma, chroma, kind, np.zeros((1, 1), np.float32), "made for a test", grey=grey)


def test_a_noisy_image_is_denoised_in_full() -> None:
    condition, share = automatic(estimate(12.0, 5.0))
    assert (condition.luma, condition.chroma, condition.kind, share) == (12.0, 5.0, 0.0, 1.0)


def test_a_clean_image_is_not_changed() -> None:
    assert automatic(estimate(0.3, 0.2))[1] == 0


def test_noise_in_colour_alone_is_reason_enough() -> None:
    assert automatic(estimate(0.2, 6.0))[1] == 1


def test_between_the_two_there_is_no_step_and_no_turning_back() -> None:
    shares = [automatic(estimate(sigma))[1] for sigma in np.arange(0, 4, 0.01)]
    steps = np.diff(shares)
    assert steps.min() >= 0 and steps.max() < 0.03 and shares[0] == 0 and shares[-1] == 1


def test_grey_noise_adds_up_in_luma_and_has_no_chroma() -> None:
    condition, _ = automatic(estimate(10.0, grey=True))
    assert condition.luma == pytest.approx(10 * 3**0.5) and condition.chroma == 0


@pytest.mark.parametrize("grey", [False, True])
def test_the_level_is_limited_to_that_of_the_training(grey) -> None:
    condition, _ = automatic(estimate(200.0, 200.0, grey=grey))
    assert condition.luma == 75 and condition.chroma in (0, 75)


def test_weak_correlated_noise_gets_a_higher_level_than_estimated_and_strong_noise_a_lower_one() -> None:
    weak, middle, strong = (automatic(estimate(luma, luma / 2, kind=0.8))[0] for luma in (4.0, 9.0, 20.0))
    assert weak.luma == pytest.approx(5.6) and weak.chroma == pytest.approx(2.8) and weak.kind == 0.8
    assert middle.luma == pytest.approx(8.55)
    assert strong.luma == pytest.approx(17.6)


def test_more_noise_never_gets_a_lower_level() -> None:
    told = [automatic(estimate(luma, kind=1.0))[0].luma for luma in np.arange(0, 60, 0.1)]
    assert np.diff(told).min() > 0


def test_between_white_and_correlated_there_is_no_step() -> None:
    told = [automatic(estimate(4.0, kind=kind))[0].luma for kind in np.arange(0, 1, 0.01)]
    assert told[0] == 4.0 and told[-1] == pytest.approx(5.6) and np.diff(told).max() < 0.1


def test_a_level_at_the_estimate_is_automatic_mode() -> None:
    read = estimate(6.0, 4.0, kind=0.8)
    given, _ = automatic(read)
    set_by_hand = at_level(read, read.sigma)
    assert set_by_hand.luma == pytest.approx(given.luma)
    assert set_by_hand.chroma == pytest.approx(given.chroma)
    assert set_by_hand.kind == given.kind


def test_a_level_keeps_the_kind_and_the_balance_of_luma_and_chroma() -> None:
    read = estimate(6.0, 3.0, kind=0.8)
    one, two = at_level(read, 7.0), at_level(read, 14.0)
    assert two.luma == pytest.approx(2 * one.luma) and one.luma == pytest.approx(2 * one.chroma)
    assert one.kind == two.kind == 0.8
    assert at_level(read, 75.0).luma <= 75.0


def test_a_level_for_a_clean_image_means_white_noise() -> None:
    assert at_level(estimate(0.3, 0.2, kind=0.9), 8.0) == Condition(8.0, 8.0, 0.0)


def test_present_noise_is_the_estimate_and_less_at_any_other_level() -> None:
    read = estimate(6.0, 3.0, kind=0.8)
    assert present_noise(read, None) == present_noise(read, read.sigma) == Condition(6.0, 3.0, 0.8)
    for level in (read.sigma / 2, read.sigma * 2):
        less = present_noise(read, level)
        assert (less.luma, less.chroma) == pytest.approx((3.0, 1.5))


def test_a_level_far_above_the_estimate_hardly_counts() -> None:
    """Networks do not smooth more at such levels, and lose colour."""
    read = estimate(3.0, 3.0)
    levels = [at_level(read, level).luma for level in (2, 5, 8, 14, 32, 50, 75)]
    assert levels[:4] == [2, 5, 8, 14] and np.diff(levels).min() > 0 and levels[-1] < 21
    assert at_level(estimate(50.0, 50.0), 75).luma == 75
