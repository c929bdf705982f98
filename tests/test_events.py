"""Events are values; a request to stop reaches every thread and stays."""

from __future__ import annotations

import dataclasses
import inspect
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import get_args

import pytest

from denoiser import events
from denoiser.errors import Cancelled
from denoiser.events import CancelToken, FileDone, Started, TileDone

KINDS = [
    value
    for value in vars(events).values()
    if inspect.isclass(value) and dataclasses.is_dataclass(value) and value.__module__ == events.__name__
]


def test_every_kind_of_event_is_in_the_union() -> None:
    assert set(get_args(events.Event)) == set(KINDS)
    assert len(KINDS) >= 7


@pytest.mark.parametrize("kind", KINDS)
def test_events_are_frozen_values(kind: type) -> None:
    fields = dataclasses.fields(kind)
    one, same = (kind(*range(len(fields))) for _ in range(2))
    assert one == same
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(one, fields[0].name, 5)
    with pytest.raises((AttributeError, TypeError)):
        one.another = 5  # a misspelt name is no new attribute


def test_an_event_says_what_it_holds() -> None:
    event = FileDone(Path("a.jpg"), Path("out/a.jpg"), megapixels=24.0, seconds=2.0)
    assert event.notes == ()
    assert "a.jpg" in repr(event)
    assert Started(3, 1.0) != TileDone(3, 1, 1.0)


def test_the_deaf_listener_takes_anything() -> None:
    events.ignore(Started(1, 1.0))


def test_a_fresh_token_lets_work_go_on() -> None:
    token = CancelToken()
    assert not token.cancelled
    token.raise_if_cancelled()


def test_a_stop_stays_a_stop() -> None:
    token = CancelToken()
    token.cancel()
    token.cancel()
    for _ in range(2):
        assert token.cancelled
        with pytest.raises(Cancelled) as caught:
            token.raise_if_cancelled()
        assert caught.value.exit_code == 130


def test_a_stop_reaches_all_threads() -> None:
    token, stopped, started = CancelToken(), [], threading.Barrier(5)

    def work() -> None:
        started.wait(10)
        try:
            for _ in range(10_000):
                token.raise_if_cancelled()
                time.sleep(0.001)
        except Cancelled:
            stopped.append(threading.get_ident())

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    started.wait(10)
    token.cancel()
    for thread in threads:
        thread.join(10)
    assert len(set(stopped)) == 4


_HANDLER = """
import os, signal, time
from denoiser.events import CancelToken
token = CancelToken()
signal.signal(signal.SIGUSR1, lambda *_: token.cancel())
os.kill(os.getpid(), signal.SIGUSR1)
deadline = time.monotonic() + 10
while not token.cancelled and time.monotonic() < deadline:
    time.sleep(0.001)
assert token.cancelled
"""


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="signals of POSIX")
def test_a_signal_handler_may_ask_for_the_stop() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _HANDLER], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 0, ended.stderr


def test_a_wait_ends_with_the_request() -> None:
    token = CancelToken()
    assert not token.wait(0.01)
    timer = threading.Timer(0.05, token.cancel)
    timer.start()
    began = time.monotonic()
    assert token.wait(30.0) and time.monotonic() - began < 10
    timer.join()
