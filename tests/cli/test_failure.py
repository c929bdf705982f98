"""Each kind of error has its message and exit code."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import click
import pytest
from PIL import Image as PilImage

from denoiser.errors import Cancelled, MissingExtra, UnsafeOutput
from denoiser_cli.failure import explain, stopping_politely


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (UnsafeOutput("no"), 5, "no"),
        (MissingExtra("no", extra="heif"), 4, "no"),
        (Cancelled("Stopped on request."), 130, "Stopped on request."),
        (KeyboardInterrupt(), 130, "Stopped."),
        (click.Abort(), 130, "Stopped."),
        (click.UsageError("no such thing"), 2, "no such thing."),
        (MemoryError(), 1, "Out of memory."),
        (ValueError("x"), 1, "Unexpected ValueError: x"),
        (SystemExit(4), 4, ""),
    ],
)
def test_codes_and_messages(error: BaseException, code: int, message: str) -> None:
    failure = explain(error)
    assert (failure.exit_code, failure.message, failure.traceback) == (code, message, "")


def test_hints_of_extras_name_the_command() -> None:
    assert "pip install 'denoiser-studio[heif]'" in explain(MissingExtra("no", extra="heif")).hint


def test_a_failure_is_printed_as_text_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    explain(UnsafeOutput("out\n.png: no", hint="Elsewhere.")).print(as_json=True)
    captured = capsys.readouterr()
    assert captured.err == "out\\n.png: no\n  Elsewhere.\n"
    assert json.loads(captured.out) == {
        "event": "error",
        "kind": "UnsafeOutput",
        "message": "out\\n.png: no",
        "hint": "Elsewhere.",
        "exit_code": 5,
    }


def test_a_traceback_is_printed_only_with_verbose() -> None:
    with pytest.raises(UnsafeOutput) as raised:
        raise UnsafeOutput("no")
    assert explain(raised.value).traceback == ""
    assert "test_failure.py" in explain(raised.value, verbose=True).traceback


_SIGNALLED = """
import os, signal, time
from denoiser_cli.failure import FIRST, stopping_politely
said, seen = [], []
signal.signal(signal.SIGUSR1, lambda number, frame: seen.append(number))
with stopping_politely(said.append) as token:
    for _ in range(3):
        os.kill(os.getpid(), signal.SIGUSR1)
        time.sleep(0.05)
    assert seen and not token.cancelled, "other signals stop nothing"
    os.kill(os.getpid(), {number})
    deadline = time.monotonic() + 10
    while not said and time.monotonic() < deadline:
        time.sleep(0.01)
assert token.cancelled and said == [FIRST]
print("ended")
"""


# In processes of their own: a process of the tests that signals itself was lost once among thousands of tests.
@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="signals of POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_cancels_and_is_answered(number: signal.Signals) -> None:
    words = _SIGNALLED.format(number=int(number))
    ended = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "ended\n", "")


def test_everything_is_as_before() -> None:
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    threads = set(threading.enumerate())
    with stopping_politely():
        pass
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    assert set(threading.enumerate()) <= threads
    assert signal.set_wakeup_fd(-1) == -1


_BUSY = """
import hashlib
from denoiser_cli.failure import stopping_politely
with stopping_politely():
    print("ready", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1)  # one instruction for many minutes, as a network's can be
"""


def test_the_second_signal_ends_even_a_busy_process() -> None:
    process = subprocess.Popen([sys.executable, "-c", _BUSY], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    try:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline().decode().startswith("Stopping;")
        assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 130
    finally:
        process.kill()
        process.communicate()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("words", [["--version"], ["models", "--json"], ["a.png", "--out", "-", "--strength", "0"]])
def test_a_full_disk_behind_standard_output_is_no_bug(tmp_path: Path, words: list[str]) -> None:
    PilImage.new("RGB", (300, 200)).save(tmp_path / "a.png")
    with open("/dev/full", "wb") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "denoiser_cli", *words],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            timeout=120,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[0] == "Standard output: no space left to write it."
    assert "bug" not in ended.stderr and "Traceback" not in ended.stderr
