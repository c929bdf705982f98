"""JSON output: one object per line, with the documented keys in order."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args

import pytest

from denoiser.batch import Job, Plan, Report
from denoiser.errors import UnreadableImage
from denoiser.events import (
    Event,
    FileDone,
    FileFailed,
    FileSkipped,
    FileStarted,
    SeriesFound,
    Started,
    TileDone,
    TrainingProgress,
    WorkerLost,
)
from denoiser_cli.render_json import KEYS, JsonOutput, emit_plan

A = Path("a\n\udcff.png")
EVENTS = [
    Started(2, 3.5),
    FileStarted(A, 1.0),
    TileDone(1, 4, 1.0),
    FileDone(A, A, 1.0, 0.5, ("a note",)),
    FileFailed(A, UnreadableImage("broken", hint="fetch it")),
    FileSkipped(A, "a pipe, not a file"),
    WorkerLost("out of memory", (A,)),
    SeriesFound("a camera", 3, {"luma": 1.0}, "the middle of 3 pictures"),
]


def objects(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.err == ""
    return [json.loads(line) for line in captured.out.splitlines()]


def test_every_event_of_a_run_has_its_object(capsys: pytest.CaptureFixture[str]) -> None:
    assert {type(event) for event in EVENTS} == set(get_args(Event)) - {TrainingProgress}
    with JsonOutput() as output:
        for event in EVENTS:
            output.handle(event)
        output.message("words for eyes")
        output.finish(Report(done=1, seconds=2.0), Path("out"))
    said = objects(capsys)
    assert [line["event"] for line in said] == [
        "started",
        "file_started",
        "tile_done",
        "file_done",
        "file_failed",
        "file_skipped",
        "worker_lost",
        "series_found",
        "finished",
    ]
    for line in said:
        assert tuple(line) == ("event", *KEYS[line["event"]])
    assert said[3]["notes"] == ["a note"]
    assert said[4]["kind"] == "UnreadableImage" and said[4]["hint"] == "fetch it"
    assert said[5]["target"] is None
    assert said[6]["cause"] == "out of memory" and said[6]["sources"] == [str(A)]
    assert said[7]["frames"] == 3 and said[7]["noise"] == {"luma": 1.0}
    assert said[8]["failed"] == 0 and said[8]["exit_code"] == 0


def test_training_events_are_documented() -> None:
    assert KEYS["training"] == tuple(field.name for field in dataclasses.fields(TrainingProgress))


def test_names_of_any_bytes_come_back(capsys: pytest.CaptureFixture[str]) -> None:
    JsonOutput().handle(FileStarted(A, 1.0))
    assert Path(objects(capsys)[0]["source"]) == A


def test_a_plan(capsys: pytest.CaptureFixture[str]) -> None:
    job = Job(A, Path("out/a.png"), 1.5)
    emit_plan(Plan((job,), (job,), (), ((job, UnreadableImage("blocked")),)))
    said = objects(capsys)
    assert [line["event"] for line in said] == ["planned", "file_skipped", "file_failed"]
    assert all(tuple(line) == ("event", *KEYS[line["event"]]) for line in said)
