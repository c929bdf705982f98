"""Workers that end lose no task, and a task that ends its workers is known."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from denoiser.cluster.connection import Need
from denoiser.cluster.pool import IN_FLIGHT, MOST_ATTEMPTS, LostTask, Pool, cause_of
from denoiser.errors import DenoiserError


def never() -> bool:
    return False


def worker_class(folder: Path) -> type[Any]:
    """A class whose tasks say what to do. Ray sends a class that is made here by value."""

    class Worker:
        def __init__(self, _setup: object) -> None:
            pass

        def describe(self) -> str:
            return "ready"

        def process(self, task: str, attempt: int) -> str:
            with (folder / "log").open("a") as log:
                log.write(f"{task}\n")
            if task == "slow":
                time.sleep(0.3)
            if task == "deadly" or (task == "deadly once" and attempt == 0):
                os.kill(os.getpid(), 9)
            return f"{task} done"

        def close(self) -> None:
            (folder / f"closed-{os.getpid()}").touch()

    return Worker


@pytest.fixture
def pool(ray: Any, tmp_path: Path) -> Iterator[Pool[str]]:
    made: Pool[str] = Pool(ray, worker_class(tmp_path), lambda first: first, Need(), 2)
    yield made
    made.close()


Ran = tuple[list[tuple[str, Any]], list[tuple[str, list[Any]]]]


def ran(pool: Pool[str], tasks: list[str], stop: Callable[[], bool] = never) -> Ran:
    lost: list[tuple[str, list[Any]]] = []
    results = list(pool.results(iter(tasks), stop, lambda cause, tasks: lost.append((cause, tasks))))
    return results, lost


def test_every_task_has_one_result(pool: Pool[str], tmp_path: Path) -> None:
    assert pool.opened(never) == "ready"
    results, lost = ran(pool, [f"task {number}" for number in range(50)])
    assert Counter(results) == Counter((f"task {number}", f"task {number} done") for number in range(50))
    assert not lost
    pool.close()
    assert list(tmp_path.glob("closed-*")), "workers close"


def test_a_worker_that_ends_loses_nothing(pool: Pool[str], tmp_path: Path) -> None:
    tasks = [f"task {number}" for number in range(20)]
    tasks[7] = "deadly once"
    results, lost = ran(pool, tasks)
    assert sorted(results) == sorted((task, f"{task} done") for task in tasks)
    assert len(lost) == 1 and "deadly once" in lost[0][1] and lost[0][0] == "its process ended unexpectedly"
    repeated = Counter((tmp_path / "log").read_text().splitlines())
    assert sum(repeated.values()) - len(repeated) <= IN_FLIGHT


def test_a_task_that_always_ends_its_worker_is_known(pool: Pool[str]) -> None:
    tasks = [f"task {number}" for number in range(12)]
    tasks[3] = "deadly"
    results, lost = ran(pool, tasks)
    assert len(lost) == MOST_ATTEMPTS and {cause for cause, _ in lost} == {"its process ended unexpectedly"}
    assert all(tasks == ["deadly"] for _, tasks in lost[1:]), "lost tasks are alone with their worker"
    assert [task for task, result in results if isinstance(result, LostTask)] == ["deadly"]
    assert sorted(task for task, _ in results) == sorted(tasks)


def test_a_stop_finishes_what_workers_have(pool: Pool[str], tmp_path: Path) -> None:
    pool.opened(never)
    seen: list[str] = []
    for task, _ in pool.results(iter(["slow"] * 40), lambda: bool(seen), lambda cause, tasks: None):
        seen.append(task)
    assert 1 <= len(seen) <= 2 * IN_FLIGHT + 1
    assert len((tmp_path / "log").read_text().splitlines()) == len(seen)


def test_a_worker_that_differs_from_the_first_gets_no_task(ray: Any, tmp_path: Path) -> None:
    class Odd(worker_class(tmp_path)):  # type: ignore[misc]
        def __init__(self, setup: object) -> None:
            self.first = setup is None

        def describe(self) -> str:
            return "one kind" if self.first else "another kind"

    pool: Pool[str] = Pool(ray, Odd, lambda first: first, Need(), 2)
    pool.opened(never)
    lost: list[str] = []

    def tasks() -> Iterator[str]:
        until = time.monotonic() + 60
        while not lost and time.monotonic() < until:
            yield "slow"
        yield from ["slow"] * 20

    results = list(pool.results(tasks(), never, lambda cause, tasks: lost.append(cause)))
    assert lost == ["it differs from the first worker: another kind"], "and none is started in its place"
    assert len(results) >= 20
    with pytest.raises(DenoiserError, match="No worker is left"):
        ran(pool, ["slow"])
    pool.close()


def test_workers_that_cannot_start(ray: Any) -> None:
    class Broken:
        def __init__(self, _setup: object) -> None:
            os._exit(1)

        def describe(self) -> str:
            return ""

    pool: Pool[str] = Pool(ray, Broken, lambda first: first, Need(), 1)
    with pytest.raises(DenoiserError, match="cannot start"):
        pool.opened(never)
    pool.close()


@pytest.mark.parametrize(
    ("name", "words", "cause"),
    [
        ("OutOfMemoryError", "", "out of memory"),
        ("NodeDiedError", "", "its node was lost"),
        ("ActorUnavailableError", "", "it could not be reached"),
        ("ActorDiedError", "The actor died.", "its process ended unexpectedly"),
    ],
)
def test_causes_in_a_few_words(name: str, words: str, cause: str) -> None:
    assert cause_of(type(name, (Exception,), {})(words)) == cause
