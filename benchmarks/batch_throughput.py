"""A folder of JPEGs from end to end, beside the sum of its parts: decoding, the network, encoding.

The program cleans the folder in a process of its own and tells its memory at each file. Before it, the same
pictures are decoded, cleaned and encoded one by one, each step on its own clock. The bar: a run takes at most 1.15
times the network alone plus (decoding + encoding) / cores, once the weights are loaded; memory at the last file is
within a tenth of that after the first tenth of the files; the same call again, with all of it done, takes 3 s for
5,000 files, by the clock from start to end.

    python benchmarks/batch_throughput.py                                         200 JPEGs of 2 MP
    python benchmarks/batch_throughput.py --files 10000 --megapixels 0.01 --only-memory     many small ones
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import contract
import numpy as np
from skimage import data

from denoiser import imageio
from denoiser.engine.session import Session
from denoiser.image import Image, from_numpy
from denoiser.options import DenoiseOptions

MOST_TIMES_THE_PARTS = 1.15
MOST_GROWTH = 1.10  # of memory, from the first tenth of the files to the last
MOST_SECONDS_AGAIN = 3.0  # for FILES_AGAIN files, all of them done
FILES_AGAIN = 5000
_WARMING = 2  # pictures that are cleaned before the clock starts

# The events of a run, each with the clock and the memory at that moment.
_CHILD = """
import json, sys, time
from denoiser import denoise_folder
from denoiser.events import FileDone, FileStarted
from denoiser.options import BatchOptions, DenoiseOptions
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
def hear(event):
    if isinstance(event, (FileStarted, FileDone)):
        print(json.dumps([type(event).__name__, time.perf_counter(), resident()]), flush=True)
options = DenoiseOptions(model=sys.argv[3], device=sys.argv[4])
report = denoise_folder(sys.argv[1], sys.argv[2], options, listener=hear)
assert report.exit_code == 0, report
"""


def main() -> int:
    """Makes the folder, measures the parts and the whole, and holds the one to the other."""
    parser = contract.parser(__doc__, repeat=1)
    parser.add_argument("--files", type=int, default=200, help="how many pictures (default 200)")
    parser.add_argument("--megapixels", type=float, default=2.0, help="size of each (default 2)")
    parser.add_argument("--model", default="auto", help="weights, as for denoise")
    parser.add_argument("--device", default="auto", help="device, as for denoise")
    parser.add_argument("--only-memory", action="store_true", help="leave out the parts, one by one")
    words = parser.parse_args()
    report = contract.Report(__doc__, words)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _make_pictures(folder / "in", words.files, words.megapixels, report.rng)
        parts = {} if words.only_memory else _parts(folder, Session(_options(words)))
        seconds, memory = _whole(folder, words.model, words.device)
        again, again_cpu = _again(folder, words)
    case = f"{words.files} JPEGs of {words.megapixels:g} MP"
    missed = [_against_the_parts(case, parts, seconds, report)] if parts else []
    early, late = memory[max(0, words.files // 10 - 1)], memory[-1]
    growth = late / early
    megabytes = {"early_mb": round(early / 1e6), "late_mb": round(late / 1e6), "most_mb": round(max(memory) / 1e6)}
    report.add_facts(case, "memory", **megabytes, growth=round(growth, 3))
    report.add_facts(case, "again, all done", seconds=round(again, 2), cpu_seconds=round(again_cpu, 2))
    missed.append(_held("memory", growth, MOST_GROWTH))
    missed.append(_held("again", again, MOST_SECONDS_AGAIN * max(1.0, words.files / FILES_AGAIN)))
    return report.finish() or int(any(missed))


def _against_the_parts(case: str, parts: dict[str, float], seconds: float, report: contract.Report) -> bool:
    cores = os.cpu_count() or 1
    ratio = seconds / (parts["network"] + (parts["decode"] + parts["encode"]) / cores)
    report.add_facts(case, "parts", cores=cores, **{f"{name}_s": round(value, 3) for name, value in parts.items()})
    report.add_facts(case, "run", seconds=round(seconds, 3), times_the_parts=round(ratio, 3))
    return _held("time", ratio, MOST_TIMES_THE_PARTS)


def _held(name: str, figure: float, most: float) -> bool:
    """Says it, and whether the bar was missed."""
    print(f"{name}: {'MISSED' if figure > most else 'held'}, {figure:.3f} against {most:g} at most")
    return figure > most


def _options(words: argparse.Namespace) -> DenoiseOptions:
    return DenoiseOptions(model=words.model, device=words.device)


def _again(folder: Path, words: argparse.Namespace) -> tuple[float, float]:
    """Seconds, by the clock and of all cores, of the same call when there is nothing left to do."""
    command = [sys.executable, "-m", "denoiser_cli", "clean", str(folder / "in"), "--out", str(folder / "out")]
    command += ["--model", words.model, "--device", words.device, "-q"]
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _make_pictures(folder: Path, files: int, megapixels: float, rng: np.random.Generator) -> None:
    folder.mkdir()
    height = round((megapixels * 1e6 * 2 / 3) ** 0.5)
    width = round(megapixels * 1e6 / height)
    photo = data.astronaut()
    repeats = (-(-height // photo.shape[0]), -(-width // photo.shape[1]), 1)
    clean = np.tile(photo, repeats)[:height, :width].astype(np.float32)
    for number in range(files):
        noisy = clean + rng.normal(0, 15, clean.shape).astype(np.float32)
        picture = from_numpy(np.clip(noisy, 0, 255).astype(np.uint8))
        imageio.write(picture, folder / f"{number:04}.jpg")


def _parts(folder: Path, session: Session) -> dict[str, float]:
    """Seconds of each step over all pictures, one step at a time."""
    paths = sorted((folder / "in").iterdir())
    for path in paths[:_WARMING]:
        _steps(path, folder / "part.jpg", session)
    steps = [_steps(path, folder / "part.jpg", session) for path in paths]
    return {name: sum(step[name] for step in steps) for name in steps[0]}


def _steps(path: Path, target: Path, session: Session) -> dict[str, float]:
    began = time.perf_counter()
    image: Image = imageio.read(path)
    decoded = time.perf_counter()
    clean = session.clean(image).image
    cleaned = time.perf_counter()
    imageio.write(clean, target)
    return {"decode": decoded - began, "network": cleaned - decoded, "encode": time.perf_counter() - cleaned}


def _whole(folder: Path, model: str, device: str) -> tuple[float, list[int]]:
    """Seconds from the first file on, and the memory at the end of each."""
    command = [sys.executable, "-c", _CHILD, str(folder / "in"), str(folder / "out"), model, device]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    events = [json.loads(line) for line in ended.stdout.splitlines()]
    memory = [resident for name, _, resident in events if name == "FileDone"]
    return events[-1][1] - events[0][1], memory


if __name__ == "__main__":
    sys.exit(main())
