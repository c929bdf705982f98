import math

import numpy as np
import pytest

from denoiser.evaluation.bd_rate import bd_rate, interpolated

ANCHOR = [(0.2, 30.0), (0.4, 32.5), (0.8, 35.0), (1.6, 37.5)]


def test_half_the_bits_are_minus_fifty_percent():
    assert bd_rate([(rate / 2, quality) for rate, quality in ANCHOR], ANCHOR) == pytest.approx(-50)
    assert bd_rate([(rate * 2, quality) for rate, quality in ANCHOR], ANCHOR) == pytest.approx(100)
    assert bd_rate(ANCHOR, ANCHOR) == pytest.approx(0)


def test_the_order_of_points_does_not_matter():
    mine = [(0.15, 30.0), (0.7, 35.2), (0.35, 32.4), (1.3, 37.0)]
    assert bd_rate(mine, ANCHOR) == bd_rate(mine[::-1], ANCHOR[::-1])


def test_only_the_part_between_the_rates_counts():
    dear_at_the_top = [(0.1, 30.0), (0.2, 32.5), (0.4, 35.0), (1.6, 37.5)]
    whole = bd_rate(dear_at_the_top, ANCHOR)
    low = bd_rate(dear_at_the_top, ANCHOR, rates=(0.2, 0.6))
    assert low == pytest.approx(-50, abs=4)
    assert whole > low + 4


def test_curves_that_do_not_meet_cannot_be_compared():
    assert math.isnan(bd_rate([(rate, quality + 20) for rate, quality in ANCHOR], ANCHOR))
    assert math.isnan(bd_rate(ANCHOR[:2], ANCHOR))


def test_points_that_cost_more_for_nothing_are_left_out():
    assert bd_rate([*ANCHOR, (0.9, 34.9)], ANCHOR) == pytest.approx(0)


def test_known_value_of_a_published_kind_of_curve():
    """A curve that is 1 dB better everywhere, on a slope of 2.5 dB per doubling, takes 2^(-1/2.5) of the bits."""
    better = [(rate, quality + 1) for rate, quality in ANCHOR]
    assert bd_rate(better, ANCHOR) == pytest.approx((2 ** (-1 / 2.5) - 1) * 100, abs=0.01)


def test_the_interpolation_is_that_of_scipy():
    scipy = pytest.importorskip("scipy.interpolate")
    rng = np.random.default_rng(0)
    for _ in range(20):
        x = np.cumsum(rng.uniform(0.1, 2, 7))
        y = np.cumsum(rng.normal(size=7))
        at = np.linspace(x[0], x[-1], 50)
        np.testing.assert_allclose(interpolated(x, y, at), scipy.PchipInterpolator(x, y)(at), atol=1e-9)
