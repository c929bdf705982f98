"""Signals: the first asks, the second ends, and everything is as before when the block is over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from denoiser_cli.interrupt import FIRST, stopping_politely


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_cancels_and_is_answered(number: signal.Signals) -> None:
    said: list[str] = []
    with stopping_politely(said.append) as token:
        assert not token.cancelled
        os.kill(os.getpid(), number)
        deadline = time.monotonic() + 10
        while not said and time.monotonic() < deadline:
            time.sleep(0.01)
    assert token.cancelled and said == [FIRST]


def test_everything_is_as_before() -> None:
    handlers = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    threads = set(threading.enumerate())
    with stopping_politely():
        pass
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == handlers
    assert set(threading.enumerate()) == threads
    assert signal.set_wakeup_fd(-1) == -1


_BUSY = """
import hashlib
from denoiser_cli.interrupt import stopping_politely
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
