"""Faults of workers, of the driver and of disks: nothing lost, nothing torn, and the fault is named."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from denoiser import imageio
from denoiser.atomicfile import PREFIX
from denoiser.batch import Settings, carry_out, plan_folder
from denoiser.cluster import carry_out as carry_out_on_cluster
from denoiser.cluster.connection import Need, connected
from denoiser.cluster.pool import IN_FLIGHT, Pool
from denoiser.errors import OutputFull
from denoiser.events import Event, FileDone, WorkerLost
from denoiser.image import from_numpy
from denoiser.options import ClusterOptions, DenoiseOptions

Maker = Callable[..., Path]
TWO = ClusterOptions(cluster="local", workers=2)
ENDED = "its process ended unexpectedly"


@pytest.fixture
def settings(tiny_weights: Path) -> Settings:
    return Settings(DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32"))


@pytest.fixture
def images(tmp_path: Path, make_picture: Maker, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Twelve images in ./imgs of the current folder."""
    monkeypatch.chdir(tmp_path)
    return [make_picture(Path("imgs", f"{number}.png"), 64) for number in range(12)]


def outputs(folder: str) -> dict[str, bytes]:
    """The files of an output folder, of which none is a temporary one."""
    files = [path for path in Path(folder).rglob("*") if path.is_file() and ".denoise" not in path.parts]
    assert not [path for path in files if path.name.startswith(PREFIX)]
    return {path.name: path.read_bytes() for path in files}


def test_a_file_that_crashes_the_decoder(
    images: list[Path], settings: Settings, crashing_decoder: Callable[[bytes, str], None]
) -> None:
    # Another thread takes the signal, and Ray prints its stack first.
    crashing_decoder(images[4].read_bytes(), "os.kill(os.getpid(), 11); import time; time.sleep(60)")
    events: list[Event] = []
    report = carry_out_on_cluster(plan_folder("imgs", "clean", settings), settings, TWO, listener=events.append)
    assert (report.done, report.left, len(report.failures)) == (11, 0, 1)
    assert report.failures[0].source == images[4]
    assert "crashed an earlier run and a repeated trial (SIGSEGV)" in report.failures[0].error.message
    assert [one.cause for one in events if isinstance(one, WorkerLost)] == [ENDED], "tried alone after one crash"
    assert len(outputs("clean")) == 11
    again = plan_folder("imgs", "clean", settings)
    assert len(again.already_there) == 11 and not again.jobs and len(again.blocked) == 1


@pytest.mark.long
def test_a_full_disk_of_a_worker(
    images: list[Path], settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (900, 900, 3), np.uint8)
    imageio.write(from_numpy(noise), images[6])
    place = tmp_path / "planted"
    place.mkdir()
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))"
    (place / "sitecustomize.py").write_text(limit, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(place), prepend=os.pathsep)
    report = carry_out_on_cluster(plan_folder("imgs", "clean", settings), settings, TWO)
    assert isinstance(report.stopped_by, OutputFull) and images[6].name in report.stopped_by.message
    made = outputs("clean")
    assert len(made) == report.done and images[6].name not in made
    monkeypatch.delenv("PYTHONPATH")
    assert carry_out_on_cluster(plan_folder("imgs", "clean", settings), settings, TWO).exit_code == 0
    assert len(outputs("clean")) == 12


@pytest.mark.long
def test_a_worker_that_needs_too_much_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray ends workers when a node runs out of memory; the others go on."""

    class Eater:
        def __init__(self, _setup: object) -> None:
            self.eaten: list[Any] = []

        def describe(self) -> str:
            return "ready"

        def process(self, task: str, attempt: int) -> str:
            while task == "hungry" and attempt == 0:
                self.eaten.append(np.ones(25_000_000))
                time.sleep(0.05)
            return task

        def close(self) -> None:
            pass

    total, free = (int(line.split()[1]) for line in Path("/proc/meminfo").read_text().splitlines()[0:3:2])
    monkeypatch.setenv("RAY_memory_usage_threshold", f"{min(0.95, 1 - free / total + 2e6 / total):.3f}")
    monkeypatch.setenv("RAY_memory_monitor_refresh_ms", "100")
    lost: list[str] = []
    with connected(TWO) as ray:
        pool: Pool[str] = Pool(ray, Eater, lambda first: first, Need(), 2)
        tasks = ["a", "b", "hungry", "c", "d", "e"]
        results = list(pool.results(iter(tasks), lambda: False, lambda cause, tasks: lost.append(cause)))
        pool.close()
    assert sorted(results) == sorted((task, task) for task in tasks)
    assert set(lost) == {"out of memory"}


_RUN = (sys.executable, "-m", "denoiser_cli", "imgs", "--out", "clean", "--device", "cpu", "--precision", "fp32")


def _started(weights: Path) -> subprocess.Popen[bytes]:
    """Return a run of the program on two workers, as the leader of its own process group."""
    command = [*_RUN, "--model", str(weights), "--cluster", "local", "--workers", "2", "--json"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)


@pytest.mark.long
@pytest.mark.usefixtures("images")
def test_the_driver_is_killed_and_started_again(tiny_weights: Path, settings: Settings) -> None:
    first = _started(tiny_weights)
    assert first.stdout is not None
    for line in first.stdout:
        if b"file_done" in line:
            break
    first.kill()
    first.communicate()
    finished = len(plan_folder("imgs", "clean", settings).already_there)
    assert 1 <= finished <= 12
    second = _started(tiny_weights)
    said = second.communicate()[0].splitlines()
    assert second.returncode == 0
    assert len([line for line in said if b"file_started" in line]) == 12 - finished
    carry_out(plan_folder("imgs", "alone", settings), settings)
    assert outputs("clean") == outputs("alone")


@pytest.mark.long
@pytest.mark.usefixtures("images")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_the_whole_group(tiny_weights: Path, number: signal.Signals, settings: Settings) -> None:
    """As a terminal sends Ctrl-C: workers finish what they have, and are not ended by it."""
    run = _started(tiny_weights)
    assert run.stdout is not None
    seen = []
    for line in run.stdout:
        seen.append(line)
        if b"file_done" in line:
            break
    os.killpg(run.pid, number)
    rest, errors = run.communicate(timeout=60)
    assert run.returncode == 130 and b"worker_lost" not in rest and not errors, errors
    done = len([line for line in [*seen, *rest.splitlines()] if b"file_done" in line])
    assert len(outputs("clean")) == done == len(plan_folder("imgs", "clean", settings).already_there)


class _Killer:
    """Kills workers at random moments, and a file that was lost mostly not again before it is done."""

    def __init__(self, kill: Callable[[], int]) -> None:
        self.kill = kill
        self.moments = random.Random(5)
        self.kills = 0
        self.lost: list[WorkerLost] = []
        self.open: set[Path] = set()

    def __call__(self, event: Event) -> None:
        if isinstance(event, WorkerLost):
            self.lost.append(event)
            self.open |= set(event.sources)
        elif isinstance(event, FileDone):
            self.open.discard(event.source)
        if self.kills < 100 and self.moments.random() < (0.02 if self.open else 0.6):
            time.sleep(self.moments.uniform(0, 0.1))
            self.kills += self.kill() > 0


@pytest.mark.long
def test_a_hundred_kills(
    tmp_path: Path,
    make_picture: Maker,
    settings: Settings,
    kill_a_worker: Callable[[], int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Workers are killed at random; every file is there in the end, with the right bits."""
    monkeypatch.chdir(tmp_path)
    for number in range(40):
        make_picture(Path("imgs", f"{number}.png"), 64)
    carry_out(plan_folder("imgs", "alone", settings), settings)
    expected, killer = outputs("alone"), _Killer(kill_a_worker)
    with connected(TWO):
        while killer.kills < 100:
            out = f"clean-{killer.kills}"
            killer.open.clear()
            report = carry_out_on_cluster(plan_folder("imgs", out, settings), settings, TWO, listener=killer)
            assert (report.done, report.failures, report.left) == (40, (), 0), killer.lost
            assert outputs(out) == expected
    assert killer.lost and all(len(one.sources) <= IN_FLIGHT for one in killer.lost), "at most what was in flight"
