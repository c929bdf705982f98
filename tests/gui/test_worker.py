from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from denoiser.errors import DenoiserError, UsageError
from denoiser.events import CancelToken
from denoiser_gui.qt import QApplication
from denoiser_gui.worker import WorkerThread


@pytest.fixture
def worker(qapp: QApplication) -> Iterator[WorkerThread]:
    worker = WorkerThread("test")
    yield worker
    assert worker.stop()
    worker.deleteLater()


def test_results_arrive_in_the_gui_thread(worker: WorkerThread, qtbot: QtBot) -> None:
    seen: list[tuple[str, str]] = []
    worker.submit(
        "job",
        lambda _: threading.current_thread().name,
        lambda worked: seen.append((worked, threading.current_thread().name)),
    )
    qtbot.waitUntil(lambda: bool(seen))
    assert seen == [("denoise-gui-test", threading.main_thread().name)]


def test_a_new_job_cancels_the_running_one_of_its_kind(worker: WorkerThread, qtbot: QtBot) -> None:
    begun, cancelled, done = threading.Event(), threading.Event(), []

    def long(cancel: CancelToken) -> str:
        begun.set()
        assert cancel.wait(10)
        cancelled.set()
        cancel.raise_if_cancelled()
        return "stale"

    worker.submit("preview", long, done.append)
    assert begun.wait(5)
    worker.submit("preview", lambda _: "never begun", done.append)
    worker.submit("preview", lambda _: "newest", done.append)
    assert cancelled.wait(0.5)
    qtbot.waitUntil(lambda: bool(done))
    assert done == ["newest"]


def test_results_of_cancelled_jobs_are_dropped(worker: WorkerThread, qtbot: QtBot) -> None:
    begun, go_on, done = threading.Event(), threading.Event(), []

    def uncancellable(_cancel: CancelToken) -> str:
        begun.set()
        go_on.wait(5)
        return "stale"

    worker.submit("a", uncancellable, done.append)
    assert begun.wait(5)
    worker.cancel("a")
    go_on.set()
    worker.submit("b", lambda _: "other", done.append)
    qtbot.waitUntil(lambda: bool(done))
    assert done == ["other"]


def test_jobs_of_different_kinds_run_in_order(worker: WorkerThread, qtbot: QtBot) -> None:
    done: list[int] = []
    for number in range(5):
        worker.submit(f"kind {number}", lambda _, number=number: number, done.append)
    qtbot.waitUntil(lambda: len(done) == 5)
    assert done == [0, 1, 2, 3, 4] and worker.is_idle()


def test_errors_are_delivered_with_their_hint(worker: WorkerThread, qtbot: QtBot) -> None:
    failed: list[DenoiserError] = []

    def fail(_cancel: CancelToken) -> None:
        raise UsageError("no", hint="do this")

    worker.submit("job", fail, failed=failed.append)
    qtbot.waitUntil(lambda: bool(failed))
    assert failed[0].hint == "do this"


def test_a_bug_is_reported_and_the_worker_continues(
    worker: WorkerThread, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed: list[DenoiserError] = []
    done: list[int] = []
    shown: list[type[BaseException]] = []
    monkeypatch.setattr("sys.excepthook", lambda kind, *_: shown.append(kind))
    worker.submit("job", lambda _: 1 // 0, failed=failed.append)
    worker.submit("next", lambda _: 7, done.append)
    qtbot.waitUntil(lambda: bool(done))
    assert "ZeroDivisionError" in failed[0].message and shown == [ZeroDivisionError]


def test_stopping_ends_a_running_job_soon(qapp: QApplication) -> None:
    worker, begun = WorkerThread("stopped"), threading.Event()

    def long(cancel: CancelToken) -> None:
        begun.set()
        while True:
            cancel.raise_if_cancelled()
            time.sleep(0.01)

    worker.submit("job", long)
    assert begun.wait(5)
    before = time.perf_counter()
    assert worker.stop()
    assert time.perf_counter() - before < 1
    worker.deleteLater()
