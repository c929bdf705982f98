"""Ctrl-C and SIGTERM: finished files stay, nothing else does, and the same call goes on to the same bits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def running(hatch, make_picture, network):
    """A run that is in the middle of the second of three pictures."""
    make_picture("imgs/a.png", 40)
    make_picture("imgs/b.png", 1600)
    make_picture("imgs/c.png", 40)
    run = hatch("imgs", "--out", "clean", "--json", *network)
    end = time.monotonic() + 90
    while not any(event["event"] == "tile_done" and event["total"] > 1 for event in told()):
        assert time.monotonic() < end, Path("said").read_text("utf-8")
        time.sleep(0.005)
    yield run
    with suppress(ProcessLookupError):  # it has ended, and was waited for
        os.kill(run.pid, signal.SIGKILL)


def told() -> list[dict[str, Any]]:
    """The events so far; a line that is not whole is not there yet."""
    return [json.loads(line) for line in Path("data").read_text("utf-8").splitlines(keepends=True) if "\n" in line]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_with_whole_files_and_130(
    running, temporaries, denoise, network, number: signal.Signals
) -> None:
    os.kill(running.pid, number)
    assert running.end() == 130
    last = told()[-1]
    assert (last["event"], last["exit_code"], last["done"], last["left"]) == ("finished", 130, 1, 2)
    assert "Traceback" not in Path("said").read_text("utf-8")
    assert [path.name for path in Path("clean").glob("[!.]*")] == ["a.png"]
    assert temporaries() == []
    if number == signal.SIGINT:
        before = Path("clean/a.png").stat().st_mtime_ns
        assert denoise("imgs", "--out", "clean", *network).returncode == 0
        assert denoise("imgs", "--out", "undisturbed", *network).returncode == 0
        assert Path("clean/a.png").stat().st_mtime_ns == before
        for name in ("a.png", "b.png", "c.png"):
            assert Path("clean", name).read_bytes() == Path("undisturbed", name).read_bytes()


def test_the_second_signal_ends_at_once_and_the_next_run_tidies_up(running, temporaries, denoise, network) -> None:
    os.kill(running.pid, signal.SIGINT)
    os.kill(running.pid, signal.SIGTERM)
    assert running.end() == 130
    assert {path.name for path in Path("clean").iterdir() if not path.name.startswith(".")} <= {"a.png"}
    assert denoise("imgs", "--out", "clean", *network).returncode == 0
    assert temporaries() == []


def test_people_are_told_how_to_go_on(folder: Path, make_picture, network) -> None:
    make_picture("imgs/a.png", 40)
    make_picture("imgs/b.png", 1600)
    command = [sys.executable, "-m", "denoiser_cli", "imgs", "--out", "clean", "-v", *network]
    process = subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        while "imgs/a.png -> clean/a.png" not in line:
            assert line, "the run ended without a word"
            line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    lines = [line for line in said.splitlines() if "MP/s, " not in line]  # no line of progress
    assert lines[0] == "Stopping; saving finished files. Press Ctrl-C again to exit immediately."
    assert lines[1].startswith("1 file cleaned, 0.0 MP in ")
    assert lines[2:] == ["Stopped with 1 file remaining; run the same command again to continue."]
