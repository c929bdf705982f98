"""`denoise watch` as another process: slow writers, kills, renames, signals."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import pytest


class Run(Protocol):
    """What `hatch` gives."""

    pid: int

    def kill(self) -> int: ...
    def end(self) -> int: ...


def until(holds: Callable[[], object]) -> None:
    """Waits until it is so."""
    end = time.monotonic() + 90
    while not holds():
        assert time.monotonic() < end, f"it never came to that; said was {said()}"
        time.sleep(0.02)


def said() -> list[str]:
    return Path("said").read_text("utf-8").splitlines()


def cleaned() -> list[str]:
    return [line.split(" -> ")[0] for line in said() if " -> " in line]


@pytest.fixture
def watch(hatch, network) -> Iterator[Callable[..., Run]]:
    """Starts a watch of `in`; none outlives the test."""
    Path("in").mkdir()
    watches: list[Run] = []

    def start(*words: str) -> Run:
        run = hatch("watch", "in", "--out", "out", "--interval", "0.2", *network, *words)
        watches.append(run)
        return run

    yield start
    for each in watches:
        with suppress(ProcessLookupError):  # it has ended, and was waited for
            os.kill(each.pid, signal.SIGKILL)


def told(run: Run, number: signal.Signals) -> int:
    """Sends a signal; the exit code."""
    os.kill(run.pid, number)
    return run.end()


def test_a_slow_writer_a_rename_and_a_kill_give_each_picture_once_and_whole(
    watch, hatch, make_picture, network, temporaries
) -> None:
    names = ("slow.png", "renamed.jpg", "c.png")
    pictures = {name: make_picture(f"store/{name}", 100).read_bytes() for name in names}
    running = watch()
    until(lambda: "Watching in; clean images go to out. Press Ctrl-C to stop." in said())
    with open("in/slow.png", "wb") as slow:
        data = pictures["slow.png"]
        for start in range(0, len(data), len(data) // 4 + 1):
            slow.write(data[start : start + len(data) // 4 + 1])
            slow.flush()
            assert cleaned() == []
            time.sleep(0.6)  # three times as long as from one look to the next: it looks at rest, and is not whole
    until(lambda: cleaned() == ["in/slow.png"])
    Path("in/.renamed.jpg.Xw7Q").write_bytes(pictures["renamed.jpg"])
    time.sleep(0.6)
    assert len(cleaned()) == 1
    Path("in/.renamed.jpg.Xw7Q").rename("in/renamed.jpg")
    until(lambda: len(cleaned()) == 2)
    assert running.kill() == -signal.SIGKILL
    Path("in/sub").mkdir()
    Path("in/sub/c.png").write_bytes(pictures["c.png"])
    Path("in/vanishes.png").write_bytes(pictures["c.png"][:-9])
    again = watch()
    until(lambda: len(cleaned()) == 3)
    Path("in/vanishes.png").unlink()
    assert told(again, signal.SIGTERM) == 130
    assert cleaned() == ["in/slow.png", "in/renamed.jpg", "in/sub/c.png"]
    assert len(said()) == 2 + 3 + 2 and said()[-1].startswith("1 file cleaned in ")
    assert temporaries() == []
    assert hatch("in", "--out", "undisturbed", "-q", *network).end() == 0
    for name in ("slow.png", "renamed.jpg", "sub/c.png"):
        assert Path("out", name).read_bytes() == Path("undisturbed", name).read_bytes()


def test_ctrl_c_ends_it_in_the_middle_of_a_picture_and_a_second_watch_is_refused(
    watch, make_picture, temporaries
) -> None:
    make_picture("in/a.png", 40)
    make_picture("in/b.png", 1600)
    running = watch()
    until(lambda: cleaned() == ["in/a.png"])
    assert watch().end() == 5
    assert "out: another `denoise watch` is writing there." in said()
    assert told(running, signal.SIGINT) == 130
    assert cleaned() == ["in/a.png"]
    assert [path.name for path in Path("out").glob("[!.]*")] == ["a.png"] and temporaries() == []


def test_once_is_for_cron(watch, make_picture) -> None:
    assert watch("--once").end() == 0  # nothing has arrived, which is no error
    make_picture("in/a.png")
    assert watch("--once").end() == 0
    assert cleaned() == ["in/a.png"]
    before = Path("out/a.png").stat().st_mtime_ns
    Path("in/b.png").write_bytes(b"no picture")
    lines = said()
    assert watch("--once", "-q").end() == 0  # it may be on its way
    assert said() == lines and Path("out/a.png").stat().st_mtime_ns == before
