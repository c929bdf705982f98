from __future__ import annotations

from pathlib import Path

import pytest

from denoiser.batch.discover import Skipped
from denoiser.batch.layout import Job
from denoiser.batch.manifest import lines_from
from denoiser.batch.plan import Plan
from denoiser.batch.settings import Settings
from denoiser.batch.tally import Tally
from denoiser.errors import OutputFull, UnreadableImage
from denoiser.events import Event, FileDone, FileFailed, FileSkipped, Started
from denoiser.options import BatchOptions


@pytest.fixture
def jobs(tmp_path: Path) -> tuple[Job, ...]:
    made = []
    for name in ("a.png", "b.png", "c.png"):
        (tmp_path / name).write_bytes(b"image")
        made.append(Job(tmp_path / name, tmp_path / "out" / name, 0.5, name))
    return tuple(made)


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def tally(jobs: tuple[Job, ...], tmp_path: Path, events: list[Event]) -> Tally:
    plan = Plan(jobs[:2], (), (Skipped(tmp_path / "pipe", "a pipe"),), folder=tmp_path / "out")
    return Tally(plan, Settings(batch=BatchOptions(max_errors=2)), events.append)


def test_every_file_is_counted_once(tally: Tally, jobs: tuple[Job, ...], events: list[Event]) -> None:
    tally.announce()
    tally.finish(jobs[0], 0.5, 1.0, ("a note",), {"result": "cleaned"})
    assert tally.left == 1
    tally.fail(jobs[1], UnreadableImage("b.png: is truncated."))
    report = tally.report(cancelled=False)
    assert (report.done, report.cleaned, report.left, report.skipped, len(report.failures)) == (1, 1, 0, 1, 1)
    assert report.notes == (("a note", 1),) and report.exit_code == 1
    assert [type(event) for event in events] == [Started, FileSkipped, FileDone, FileFailed]


def test_a_full_disk_and_too_many_failures_stop_the_run(tally: Tally, jobs: tuple[Job, ...]) -> None:
    tally.fail(jobs[0], UnreadableImage("a.png: is truncated."))
    assert tally.stopped_by is None
    tally.fail(jobs[1], UnreadableImage("b.png: is truncated."))
    assert tally.stopped_by is not None and "--max-errors" in tally.stopped_by.message
    other = Tally(tally.plan, Settings(), lambda event: None)
    other.fail(jobs[0], OutputFull("a.png: no space left to write it."))
    assert isinstance(other.stopped_by, OutputFull)


def test_crashes_and_the_end_are_recorded(tally: Tally, jobs: tuple[Job, ...]) -> None:
    tally.start_records("digest", {})
    tally.crash(jobs[0], "SIGSEGV")
    tally.end_records()
    (records,) = (tally.plan.folder or Path()).glob(".denoise/*.jsonl")
    lines = [words for _, words in lines_from(records)]
    assert [words["state"] for words in lines] == ["run", "crashed", "ended"]
    assert lines[1]["cause"] == "SIGSEGV" and lines[2]["failed"] == 1
