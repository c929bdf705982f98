"""Ctrl-C and SIGTERM: finished files stay, nothing else does, and the same call goes on to the same bits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture
def running(folder: Path, make_picture, network):
    """A run that is in the middle of the second of three pictures."""
    make_picture("imgs/a.png", 40)
    make_picture("imgs/b.png", 1600)
    make_picture("imgs/c.png", 40)
    command = [sys.executable, "-m", "denoiser_cli", "imgs", "--out", "clean", "--json", *network]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            event = json.loads(line)
            if event["event"] == "tile_done" and event["total"] > 1:
                break
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_with_whole_files_and_130(
    running: subprocess.Popen[str], temporaries, denoise, network, number: signal.Signals
) -> None:
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    last = json.loads(out.splitlines()[-1])
    assert (last["event"], last["exit_code"], last["done"], last["left"]) == ("finished", 130, 1, 2)
    assert "Traceback" not in err
    assert [path.name for path in Path("clean").glob("[!.]*")] == ["a.png"]
    assert temporaries() == []
    if number == signal.SIGINT:
        before = Path("clean/a.png").stat().st_mtime_ns
        assert denoise("imgs", "--out", "clean", *network).returncode == 0
        assert denoise("imgs", "--out", "undisturbed", *network).returncode == 0
        assert Path("clean/a.png").stat().st_mtime_ns == before
        for name in ("a.png", "b.png", "c.png"):
            assert Path("clean", name).read_bytes() == Path("undisturbed", name).read_bytes()


def test_the_second_signal_ends_at_once_and_the_next_run_tidies_up(
    running: subprocess.Popen[str], temporaries, denoise, network
) -> None:
    running.send_signal(signal.SIGINT)
    running.send_signal(signal.SIGTERM)
    assert running.wait(timeout=20) == 130
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
    assert lines[0] == "Stopping; what is finished is being written. Ctrl-C again stops at once."
    assert lines[1].startswith("1 file cleaned, 0.0 MP in ")
    assert lines[2:] == ["Stopped with 1 file to go; run the same command again to go on."]
