"""The program as its users run it: another process, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.atomicfile import PREFIX
from denoiser.image import from_numpy

_QUIETLY = os.environ | {"OMP_NUM_THREADS": "1"}  # many small processes share the machine

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
        return subprocess.run(command, capture_output=True, text=True, timeout=120, env=_QUIETLY, check=False)

    return run


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
