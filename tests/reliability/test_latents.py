"""Latent files like any output: the same bits whatever happens beside, whole or not there, and proven."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

SIDES = (1, 24, 65, 200)


@pytest.fixture
def codec(tiny_codec: Path) -> tuple[str, ...]:
    """The flags for a codec of small random weights, the same everywhere."""
    return ("--model", str(tiny_codec), "--device", "cpu", "--precision", "fp32")


def _files(folder: str, suffix: str = "dlf") -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(folder).rglob(f"*.{suffix}"))}


def test_the_same_bits_whatever_stands_beside_and_on_any_number_of_threads(
    denoise, make_picture: Callable[..., Path], codec
) -> None:
    for side in SIDES:
        make_picture(f"imgs/{side}.png", side)

    def run(*words: str, before: str = "") -> None:
        ended = denoise("encode", *words, *codec, before=before)
        assert ended.returncode == 0, ended.stderr

    run("imgs", "--out", "whole", "--verify")
    expected = _files("whole")
    assert len(expected) == len(SIDES)
    run("imgs", "--out", "threads", "--jobs", "3", before="import torch; torch.set_num_threads(2)")
    assert _files("threads") == expected
    for part in ("1/2", "2/2"):
        run("imgs", "--out", "shards", "--shard", part)
    assert _files("shards") == expected
    run("imgs/200.png", "--out", "alone.dlf")
    assert Path("alone.dlf").read_bytes() == expected["200.dlf"]
    for threads in ("1", "2"):
        before = f"import torch; torch.set_num_threads({threads})"
        assert denoise("decode", "whole", "--out", f"back{threads}", *codec, before=before).returncode == 0
    assert _files("back1", "png") == _files("back2", "png") and len(_files("back1", "png")) == len(SIDES)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_what_was_stopped_goes_on_to_the_same_bits(
    hatch, denoise, make_picture, codec, temporaries, number: signal.Signals
) -> None:
    for name in "abc":
        make_picture(f"imgs/{name}.png", 300 if name == "b" else 40)
    run = hatch("encode", "imgs", "--out", "latents", "--json", *codec)
    end = time.monotonic() + 180
    while '"file_done"' not in Path("data").read_text("utf-8"):
        assert time.monotonic() < end, Path("said").read_text("utf-8")
        time.sleep(0.002)
    os.kill(run.pid, number)
    code = run.end()
    assert code in (130, 0) if number == signal.SIGTERM else code != 0 or len(_files("latents")) == 3
    if number == signal.SIGTERM:
        assert temporaries() == []
        last = json.loads(Path("data").read_text("utf-8").splitlines()[-1])
        assert last["event"] == "finished" and last["done"] + last["left"] == 3
    whole = denoise("verify", "latents", "--model", codec[1])
    assert whole.returncode == 0, "no torn file is there"
    assert denoise("encode", "imgs", "--out", "latents", *codec).returncode == 0
    assert denoise("encode", "imgs", "--out", "undisturbed", *codec).returncode == 0
    assert _files("latents") == _files("undisturbed") and len(_files("latents")) == 3
    assert temporaries() == []


def test_a_full_disk_ends_the_run_and_is_named(denoise, make_picture, codec) -> None:
    full = """
import errno, os
from denoiser import atomicfile
real = atomicfile.os.fsync
def fsync(descriptor):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
atomicfile.os.fsync = fsync
"""
    make_picture("imgs/a.png", 40)
    answer = denoise("encode", "imgs", "--out", "latents", *codec, before=full)
    assert answer.returncode == 1 and "no space left" in answer.stderr
    assert _files("latents") == {}
