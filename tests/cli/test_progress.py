"""The remaining time is estimated from megapixels, not from files."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from denoiser.errors import UnreadableImage
from denoiser.events import Event, FileDone, FileFailed, FileStarted, Started, TileDone
from denoiser_cli.render_text import BatchProgress, duration

A, B, C = Path("a"), Path("b"), Path("c")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def told(*events: Event) -> BatchProgress:
    progress = BatchProgress()
    for event in events:
        progress.handle(event)
    return progress


def test_a_large_file_counts_for_more(clock: list[float]) -> None:
    progress = told(Started(2, 10.0), FileStarted(A, 1.0), TileDone(1, 1, 1.0), FileDone(A, A, 1.0, 1.0))
    clock[0] += 10
    assert progress.fraction == pytest.approx(0.1)
    assert progress.seconds_left == pytest.approx(90)
    assert progress.megapixels_per_second == pytest.approx(0.1)
    assert str(progress) == "1 of 2 files, 0.10 MP/s, 1:30 min left"


def test_tiles_count_before_their_file_is_done(clock: list[float]) -> None:
    progress = told(Started(1, 8.0), FileStarted(A, 8.0), TileDone(1, 4, 8.0))
    assert progress.fraction == pytest.approx(0.25)
    progress.handle(TileDone(2, 4, 8.0))
    assert progress.fraction == pytest.approx(0.5)


def test_files_that_are_written_later_are_counted_once(clock: list[float]) -> None:
    progress = told(
        Started(2, 4.0),
        FileStarted(A, 2.0),
        TileDone(1, 1, 2.0),
        FileStarted(B, 2.0),
        FileDone(A, A, 2.0, 1.0),
        TileDone(1, 2, 2.0),
    )
    assert progress.fraction == pytest.approx(0.75)


def test_files_without_tiles_count_when_they_are_over(clock: list[float]) -> None:
    progress = told(Started(3, 3.0), FileStarted(A, 1.0), FileStarted(B, 1.0))
    assert progress.fraction == 0
    progress.handle(FileDone(B, B, 1.0, 1.0))
    assert progress.fraction == pytest.approx(1 / 3)
    progress.handle(FileDone(A, A, 1.0, 1.0))
    assert progress.fraction == pytest.approx(2 / 3)


def test_nothing_is_guessed_from_nothing(clock: list[float]) -> None:
    progress = told(Started(2, 10.0))
    clock[0] += 60  # loading is not working
    assert progress.seconds_left is None and progress.megapixels_per_second == 0
    progress.handle(FileStarted(A, 1.0))
    assert progress.seconds_left is None
    assert str(progress) == "0 of 2 files, 0.00 MP/s"


def test_the_end_is_the_end_whatever_failed(clock: list[float]) -> None:
    failed = UnreadableImage("broken")
    progress = told(Started(2, 10.0), FileFailed(A, failed), FileStarted(B, 1.0), FileFailed(B, failed))
    assert progress.fraction == 1.0
    assert told(Started(0, 0.0)).fraction == 1.0


def test_without_any_size_files_are_counted(clock: list[float]) -> None:
    assert told(Started(4, 0.0), FileFailed(A, UnreadableImage("broken"))).fraction == 0.25


@pytest.mark.parametrize(
    ("seconds", "words"), [(0.4, "0 s"), (59.4, "59 s"), (59.6, "1:00 min"), (125, "2:05 min"), (11_400, "3:10 h")]
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words
