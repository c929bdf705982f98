"""A Ray cluster on this machine, as `--cluster local` starts it, for the tests of one file."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from denoiser import imageio
from denoiser.cluster.connection import connected
from denoiser.image import from_numpy
from denoiser.options import ClusterOptions

LOCAL = ClusterOptions(cluster="local", workers=2)


@pytest.fixture(scope="module")
def ray() -> Iterator[Any]:
    """Ray, connected to a cluster with room for two workers."""
    with connected(LOCAL) as connection:
        yield connection


def pids_of_workers() -> list[int]:
    """The processes of file workers that were started below this process."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if (
                folder.name.isdigit()
                and b"ray::FileWorker" in (folder / "cmdline").read_bytes()
                and _is_below(folder)
            ):
                found.append(int(folder.name))
        except OSError:  # it has ended
            continue
    return found


def _is_below(folder: Path) -> bool:
    while folder.name not in ("0", "1", str(os.getpid())):
        parent = next(line for line in (folder / "status").read_text().splitlines() if line.startswith("PPid:"))
        folder = folder.parent / parent.split()[1]
    return folder.name == str(os.getpid())


@pytest.fixture
def make_picture() -> Callable[..., Path]:
    """A function that writes an image of noise, different for each name."""

    def make(path: Path, side: int) -> Path:
        random = np.random.default_rng(sum(os.fsencode(path.name)))
        path.parent.mkdir(parents=True, exist_ok=True)
        imageio.write(from_numpy(random.integers(0, 256, (side, side, 3), np.uint8)), path)
        return path

    return make


@pytest.fixture
def kill_a_worker() -> Callable[[], int]:
    """A function that kills any file worker and returns its process number, or 0 if there is none."""
    chance = random.Random(0)

    def kill() -> int:
        workers = pids_of_workers()
        victim = chance.choice(workers) if workers else 0
        if victim:
            os.kill(victim, signal.SIGKILL)
        return victim

    return kill
