"""Tables that could not code every symbol alike everywhere are refused when they are built."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from denoiser.codec.entropy import tables
from denoiser.codec.entropy.tables import TOTAL, CodingTables, FrequencyTables, ScaleTables
from denoiser.errors import InexactWeights

COUNTS = np.array([[1, TOTAL - 3, 1, 1, 0, 0], [5, 6, 7, 8, 9, TOTAL - 35]])
HALF_WIDTHS = np.array([1, 2])


def test_good_tables_are_taken_and_frozen() -> None:
    tables = FrequencyTables(COUNTS, HALF_WIDTHS)
    assert tables.row(0).tolist() == [1, TOTAL - 3, 1, 1]
    assert [int(tables.half_widths[0]), int(tables.half_widths[1])] == [1, 2]
    with pytest.raises(ValueError, match="read-only"):
        tables.counts[0, 0] = 2
    COUNTS_BEFORE = COUNTS.copy()
    assert tables.counts is not COUNTS and (COUNTS == COUNTS_BEFORE).all()


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        ((0, 0), 0, "cannot be coded"),
        ((0, 0), -1, "cannot be coded"),
        ((0, 4), 1, "beyond its end"),
        ((0, 1), TOTAL - 2, "do not sum"),
        ((1, 5), TOTAL - 36, "do not sum"),
    ],
)
def test_a_wrong_count_is_refused(place: tuple[int, int], value: int, words: str) -> None:
    counts = COUNTS.copy()
    counts[place] = value
    with pytest.raises(InexactWeights, match=words):
        FrequencyTables(counts, HALF_WIDTHS)


@pytest.mark.parametrize(
    ("counts", "half_widths"),
    [
        (COUNTS.astype(float), HALF_WIDTHS),
        (COUNTS, HALF_WIDTHS.astype(float)),
        (COUNTS[:1], HALF_WIDTHS),
        (COUNTS[0], HALF_WIDTHS),
        (COUNTS[:, :5], HALF_WIDTHS),
        (COUNTS, np.array([1, -1])),
        (COUNTS, np.array([1, 5000])),
        (COUNTS[:0], HALF_WIDTHS[:0]),
    ],
)
def test_a_wrong_shape_is_refused(counts: np.ndarray, half_widths: np.ndarray) -> None:
    with pytest.raises(InexactWeights):
        FrequencyTables(counts, half_widths)


def test_there_are_as_many_scales_as_an_index_can_name(tables: CodingTables) -> None:
    with pytest.raises(InexactWeights, match="64 tables of scales, not 2"):
        ScaleTables(COUNTS, HALF_WIDTHS)
    assert len(tables.scales) == 64


def test_each_quality_step_has_a_table_for_each_channel(tables: CodingTables) -> None:
    hyper = tables.hyper
    assert hyper.channels == 6
    assert list(hyper.numbers(0)) == list(hyper.numbers(15)) == [0, 1, 2, 3, 4, 5]
    assert list(hyper.numbers(63)) == [18, 19, 20, 21, 22, 23]


@pytest.mark.parametrize("sets", [np.zeros(63, int), np.full(64, -1), np.arange(64) // 13, np.zeros(64)])
def test_sets_that_do_not_divide_the_tables_are_refused(tables: CodingTables, sets: np.ndarray) -> None:
    with pytest.raises(InexactWeights):
        dataclasses.replace(tables.hyper, set_of_level=sets)


def test_tables_survive_a_weights_file_and_keep_their_digest(tables: CodingTables) -> None:
    arrays = {name: array.astype(np.int64) for name, array in tables.arrays().items()}
    assert CodingTables.of_arrays(arrays).digest == tables.digest
    swapped = {name: array.astype(array.dtype.newbyteorder()) for name, array in tables.arrays().items()}
    assert CodingTables.of_arrays(swapped).digest == tables.digest, "the byte order of a machine does not matter"


def test_one_count_more_or_less_is_another_digest(tables: CodingTables) -> None:
    arrays = {name: array.copy() for name, array in tables.arrays().items()}
    arrays["scales.counts"][30, 3:5] += np.array([1, -1], np.int8).astype(np.uint16)
    assert CodingTables.of_arrays(arrays).digest != tables.digest


def test_a_missing_array_is_named(tables: CodingTables) -> None:
    arrays = tables.arrays()
    del arrays["hyper.counts"]
    with pytest.raises(InexactWeights, match=r"hyper\.counts"):
        CodingTables.of_arrays(arrays)


def test_bits_are_what_a_symbol_costs(tables: CodingTables) -> None:
    row, bits = tables.scales.row(40).astype(float), tables.scales.bits[40]
    assert np.allclose(bits[: len(row)], -np.log2(row / TOTAL))


def test_scales_run_from_narrowest_to_broadest_by_one_factor() -> None:
    scales = tables.scales()
    assert (len(scales), scales[0], scales[-1]) == (64, pytest.approx(0.11), pytest.approx(32))
    assert np.ptp(np.diff(np.log(scales))) < 1e-12


def test_scale_tables_cost_a_two_thousandth_more_than_the_normal_distribution() -> None:
    made = tables.scale_tables()
    for number, scale in enumerate(tables.scales()):
        half = int(made.half_widths[number])
        below = [0.5 * math.erfc(-(k - 0.5) / scale / math.sqrt(2)) for k in range(-half, half + 2)]
        true = np.maximum(np.diff(below), 1e-300)
        entropy = -(true * np.log2(true)).sum()
        cost = (true * made.bits[number, : len(true)]).sum()
        assert cost - entropy < 5e-4 * entropy + 1.5e-4, scale


def test_a_narrow_table_still_holds_what_comes_unexpected() -> None:
    made = tables.scale_tables()
    assert made.row(0).tolist() == [1, 1, TOTAL - 5, 1, 1, 1]


def test_tables_are_the_same_each_time() -> None:
    one, two = tables.scale_tables(), tables.scale_tables()
    assert (one.counts == two.counts).all()


def test_counts_sum_exactly_whatever_the_probabilities() -> None:
    dice = np.random.default_rng(3)
    for size in (1, 2, 3, 17, 300, 4000):
        for power in (0, 1, 30):
            counts = tables.counts_of(dice.random(size) ** power)
            assert counts.sum() == TOTAL and counts.min() >= 1


def test_counts_are_the_best_there_are() -> None:
    """No two counts can be changed by one against each other to the advantage of the cost."""
    wanted = np.random.default_rng(4).random(40) ** 8
    wanted /= wanted.sum()
    counts = tables.counts_of(wanted)
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
    made = tables.hyper_tables(probabilities, np.zeros(64, int))
    assert made.half_widths.tolist() == [0, 10, 100]
    assert made.row(0).tolist() == [TOTAL - 1, 1]
    assert made.channels == 3


@pytest.mark.parametrize("shape", [(3, 201), (1, 3, 200)])
def test_hyper_tables_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InexactWeights):
        tables.hyper_tables(np.full(shape, 0.001), np.zeros(64, int))


def test_probabilities_that_are_not_finite_are_refused() -> None:
    with pytest.raises(InexactWeights):
        tables.hyper_tables(np.full((1, 3, 9), np.nan), np.zeros(64, int))
