"""Calls of `denoise` inside this process, and small images to call it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.image import from_numpy
from denoiser_cli import app


@dataclass(frozen=True)
class Answer:
    """What a call said and how it ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Answer]:
    """`call("imgs", "--out", "clean")` in a folder of its own; exceptions that get out fail the test."""
    monkeypatch.chdir(tmp_path)

    def run(*words: str | Path) -> Answer:
        code = app.run([str(word) for word in words])
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return run


@pytest.fixture
def network(tiny_weights: Path) -> tuple[str, ...]:
    """The flags for small random weights, the same everywhere."""
    return ("--model", str(tiny_weights), "--device", "cpu", "--precision", "fp32")


@pytest.fixture
def codec(tiny_codec: Path) -> tuple[str, ...]:
    """The flags for a codec of small random weights."""
    return ("--model", str(tiny_codec), "--device", "cpu", "--precision", "fp32")


@pytest.fixture
def make_picture(tmp_path: Path) -> Callable[..., Path]:
    """Writes an image of noise below the test's folder."""

    def make(name: str, *, side: int = 24, seed: int = 0) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        random = np.random.default_rng(seed)
        imageio.write(from_numpy(random.integers(0, 256, (side, side, 3), np.uint8)), path)
        return path

    return make
