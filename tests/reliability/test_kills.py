"""Killed at random moments, again and again: nothing torn, no input touched, and in the end the same bits."""

from __future__ import annotations

import hashlib
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.image import from_numpy

Maker = Callable[..., Path]


def digests(folder: Path) -> dict[str, str]:
    """Every file but the records, by its content and time."""
    return {
        path.relative_to(folder).as_posix(): f"{hashlib.sha256(path.read_bytes()).hexdigest()} "
        f"{path.stat().st_mtime_ns}"
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not any(part.startswith(".denoise") for part in path.relative_to(folder).parts)
    }


@pytest.fixture
def mixed_tree(folder: Path, make_picture: Maker) -> Path:
    """Formats, depths and sizes of all kinds, and two broken files."""
    for number, suffix in enumerate((".png", ".jpg", ".tif", ".webp", ".png", ".jpg")):
        make_picture(f"imgs/{number % 3}/{number}{suffix}", 40 + 30 * number)
    deep = np.random.default_rng(7).integers(0, 65536, (50, 60, 3), np.uint16)
    imageio.write(from_numpy(deep), Path("imgs/deep.tif"))
    imageio.write(from_numpy(deep[:, :, 0]), Path("imgs/grey.png"))
    Path("imgs/broken.png").write_bytes(Path("imgs/grey.png").read_bytes()[:-50])
    Path("imgs/empty.jpg").write_bytes(b"")
    return folder


def _kill_and_resume(hatch, network: tuple[str, ...], times: int) -> None:
    before = digests(Path("imgs"))
    call = ("imgs", "--out", "clean", *network)
    assert hatch("imgs", "--out", "warm", *network).end() == 1
    began = time.monotonic()
    assert hatch("imgs", "--out", "undisturbed", *network).end() == 1
    whole_run = time.monotonic() - began
    expected = digests(Path("undisturbed"))
    assert len(expected) == 8
    moments, killed = random.Random(4), 0
    for kill in range(times):
        if kill % 4 == 3:  # begin anew, so that every stage of a run is met
            for name in digests(Path("clean")):
                Path("clean", name).unlink()
        run = hatch(*call)
        time.sleep(moments.uniform(0, 1) * whole_run)
        killed += run.kill() == -signal.SIGKILL
        torn = {name for name, found in digests(Path("clean")).items() if found != expected.get(name, found)}
        assert not torn, f"after kill {kill}"
    assert killed > times / 2
    assert hatch(*call).end() == 1
    said = Path("said").read_text("utf-8")
    assert said.endswith("2 files failed, listed above.\n")
    assert "crashed an earlier run" not in said  # nobody is accused
    assert digests(Path("clean")) == expected
    assert digests(Path("imgs")) == before


@pytest.mark.long
def test_killed_at_20_random_moments(mixed_tree: Path, hatch, network) -> None:
    _kill_and_resume(hatch, network, 20)


@pytest.mark.long
def test_killed_at_200_random_moments(mixed_tree: Path, hatch, network) -> None:
    _kill_and_resume(hatch, network, 200)
