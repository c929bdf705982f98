"""A finished folder is found finished in seconds, however many files it holds."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FILES = 5_000
MOST_SECONDS = 3.0  # of the processor: a busy machine adds to the clock


@pytest.mark.long
def test_a_finished_folder_of_5000_files(folder: Path, make_picture: Callable[..., Path], network) -> None:
    data = make_picture("first.png", 16).read_bytes()
    for number in range(FILES):
        place = Path("imgs", f"{number % 50:02}")
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:04}.png").write_bytes(data)
    call = [sys.executable, "-m", "denoiser_cli", "imgs", "--out", "clean", "--strength", "0", *network]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(call, check=True, capture_output=True, env=environment)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(call, check=True, capture_output=True, text=True, env=environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert f"Nothing to do: {FILES} files already done" in ended.stderr
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < MOST_SECONDS
