"""The same bits whatever the order, the neighbours, --jobs, the threads, the batch, a resume or a shard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Maker = Callable[..., Path]
SIDES = (1, 7, 24, 64, 129, 200)
_THREADS = """
import torch
torch.set_num_threads({0})
assert torch.get_num_threads() == {0}
"""


@pytest.fixture
def tree(folder: Path, make_picture: Maker) -> Path:
    for side in SIDES:
        make_picture(f"imgs/{side}.png", side)
    return folder


def _files(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(folder).rglob("*.png"))}


def test_the_same_bits_whatever_stands_beside(tree: Path, network, hatch) -> None:
    def run(*words: str) -> None:
        assert hatch(*words, *network).end() == 0, Path("said").read_text("utf-8")

    run("imgs", "--out", "whole")
    expected = _files("whole")
    assert len(expected) == len(SIDES)
    run("imgs", "--out", "jobs", "--jobs", "3", "--batch-size", "4")
    assert _files("jobs") == expected
    for part in ("1/2", "2/2"):
        run("imgs", "--out", "shards", "--shard", part)
    assert _files("shards") == expected
    backwards = [f"imgs/{side}.png" for side in reversed(SIDES)]
    run(*backwards[:2], "--out", "parts", "--jobs", "1")
    run(*backwards, "--out", "parts")
    assert _files("parts") == expected
    run("imgs/129.png", "--out", "alone.png")
    assert Path("alone.png").read_bytes() == expected["129.png"]


def test_the_same_bits_on_any_number_of_threads(tree: Path, network, denoise) -> None:
    for threads in ("1", "2"):
        ended = denoise("imgs", "--out", threads, *network, before=_THREADS.format(threads))
        assert ended.returncode == 0, ended.stderr
    assert _files("1") == _files("2") and len(_files("1")) == len(SIDES)
