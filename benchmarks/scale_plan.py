"""How long a cluster takes for ten million photos: measured on one and two workers, simulated for more.

The simulation starts from the seconds of a file in one process on one core, without Ray, and must agree with real
runs of one and two workers. Bars: two workers on two cores reach 0.85 of the files per second of one process, and
the simulation is within 15 % of both runs. The plan adds what a single machine cannot show, as assumptions that are
printed with it: the time of the store, failing workers, their start, and prices.

    python benchmarks/scale_plan.py                        real runs with 40 images of 3 MP, then the plan
    python benchmarks/scale_plan.py --memory               also the driver with 1,000 and 20,000 files
    python benchmarks/scale_plan.py --only-plan --seconds-per-megapixel 0.5
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

import contract
import numpy as np

from denoiser import imageio
from denoiser.image import from_numpy

LEAST_OF_ONE_PROCESS = 0.85
MOST_OFF = 0.15  # of the simulation
IN_FLIGHT = 3  # files of a worker, as in denoiser.cluster.pool

# Prints the clock, the processor time and the memory of this process at each file.
_CHILD = """
import json, sys, time
from denoiser.batch import Settings, carry_out, plan_folder
from denoiser.events import FileDone
from denoiser.options import ClusterOptions, DenoiseOptions
source, out, model, workers = sys.argv[1:5]
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
rows = []
def listener(event):
    if isinstance(event, FileDone):
        rows.append([time.perf_counter(), time.process_time(), resident()])
settings = Settings(DenoiseOptions(model=model, device="cpu"))
plan = plan_folder(source, out, settings)
if workers == "0":
    report = carry_out(plan, settings, listener=listener)
else:
    from denoiser.cluster import carry_out as carry_out_on_cluster
    cluster = ClusterOptions(cluster="local", workers=int(workers))
    report = carry_out_on_cluster(plan, settings, cluster, listener=listener)
assert report.exit_code == 0, report
print(json.dumps(rows))
"""


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run depends on. Seconds are those of one file, unless named otherwise."""

    workers: int
    files: int
    compute: float  # on one core, or on one GPU
    spread: float = 0.0  # standard deviation of the logarithm: photos differ, and so do nodes
    store: float = 0.0  # waiting for the store: three requests, download and upload
    driver: float = 0.0  # of the driver; files wait for it one after another
    start: float = 0.0  # seconds until a worker is ready
    failures: float = 0.0  # of a worker in an hour
    slow_nodes: float = 0.0  # share of workers that take twice as long


@dataclass(frozen=True, slots=True)
class Outcome:
    """A simulated run."""

    seconds: float
    repeated: int  # files that a failing worker had in flight
    driver_busy: float  # share of the time


def simulate(setting: Setting, rng: np.random.Generator) -> Outcome:
    """Follow each worker from file to file; those in flight of a failing worker are processed again.

    A worker computes one file while it reads and writes others, so a file takes the longer of computing and its
    share of waiting for the store.
    """
    slow = rng.random(setting.workers) < setting.slow_nodes
    per_second = setting.failures / 3600
    free: list[tuple[float, int]] = [(setting.start, number) for number in range(setting.workers)]
    fails = rng.exponential(1 / per_second, setting.workers) if per_second else np.full(setting.workers, np.inf)
    heapq.heapify(free)
    left, repeated, driver_free, end = setting.files, 0, 0.0, 0.0
    group = max(1, setting.files // (setting.workers * 500))  # files that are followed together in a long run
    while left > 0:
        now, number = heapq.heappop(free)
        count = min(group, left)
        driver_free = max(driver_free, now) + setting.driver * count
        compute = setting.compute * (1 + slow[number]) * rng.lognormal(-(setting.spread**2) / 2, setting.spread)
        done = max(driver_free, now + count * max(compute, (compute + setting.store) / IN_FLIGHT))
        if fails[number] < done:
            repeated += min(IN_FLIGHT, count)
            failed = fails[number]
            fails[number] = failed + setting.start + rng.exponential(1 / per_second)
            left -= max(0, count - IN_FLIGHT)
            heapq.heappush(free, (failed + setting.start, number))
            continue
        left -= count
        end = max(end, done)
        heapq.heappush(free, (done, number))
    return Outcome(end, repeated, min(1.0, setting.files * setting.driver / end))


@dataclass(frozen=True, slots=True)
class Real:
    """A real run: between the first and the last file, and of the driver."""

    seconds_per_file: float
    driver_cpu: float  # seconds per file, of the process that starts the run
    megabytes: float  # of its memory, at most


def run(folder: Path, out: str, model: str, workers: int, *, one_core: bool = False) -> Real:
    """Clean the images of *folder*/in on so many workers; 0 is a single process without Ray."""
    command = [sys.executable, "-c", _CHILD, str(folder / "in"), str(folder / out), model, str(workers)]
    core = ["taskset", "--cpu-list", "0"] if one_core else []
    done = subprocess.run([*core, *command], check=True, capture_output=True, text=True)
    rows = json.loads(done.stdout)
    files = len(rows) - 1
    clock, cpu = (rows[-1][column] - rows[0][column] for column in (0, 1))
    return Real(clock / files, cpu / files, max(row[2] for row in rows) / 1e6)


def make_images(folder: Path, count: int, side: int, rng: np.random.Generator) -> None:
    """Write so many noisy PNG images."""
    folder.mkdir()
    smooth = np.linspace(40, 210, side)[None, :, None]
    for number in range(count):
        pixels = (smooth + rng.normal(0, 12, (side, side, 3))).clip(0, 255).astype(np.uint8)
        imageio.write(from_numpy(pixels), folder / f"{number:05}.png")


def main() -> int:
    """Measure, compare the simulation with it, and print the plan."""
    words = _arguments()
    report = contract.Report(__doc__, words)
    missed = 0
    compute = words.seconds_per_megapixel * words.megapixels
    if not words.only_plan:
        with tempfile.TemporaryDirectory() as name:
            compute, missed = _measured(Path(name), words, report)
        compute *= words.megapixels / words.image_megapixels
    if words.memory:
        missed += _memory(words, report)
    _plan(compute, words, report)
    return report.finish() or int(missed > 0)


def _arguments() -> argparse.Namespace:
    parser = contract.parser(__doc__, repeat=3)
    parser.add_argument("--files", type=int, default=40, help="images of a real run (40)")
    parser.add_argument("--image-megapixels", type=float, default=3.0, help="of each (3)")
    parser.add_argument("--model", default="fast", help="weights (fast)")
    parser.add_argument("--memory", action="store_true", help="measure time and memory of the driver")
    parser.add_argument("--only-plan", action="store_true", help="no real runs")
    parser.add_argument("--seconds-per-megapixel", type=float, default=0.6, help="of a core, with --only-plan")
    parser.add_argument(
        "--driver-ms", type=float, default=2.4, help="of the driver per file; --memory measures it (2.4)"
    )
    parser.add_argument("--megapixels", type=float, default=12.0, help="of each photo of the plan (12)")
    parser.add_argument("--megabytes", type=float, default=5.0, help="of each photo, in and out (5)")
    parser.add_argument("--photos", type=int, default=10_000_000, help="of the plan (10 million)")
    parser.add_argument("--core-hour", type=float, default=0.04, help="price of a core for an hour (0.04)")
    parser.add_argument("--request-ms", type=float, default=30.0, help="of the store, six for each photo (30)")
    parser.add_argument("--connection", type=float, default=60.0, help="MB/s of one transfer (60)")
    return parser.parse_args()


def _measured(folder: Path, words: argparse.Namespace, report: contract.Report) -> tuple[float, int]:
    """Return the seconds of a file on a core of a busy machine, and the number of missed bars."""
    side = round((words.image_megapixels * 1e6) ** 0.5)
    make_images(folder / "in", words.files, side, report.rng)
    kinds = {"one core": (0, True), "one process": (0, False), "1 worker": (1, False), "2 workers": (2, False)}
    runs: dict[str, list[Real]] = {kind: [] for kind in kinds}
    for number in range(words.repeat):
        for kind, (workers, one_core) in kinds.items():
            runs[kind].append(run(folder, f"out-{number}-{kind}", words.model, workers, one_core=one_core))
    core, alone, one, two = (float(np.median([real.seconds_per_file for real in runs[kind]])) for kind in kinds)
    reached = alone / two
    report.add_facts("real", "one core", seconds_per_file=round(core, 4))
    report.add_facts("real", "one process", seconds_per_file=round(alone, 4))
    report.add_facts("real", "1 worker", seconds_per_file=round(one, 4))
    report.add_facts("real", "2 workers", seconds_per_file=round(two, 4), of_one_process=round(reached, 3))
    missed = int(reached < LEAST_OF_ONE_PROCESS)
    for workers, real in ((1, one), (2, two)):
        setting = Setting(workers, words.files, core, driver=words.driver_ms / 1000)
        seconds = simulate(setting, report.rng).seconds / words.files
        off = seconds / real - 1
        missed += int(abs(off) > MOST_OFF)
        report.add_facts("simulated", f"{workers} workers", seconds_per_file=round(seconds, 4), off=round(off, 3))
    return two * min(2, os.cpu_count() or 1), missed


def _memory(words: argparse.Namespace, report: contract.Report) -> int:
    """Measure the memory of the driver with few and many tiny images."""
    found = {}
    with tempfile.TemporaryDirectory() as name:
        for count in (1000, 20_000):
            folder = Path(name, str(count))
            folder.mkdir()
            make_images(folder / "in", count, 16, report.rng)
            real = run(folder, "out", words.model, 2)
            found[count] = real.megabytes
            facts = {"MB": round(real.megabytes), "cpu_ms_per_file": round(real.driver_cpu * 1000, 2)}
            report.add_facts("driver", f"{count} files", **facts)
    return int(found[20_000] > 1.1 * found[1000])


def _plan(compute: float, words: argparse.Namespace, report: contract.Report) -> None:
    """Simulate the run over all photos with more and more cores."""
    store = 6 * words.request_ms / 1000 + 2 * words.megabytes / words.connection
    base = Setting(
        *(1, words.photos, compute),
        spread=0.4,
        store=store,
        driver=words.driver_ms / 1000,
        start=60.0,
        failures=0.01,
        slow_nodes=0.02,
    )
    report.add_facts("assumed", "each photo", MP=words.megapixels, MB=words.megabytes, store_s=round(store, 3))
    report.add_facts(
        "assumed", "each core", failures_per_hour=base.failures, start_s=base.start, slow=base.slow_nodes
    )
    for cores in (16, 64, 256, 1024, 4096):
        outcome = simulate(replace(base, workers=cores), report.rng)
        hours = outcome.seconds / 3600
        report.add_facts(
            f"{words.photos:,} photos",
            f"{cores} cores",
            hours=round(hours, 1),
            photos_per_second=round(words.photos / outcome.seconds, 1),
            store_MB_per_second=round(2 * words.megabytes * words.photos / outcome.seconds),
            driver_busy=round(outcome.driver_busy, 3),
            repeated=outcome.repeated,
            cost_per_million=round(hours * cores * words.core_hour / words.photos * 1e6),
        )


if __name__ == "__main__":
    sys.exit(main())
