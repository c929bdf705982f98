"""The program as its users run it: another process, in a folder of its own."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.atomicfile import PREFIX
from denoiser.image import from_numpy

QUIETLY = {"OMP_NUM_THREADS": "1"}  # many small processes share the machine
_HATCHERY = Path(__file__).with_name("hatchery.py")
_SECONDS = 120.0  # a run that takes longer hangs

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


class Hatchery:
    """Forks runs of the program off a process that has torch loaded, which takes longer than most of them."""

    def __init__(self, below: Sequence[str] = (), before: str = "") -> None:
        """That process runs *below* another program, after *before* was run in it."""
        begin = f"import runpy\n{before}\nrunpy.run_path({str(_HATCHERY)!r}, run_name='__main__')"
        command = [*below, sys.executable, "-c", begin]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self._process = subprocess.Popen(command, text=True, env=os.environ | QUIETLY, **pipes)

    def run(self, words: Sequence[str], *, out: str, err: str, before: str = "") -> Run:
        """Starts `denoise words…` here and now, with what it says in these files; *before* is run in it first."""
        wish = {"words": words, "folder": os.getcwd(), "environment": os.environ | QUIETLY}
        return Run(self._ask(wish | {"out": out, "err": err, "before": before}), self._ask)

    def close(self) -> None:
        """Ends it."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait(timeout=60)

    def _ask(self, wish: object) -> int:
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(wish) + "\n")
        process.stdin.flush()
        if not select.select([process.stdout], [], [], _SECONDS)[0]:
            process.kill()  # and with it everything that waits for its answer
            raise TimeoutError(f"no end of {wish} within {_SECONDS:.0f} s")
        return int(process.stdout.readline())


@pytest.fixture(scope="session")
def open_hatchery() -> Iterator[Callable[..., Hatchery]]:
    """Opens one; all are closed in the end."""
    with ExitStack() as opened:
        yield lambda **words: opened.enter_context(closing(Hatchery(**words)))


@pytest.fixture(scope="session")
def hatchery(open_hatchery: Callable[..., Hatchery]) -> Hatchery:
    """One for all tests."""
    return open_hatchery()


@pytest.fixture
def denoise(folder: Path, hatchery: Hatchery) -> Runner:
    """`denoise("imgs", "--out", "clean")` from begin to end, perhaps with Python run *before* it."""

    def run(*words: str, before: str = "", of: Hatchery = hatchery) -> subprocess.CompletedProcess[str]:
        with tempfile.TemporaryDirectory() as place:
            out, err = Path(place, "out"), Path(place, "err")
            code = of.run(words, out=str(out), err=str(err), before=before).end()
            return subprocess.CompletedProcess(words, code, out.read_text("utf-8"), err.read_text("utf-8"))

    return run


@pytest.fixture
def hatch(folder: Path, hatchery: Hatchery) -> Callable[..., Run]:
    """`hatch("imgs", "--out", "clean")`: a run that goes on beside the test.

    What the runs say to people lies in the file `said`, their data in `data`.
    """
    files = {"err": str(folder / "said"), "out": str(folder / "data")}
    for file in files.values():
        Path(file).touch()
    return lambda *words: hatchery.run(words, **files)


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
