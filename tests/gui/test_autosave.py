from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from pytestqt.qtbot import QtBot

from denoiser.errors import DenoiserError
from denoiser_gui.autosave import Autosave
from denoiser_gui.qt import QApplication, QObject
from denoiser_gui.worker import WorkerThread


@pytest.fixture
def worker(qapp: QApplication) -> Iterator[WorkerThread]:
    worker = WorkerThread("files")
    yield worker
    assert worker.stop()


def _writer(written: list[str], text: str) -> Callable[[], None]:
    return lambda: written.append(text)


def test_the_newest_of_each_name_is_written_once(worker: WorkerThread, qtbot: QtBot) -> None:
    written: list[str] = []
    parent = QObject()
    autosave = Autosave(worker, lambda _: None, parent)
    for name, text in (("a", "old"), ("a", "new"), ("b", "other")):
        autosave.schedule(name, _writer(written, text))
    assert written == []
    qtbot.waitUntil(lambda: len(written) == 2)
    assert written == ["new", "other"]
    qtbot.waitUntil(worker.is_idle)
    qtbot.wait(20)
    autosave.finish()
    assert written == ["new", "other"], "what is written is not written again"


def test_what_is_pending_is_written_after_the_worker_has_ended(worker: WorkerThread) -> None:
    written: list[str] = []
    parent = QObject()
    autosave = Autosave(worker, lambda _: None, parent)
    autosave.schedule("a", _writer(written, "late"))
    assert worker.stop()
    autosave.finish()
    assert written == ["late"]


def test_a_failure_is_reported(worker: WorkerThread, qtbot: QtBot) -> None:
    failures: list[DenoiserError] = []
    parent = QObject()
    autosave = Autosave(worker, failures.append, parent)

    def write() -> None:
        raise DenoiserError("full")

    autosave.schedule("a", write)
    qtbot.waitUntil(lambda: bool(failures))
    autosave.finish()
