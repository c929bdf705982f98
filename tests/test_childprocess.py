"""A child process answers requests; its crashes and timeouts have a cause, and the next request starts it again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from denoiser.childprocess import Child, ChildEnded

_MODULE = """
import os, sys, time
from denoiser.childprocess import serve

def answer(request):
    print("noise on standard output")
    if request == "crash":
        print("a last word", file=sys.stderr, flush=True)
        os.kill(os.getpid(), 11)
    if request == "exit":
        os._exit(3)
    if request == "hang":
        time.sleep(100)
    return [request, os.getpid()]

serve(answer)
"""


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Child]:
    (tmp_path / "answering.py").write_text(_MODULE, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=":")
    before = set(threading.enumerate())
    with Child("answering", 3.0) as started:
        yield started
    assert set(threading.enumerate()) <= before, "a thread of the child process is left"


def test_one_process_answers_all_requests(child: Child) -> None:
    (first, pid), (second, same) = child.ask({"a": "ä\udcff"}), child.ask(None)
    assert first == {"a": "ä\udcff"} and second is None and pid == same


@pytest.mark.parametrize(
    ("request_", "end"),
    [
        ("crash", ChildEnded("the child process was killed by SIGSEGV", "SIGSEGV", "a last word")),
        ("exit", ChildEnded("the child process exited with code 3", last_line="noise on standard output")),
        ("hang", ChildEnded("no response within 3 s", hangs=True)),
    ],
)
def test_an_end_has_a_cause_and_the_next_request_is_answered(child: Child, request_: str, end: ChildEnded) -> None:
    _, pid = child.ask("before")
    with pytest.raises(ChildEnded) as caught:
        child.ask(request_)
    assert caught.value == end
    _, other = child.ask("after")
    assert other != pid and not Path(f"/proc/{pid}").exists()


def test_the_check_can_stop_the_wait(child: Child) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        child.ask("hang", stop)
