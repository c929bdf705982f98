"""The search finds the step, in few looks, and what it finds keeps the promise even where sizes stumble."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser.codec import rate


@pytest.mark.parametrize(("quality", "step"), [(0, 0), (100, 63), (60, 38), (None, 38), (0.79, 0), (0.8, 1)])
def test_a_quality_is_a_step(quality: float | None, step: int) -> None:
    assert rate.step_of(quality) == step
    assert rate.step_of(rate.quality_of(step)) == step


@pytest.mark.parametrize("limit", [*range(95, 200, 7), 10_000])
def test_the_best_step_within_a_limit(limit: int) -> None:
    looked: list[int] = []

    def size_at(step: int) -> int:
        looked.append(step)
        return 100 + step * step

    expected = max((step for step in range(64) if 100 + step * step <= limit), default=None)
    assert rate.best_within(limit, size_at) == expected
    assert len(looked) <= 7


def test_what_is_found_is_within_the_limit_also_where_sizes_stumble() -> None:
    dice = np.random.default_rng(3)
    for _ in range(200):
        sizes = 100 + np.arange(64) * 3 + dice.integers(-9, 9, 64)
        limit = int(dice.integers(80, 300))
        found = rate.best_within(limit, sizes.item)
        assert found is None or sizes[found] <= limit


@pytest.mark.parametrize("wanted", [19.0, 20.0, 20.3, 35.0, 51.4, 51.5, 51.6])
def test_the_first_step_that_is_good_enough(wanted: float) -> None:
    worths = [20 + step * 0.5 for step in range(64)]
    expected = next((step for step in range(64) if worths[step] >= wanted), None)
    assert rate.first_reaching(wanted, lambda step: worths[step]) == expected
