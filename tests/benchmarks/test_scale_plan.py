"""The simulation of a cluster agrees with what can be worked out by hand."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module("scale_plan")


def seconds(plan: Any, *values: Any, **words: float) -> float:
    result: float = plan.simulate(plan.Setting(*values, **words), np.random.default_rng(0)).seconds
    return result


def test_workers_share_the_files(plan: Any) -> None:
    assert seconds(plan, 1, 100, 2.0) == pytest.approx(200)
    assert seconds(plan, 10, 100, 2.0, start=30.0) == pytest.approx(50)


def test_the_slowest_part_decides(plan: Any) -> None:
    assert seconds(plan, 10, 1000, 1.0, driver=0.2) == pytest.approx(200, rel=0.02)
    assert seconds(plan, 10, 1000, 1.0, store=5.0) == pytest.approx(200, rel=0.02), "three files overlap"
    assert seconds(plan, 10, 1000, 1.0, store=1.5) == pytest.approx(100, rel=0.02)


def test_failing_and_slow_workers_cost_time_but_no_file(plan: Any) -> None:
    setting = plan.Setting(8, 4000, 1.0, start=20.0, failures=6.0)
    outcome = plan.simulate(setting, np.random.default_rng(1))
    assert 0 < outcome.repeated < 200 and 500 < outcome.seconds < 700
    assert seconds(plan, 100, 4000, 1.0, slow_nodes=0.5) == pytest.approx(40 / 0.75, rel=0.1)
