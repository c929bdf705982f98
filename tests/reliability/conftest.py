"""The program as its users run it: another process, in a folder of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.atomicfile import PREFIX
from denoiser.image import from_numpy

QUIETLY = {"OMP_NUM_THREADS": "1"}  # many small processes share the machine

Runner = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def network(tiny_weights: Path) -> tuple[str, ...]:
    """The flags for small random weights, the same everywhere."""
    return ("--model", str(tiny_weights), "--device", "cpu", "--precision", "fp32")


@pytest.fixture
def denoise() -> Runner:
    """`denoise("imgs", "--out", "clean")`, perhaps with Python run *before* it, or *below* another program."""

    def run(*words: str, before: str = "", below: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        program = f"{before}\nimport sys; from denoiser_cli.app import run; sys.exit(run(sys.argv[1:]))"
        command = [*below, sys.executable, "-c", program, *words]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=120, env=os.environ | QUIETLY, check=False
        )

    return run


_HATCHERY = """
import os, sys
import torch
import denoiser.engine, denoiser.batch.runner, denoiser.imageio.reader, denoiser.imageio.backends.libvips
from denoiser_cli.app import run
for line in sys.stdin:
    wish = eval(line)
    if isinstance(wish, int):
        print(os.waitstatus_to_exitcode(os.waitpid(wish, 0)[1]), flush=True)
        continue
    child = os.fork()
    if child == 0:
        os._exit(run(wish))
    print(child, flush=True)
"""


@dataclass
class Run:
    """A call of the program that is under way in a process of its own."""

    pid: int
    ask: Callable[[object], int]

    def kill(self) -> int:
        """SIGKILL, if it still lives; its exit code."""
        os.kill(self.pid, signal.SIGKILL)  # until somebody waits for it, its number is nobody else's
        return self.end()

    def end(self) -> int:
        """Waits for it; its exit code."""
        return self.ask(self.pid)


@pytest.fixture
def hatch(folder: Path) -> Iterator[Callable[..., Run]]:
    """`hatch("imgs", "--out", "clean")`: a run in a new process, forked where torch is loaded already.

    What the runs say lies in the file `said`.
    """
    with open("said", "w", encoding="utf-8") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", _HATCHERY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env=os.environ | QUIETLY,
        )
    stdin, stdout = process.stdin, process.stdout
    assert stdin is not None and stdout is not None

    def ask(wish: object) -> int:
        stdin.write(f"{wish!r}\n")
        stdin.flush()
        return int(stdout.readline())

    yield lambda *words: Run(ask(words), ask)
    stdin.close()
    process.wait(timeout=60)
    stdout.close()


@pytest.fixture
def make_picture() -> Callable[..., Path]:
    """Writes a picture of noise, different for each name."""

    def make(path: str | Path, side: int = 24) -> Path:
        path = Path(path)
        random = np.random.default_rng(sum(os.fsencode(path.name)))
        path.parent.mkdir(parents=True, exist_ok=True)
        imageio.write(from_numpy(random.integers(0, 256, (side, side, 3), np.uint8)), path)
        return path

    return make


@pytest.fixture
def temporaries(tmp_path: Path) -> Callable[[], list[Path]]:
    """What an unclean end has left behind."""
    return lambda: sorted(tmp_path.rglob(PREFIX + "*"))
