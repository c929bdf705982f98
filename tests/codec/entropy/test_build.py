"""Tables are made close to the probabilities they stand for, and always whole."""

from __future__ import annotations

import math

import numpy as np
import pytest

from denoiser.codec.entropy import build
from denoiser.codec.entropy.tables import TOTAL
from denoiser.errors import InexactWeights


def test_scales_run_from_narrowest_to_broadest_by_one_factor() -> None:
    scales = build.scales()
    assert (len(scales), scales[0], scales[-1]) == (64, pytest.approx(0.11), pytest.approx(32))
    assert np.ptp(np.diff(np.log(scales))) < 1e-12


def test_scale_tables_cost_a_two_thousandth_more_than_the_normal_distribution() -> None:
    tables = build.scale_tables()
    for number, scale in enumerate(build.scales()):
        half = tables.half_width(number)
        below = [0.5 * math.erfc(-(k - 0.5) / scale / math.sqrt(2)) for k in range(-half, half + 2)]
        true = np.maximum(np.diff(below), 1e-300)
        entropy = -(true * np.log2(true)).sum()
        cost = (true * tables.bits[number, : len(true)]).sum()
        assert cost - entropy < 5e-4 * entropy + 1.5e-4, scale


def test_a_narrow_table_still_holds_what_comes_unexpected() -> None:
    tables = build.scale_tables()
    assert tables.row(0).tolist() == [1, 1, TOTAL - 5, 1, 1, 1]


def test_tables_are_the_same_each_time() -> None:
    one, two = build.scale_tables(), build.scale_tables()
    assert (one.counts == two.counts).all()


def test_counts_sum_exactly_whatever_the_probabilities() -> None:
    dice = np.random.default_rng(3)
    for size in (1, 2, 3, 17, 300, 4000):
        for power in (0, 1, 30):
            counts = build.counts_of(dice.random(size) ** power)
            assert counts.sum() == TOTAL and counts.min() >= 1


def test_counts_are_the_best_there_are() -> None:
    """No two counts can be changed by one against each other to the advantage of the cost."""
    wanted = np.random.default_rng(4).random(40) ** 8
    wanted /= wanted.sum()
    counts = build.counts_of(wanted)
    cost = -(wanted * np.log(counts)).sum()
    for less in np.nonzero(counts > 1)[0]:
        for more in range(40):
            other = counts.copy()
            other[less] -= 1
            other[more] += 1
            assert -(wanted * np.log(other)).sum() > cost - 1e-12


def test_hyper_tables_are_cut_where_a_symbol_does_not_come() -> None:
    probabilities = np.zeros((1, 3, 201))
    probabilities[0, 0, 100] = 1  # only ever zero
    probabilities[0, 1, 90:111] = 1 / 21
    probabilities[0, 2] = 1 / 201
    tables = build.hyper_tables(probabilities, np.zeros(64, int))
    assert tables.half_widths.tolist() == [0, 10, 100]
    assert tables.row(0).tolist() == [TOTAL - 1, 1]
    assert tables.channels == 3


@pytest.mark.parametrize("shape", [(3, 201), (1, 3, 200)])
def test_hyper_tables_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InexactWeights):
        build.hyper_tables(np.full(shape, 0.001), np.zeros(64, int))


def test_probabilities_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InexactWeights):
        build.hyper_tables(np.full((1, 3, 9), np.nan), np.zeros(64, int))
