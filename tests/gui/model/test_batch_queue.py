from __future__ import annotations

from pathlib import Path

import pytest

from denoiser.batch.settings import Settings
from denoiser.errors import DenoiserError, ForeignOutput, UnreadableImage
from denoiser.events import FileDone, FileFailed, FileSkipped, FileStarted, Started, TileDone
from denoiser.options import BatchOptions, DenoiseOptions
from denoiser_gui.model.batch_queue import BatchQueue, RowState, count
from denoiser_gui.model.batch_run import BatchPaused, PartPlanned

_OUT = Path("/out")
_A, _B, _C = Path("/in/a.png"), Path("/in/b.png"), Path("/in/c.png")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(clock: Clock) -> BatchQueue:
    queue = BatchQueue(clock)
    for source in (_A, _B, _C):
        queue.add(source, Settings())
    return queue


def _states(queue: BatchQueue) -> list[RowState]:
    return [row.state for row in queue.rows]


def test_each_file_is_queued_once_with_its_newest_settings(queue: BatchQueue) -> None:
    strong = Settings(DenoiseOptions(noise_level=40.0))
    queue.add(_B, strong)
    assert [row.source for row in queue.rows] == [_A, _B, _C]
    assert queue.row(_B).settings == strong  # type: ignore[union-attr]
    queue.remove([_A])
    assert [row.source for row in queue.rows] == [_B, _C]


def test_files_with_equal_settings_are_one_part(queue: BatchQueue) -> None:
    strong = Settings(DenoiseOptions(noise_level=40.0))
    queue.add(_B, strong)
    parts = queue.start(_OUT, queue.rows)
    assert [(part.sources, part.folder) for part in parts] == [((_A, _C), _OUT), ((_B,), _OUT)]
    assert parts[1].settings.denoise.noise_level == 40.0
    assert parts[0].settings.key == Settings().key, "the command line would not take it for the same run"


def test_equal_names_from_different_folders_get_separate_folders(queue: BatchQueue) -> None:
    other = Path("/cards/two/A.jpg")
    queue.add(other, Settings())
    queue.add(Path("/cards/two/d.png"), Settings())
    parts = queue.start(_OUT, queue.rows)
    assert [(part.folder, part.sources) for part in parts] == [
        (_OUT, (_A, _B, _C, Path("/cards/two/d.png"))),
        (_OUT / "two", (other,)),
    ]


def test_a_folder_tree_is_a_separate_part(queue: BatchQueue) -> None:
    for name in ("x/1.png", "y/1.png"):
        queue.add(Path("/tree", name), Settings(), root=Path("/tree"))
    parts = queue.start(_OUT, queue.rows)
    assert [(part.root, len(part.sources)) for part in parts] == [(None, 3), (Path("/tree"), 2)]


def test_events_change_the_rows(queue: BatchQueue) -> None:
    queue.start(_OUT, queue.rows)
    queue.handle(Started(3, 3.0))
    queue.handle(PartPlanned({_A: 1.0, _B: 1.0, _C: 2.0}))
    row = queue.handle(FileStarted(_A, 1.0))
    assert row is not None and row.state is RowState.RUNNING
    row = queue.handle(TileDone(1, 4, 1.0))
    assert row is not None and row.fraction == 0.25
    assert count(queue.rows).fraction == pytest.approx(0.25 / 4)
    facts = {"noise": {"luma": 10.0, "chroma": 4.0, "kind": 1.0}}
    row = queue.handle(FileDone(_A, _OUT / "a.png", 1.0, 2.5, ("a note",), facts))
    assert row is not None
    assert (row.state, row.seconds, row.target, row.notes) == (RowState.DONE, 2.5, _OUT / "a.png", ("a note",))
    assert row.sigma == pytest.approx(((100 + 32) / 3) ** 0.5)
    row = queue.handle(FileFailed(_B, UnreadableImage("b.png: is broken.")))
    assert row is not None and (row.state, row.problem) == (RowState.FAILED, "b.png: is broken.")
    assert row.hint
    queue.handle(FileSkipped(_C, "already done", _OUT / "c.png"))
    assert _states(queue) == [RowState.DONE, RowState.FAILED, RowState.ALREADY_DONE]
    counts = count(queue.rows)
    assert (counts.size, counts.over, counts.fraction, counts.in_the_way) == (3, 3, 1.0, 0)
    assert counts.states == dict.fromkeys([RowState.DONE, RowState.FAILED, RowState.ALREADY_DONE], 1)


def test_a_grey_photo_has_luma_noise_only(queue: BatchQueue) -> None:
    row = queue.handle(FileDone(_A, _A, 1.0, 1.0, (), {"noise": {"luma": 9.0, "chroma": 0.0, "kind": 0.0}}))
    assert row is not None and row.sigma == 9.0


def test_time_left_depends_on_megapixels_and_excludes_pauses(queue: BatchQueue, clock: Clock) -> None:
    queue.start(_OUT, queue.rows)
    queue.handle(PartPlanned({_A: 1.0, _B: 1.0, _C: 8.0}))
    clock.now += 50  # loading the model is not counted
    queue.handle(FileStarted(_A, 1.0))
    assert queue.seconds_left is None
    clock.now += 3
    queue.handle(FileDone(_A, _A, 1.0, 3.0))
    assert queue.seconds_left == pytest.approx(27.0)
    queue.handle(BatchPaused())
    clock.now += 1000
    assert queue.seconds_left == pytest.approx(27.0)
    queue.resume()
    clock.now += 3
    queue.handle(FileFailed(_B, DenoiserError("x")))
    assert queue.seconds_left == pytest.approx(24.0)


def test_files_done_earlier_do_not_affect_the_time_left(queue: BatchQueue, clock: Clock) -> None:
    queue.start(_OUT, queue.rows)
    queue.handle(PartPlanned({_A: 100.0, _B: 1.0, _C: 1.0}))
    queue.handle(FileSkipped(_A, "already done", _A))
    queue.handle(FileStarted(_B, 1.0))
    clock.now += 10
    queue.handle(FileDone(_B, _B, 1.0, 10.0))
    assert queue.seconds_left == pytest.approx(10.0)


def test_unfinished_files_of_a_stopped_run_wait_again(queue: BatchQueue) -> None:
    queue.start(_OUT, queue.rows)
    queue.handle(FileStarted(_A, 1.0))
    queue.handle(FileDone(_A, _A, 1.0, 1.0))
    queue.handle(FileStarted(_B, 1.0))
    queue.handle(TileDone(1, 2, 1.0))
    queue.remove([_B, _C])
    assert len(queue.rows) == 3, "a file in hand was taken out"
    queue.end()
    assert _states(queue) == [RowState.DONE, RowState.WAITING, RowState.WAITING]
    assert queue.seconds_left is None
    queue.remove([_B])
    assert len(queue.rows) == 2


def test_a_retry_processes_failed_files_only(queue: BatchQueue) -> None:
    queue.start(_OUT, queue.rows)
    queue.handle(FileFailed(_B, ForeignOutput("b.png is there.")))
    queue.handle(FileFailed(_C, DenoiserError("no place")))
    queue.handle(FileDone(_A, _A, 1.0, 1.0))
    queue.end()
    assert [row.source for row in queue.in_state(RowState.FAILED)] == [_B, _C]
    assert [row.in_the_way for row in queue.in_state(RowState.FAILED)] == [True, False]
    parts = queue.start(_OUT, queue.in_state(RowState.FAILED), replace=True)
    assert parts[0].sources == (_B, _C)
    assert parts[0].settings.batch == BatchOptions(retry_failed=True, overwrite=True)
    assert _states(queue) == [RowState.DONE, RowState.WAITING, RowState.WAITING]
    assert not queue.row(_B).problem  # type: ignore[union-attr]
