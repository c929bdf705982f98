"""Searches end after few trials, at the step that was wanted."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser.codec.search import EFFORTS, best_within, first_reaching, refined_within


@pytest.mark.parametrize("limit", [*range(95, 200, 7), 10_000])
def test_the_best_step_within_a_limit(limit: int) -> None:
    looked: list[int] = []

    def size_at(step: int) -> int:
        looked.append(step)
        return 100 + step * step

    expected = max((step for step in range(64) if 100 + step * step <= limit), default=None)
    assert best_within(limit, size_at) == expected
    assert len(looked) <= 7


def test_what_is_found_is_within_the_limit_also_where_sizes_stumble() -> None:
    dice = np.random.default_rng(3)
    for _ in range(200):
        sizes = 100 + np.arange(64) * 3 + dice.integers(-9, 9, 64)
        limit = int(dice.integers(80, 300))
        found = best_within(limit, sizes.item)
        assert found is None or sizes[found] <= limit


@pytest.mark.parametrize("wanted", [19.0, 20.0, 20.3, 35.0, 51.4, 51.5, 51.6])
def test_the_first_step_that_is_good_enough(wanted: float) -> None:
    worths = [20 + step * 0.5 for step in range(64)]
    looked: list[int] = []

    def psnr_at(step: int) -> float:
        looked.append(step)
        return worths[step]

    expected = next((step for step in range(64) if worths[step] >= wanted), None)
    assert first_reaching(wanted, psnr_at) == expected
    assert len(looked) <= 3


@pytest.mark.parametrize("worths", [[35.0] * 64, [np.inf] * 64, [20 + step**1.2 / 8 for step in range(64)]])
@pytest.mark.parametrize("wanted", [20.0, 30.0, 35.0, 35.5, 60.0])
def test_curves_that_are_not_straight_end_as_well(worths: list[float], wanted: float) -> None:
    found = first_reaching(wanted, lambda step: worths[step])
    first = next((step for step in range(64) if worths[step] >= wanted), None)
    assert (found is None) == (first is None)
    assert found is None or (worths[found] >= wanted and abs(found - first) <= 1)


@pytest.mark.parametrize("ratio", [0.8, 1.0, 1.2])
@pytest.mark.parametrize("limit", [90, 100, 300, 1000, 9999])
def test_a_refined_size_takes_few_trials(limit: int, ratio: float) -> None:
    plain = [100 + step * step for step in range(64)]
    looked: list[int] = []

    def refined_at(step: int) -> int:
        looked.append(step)
        return round(plain[step] * (ratio + step / 1000))

    found = refined_within(limit, lambda step: plain[step], refined_at, 5)
    sizes = [round(plain[step] * (ratio + step / 1000)) for step in range(64)]
    assert found == max((step for step in range(64) if sizes[step] <= limit), default=None)
    assert len(looked) <= 4


def test_higher_efforts_take_more_steps() -> None:
    steps = [effort.steps for effort in EFFORTS]
    assert len(EFFORTS) == 9 and steps[0] == 0 and steps == sorted(set(steps))
