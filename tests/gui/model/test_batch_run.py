from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.batch import carry_out, plan_folder
from denoiser.batch.settings import Settings
from denoiser.errors import UnsafeOutput
from denoiser.events import CancelToken, FileDone, FileFailed, FileSkipped, TileDone
from denoiser.image import from_numpy
from denoiser.options import BatchOptions, DenoiseOptions
from denoiser_gui.model.batch_queue import BatchQueue, RowState
from denoiser_gui.model.batch_run import (
    BatchEnded,
    BatchEvent,
    BatchPart,
    BatchPaused,
    PauseGate,
    find_photos,
    run_batch,
)


@pytest.fixture
def settings(tiny_weights: Path) -> Settings:
    return Settings(
        DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32", tile=128, noise_level=9.0)
    )


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Three photos of several tiles each, one of them in a subfolder."""
    paths = [tmp_path / "in" / name for name in ("a.png", "b.png", "below/c.png")]
    for number, path in enumerate(paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        values = np.random.default_rng(number).integers(90, 130, (240, 240, 3), np.uint8)
        imageio.write(from_numpy(values), path)
    return paths


class Run:
    """Runs a batch in a thread, as the window does."""

    def __init__(self, parts: list[BatchPart], at: Callable[[BatchEvent], None] = lambda _event: None) -> None:
        self.gate, self.cancel, self.events = PauseGate(), CancelToken(), list[BatchEvent]()
        self._at = at
        self.thread = threading.Thread(target=run_batch, args=(parts, self._handle, self.gate, self.cancel))

    def start(self) -> Run:
        self.thread.start()
        return self

    def end(self) -> list[BatchEvent]:
        self.thread.join(60)
        assert not self.thread.is_alive()
        assert isinstance(self.events[-1], BatchEnded)
        return self.events

    def _handle(self, event: BatchEvent) -> None:
        self.events.append(event)
        self._at(event)


def _queued(
    photos: list[Path], out: Path, settings: Settings, root: Path | None = None
) -> tuple[BatchQueue, list[BatchPart]]:
    queue = BatchQueue()
    for photo in photos:
        queue.add(photo, settings, root)
    return queue, queue.start(out, queue.rows)


def test_a_batch_processes_all_photos(tmp_path: Path, photos: list[Path], settings: Settings) -> None:
    queue, parts = _queued(photos, tmp_path / "out", settings)
    for event in Run(parts).start().end():
        queue.handle(event)
    queue.end()
    assert [row.state for row in queue.rows] == [RowState.DONE] * 3
    assert all(row.target is not None and row.target.is_file() and row.seconds for row in queue.rows)


def test_a_batch_of_the_command_line_is_continued(tmp_path: Path, photos: list[Path], settings: Settings) -> None:
    """Also the other way round: started here and continued there. No file is processed twice."""
    folder, out = tmp_path / "in", tmp_path / "out"
    cancel = CancelToken()
    carry_out(
        plan_folder(folder, out, settings),
        settings,
        listener=lambda event: cancel.cancel() if isinstance(event, FileDone) else None,
        cancel=cancel,
    )
    begun = set(out.rglob("*.png"))
    assert 1 <= len(begun) < 3
    queue, parts = _queued(find_photos(folder, CancelToken()), out, settings, root=folder)
    events = Run(parts).start().end()
    for each in events:
        queue.handle(each)
    assert sum(isinstance(each, FileSkipped) for each in events) == len(begun)
    assert sorted(row.target for row in queue.rows if row.target) == sorted(out.rglob("*.png"))
    plan = plan_folder(folder, out, settings)
    assert not plan.jobs and len(plan.already_there) == 3


def test_only_queued_files_of_a_tree_are_processed(tmp_path: Path, photos: list[Path], settings: Settings) -> None:
    _, parts = _queued([photos[2]], tmp_path / "out", settings, root=tmp_path / "in")
    Run(parts).start().end()
    assert [path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.png")] == [
        "below/c.png"
    ]


def test_a_pause_stops_between_two_tiles_without_partial_files(
    tmp_path: Path, photos: list[Path], settings: Settings
) -> None:
    held = threading.Event()

    def shut(event: BatchEvent) -> None:
        if isinstance(event, TileDone) and not held.is_set():
            run.gate.shut()
        if isinstance(event, BatchPaused):
            held.set()

    _, parts = _queued(photos, tmp_path / "out", settings)
    run = Run(parts, shut)
    run.start()
    assert held.wait(60)
    before = len(run.events)
    time.sleep(0.4)
    assert len(run.events) == before, "it continued while paused"
    assert isinstance(run.events[-2], TileDone), "it did not pause within the image"
    for path in (tmp_path / "out").glob("*.png"):
        imageio.read(path)
    run.gate.open()
    assert sum(isinstance(event, FileDone) for event in run.end()) == 3


def test_a_paused_batch_can_be_stopped_and_resumed(tmp_path: Path, photos: list[Path], settings: Settings) -> None:
    held = threading.Event()
    out = tmp_path / "out"

    def shut(event: BatchEvent) -> None:
        if isinstance(event, TileDone):
            run.gate.shut()
        if isinstance(event, BatchPaused):
            held.set()

    queue, parts = _queued(photos, out, settings)
    run = Run(parts, shut)
    run.start()
    assert held.wait(60)
    began = time.monotonic()
    run.cancel.cancel()
    ended = run.end()[-1]
    assert time.monotonic() - began < 1.5
    assert isinstance(ended, BatchEnded) and ended.cancelled
    assert not [path for path in out.rglob("*") if path.name.endswith(".part")]
    queue.end()
    for event in Run(queue.start(out, queue.in_state(RowState.WAITING))).start().end():
        queue.handle(event)
    assert [row.state for row in queue.rows] == [RowState.DONE] * 3


def test_a_corrupt_file_does_not_affect_others(tmp_path: Path, photos: list[Path], settings: Settings) -> None:
    photos[1].write_bytes(b"no image")
    queue, parts = _queued(photos, tmp_path / "out", settings)
    for event in Run(parts).start().end():
        queue.handle(event)
    assert [row.state for row in queue.rows] == [RowState.DONE, RowState.FAILED, RowState.DONE]
    assert "b.png" in queue.in_state(RowState.FAILED)[0].problem and queue.in_state(RowState.FAILED)[0].hint


@pytest.mark.parametrize("as_tree", [False, True])
def test_a_missing_file_does_not_affect_others(
    tmp_path: Path, photos: list[Path], settings: Settings, as_tree: bool
) -> None:
    queue, parts = _queued(photos, tmp_path / "out", settings, root=tmp_path / "in" if as_tree else None)
    photos[0].unlink()
    for event in Run(parts).start().end():
        queue.handle(event)
    assert [row.state for row in queue.rows] == [RowState.FAILED, RowState.DONE, RowState.DONE]
    assert (
        queue.in_state(RowState.FAILED)[0].problem == "a.png: no such file."
        and "moved" in queue.in_state(RowState.FAILED)[0].hint
    )


def test_existing_files_are_replaced_only_on_request(
    tmp_path: Path, photos: list[Path], settings: Settings
) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.png").write_bytes(b"mine")
    queue, parts = _queued(photos, out, settings)
    for event in Run(parts).start().end():
        queue.handle(event)
    queue.end()
    assert [row.in_the_way for row in queue.in_state(RowState.FAILED)] == [True]
    assert (out / "a.png").read_bytes() == b"mine"
    for event in Run(queue.start(out, queue.in_state(RowState.FAILED), replace=True)).start().end():
        queue.handle(event)
    assert not queue.in_state(RowState.FAILED)
    assert imageio.read(out / "a.png").width == 240


def test_outputs_with_other_settings_are_replaced_only_on_request(
    tmp_path: Path, photos: list[Path], settings: Settings
) -> None:
    out = tmp_path / "out"
    Run(_queued(photos[:1], out, settings)[1]).start().end()
    other = dataclasses.replace(settings, denoise=dataclasses.replace(settings.denoise, strength=0.5))
    before = (out / photos[0].name).read_bytes()
    queue, parts = _queued(photos[:2], out, other)  # the second photo is new
    for event in Run(parts).start().end():
        queue.handle(event)
    queue.end()
    assert [(row.state, row.in_the_way) for row in queue.rows] == [(RowState.FAILED, True), (RowState.DONE, False)]
    assert (out / photos[0].name).read_bytes() == before
    for event in Run(queue.start(out, queue.in_state(RowState.FAILED), replace=True)).start().end():
        queue.handle(event)
    assert not queue.in_state(RowState.FAILED) and (out / photos[0].name).read_bytes() != before


def test_an_invalid_part_does_not_end_the_others(tmp_path: Path, photos: list[Path], settings: Settings) -> None:
    queue = BatchQueue()
    queue.add(photos[0], settings)
    queue.add(photos[1], dataclasses.replace(settings, batch=BatchOptions()), root=tmp_path / "in")
    parts = queue.start(tmp_path / "in", queue.rows)  # the photos' own folder
    events = Run(parts).start().end()
    failures = [each for each in events if isinstance(each, FileFailed)]
    assert failures and all(isinstance(each.error, UnsafeOutput) for each in failures)
    for each in events:
        queue.handle(each)
    assert {row.state for row in queue.rows} == {RowState.FAILED}
    assert imageio.read(photos[0]).width == 240


def test_a_missing_model_ends_the_batch_with_its_error(
    tmp_path: Path, photos: list[Path], settings: Settings
) -> None:
    wrong = dataclasses.replace(settings, denoise=DenoiseOptions(model=str(tmp_path / "none.safetensors")))
    queue, parts = _queued(photos, tmp_path / "out", wrong)
    events = Run(parts).start().end()
    for each in events:
        queue.handle(each)
    assert {row.state for row in queue.rows} == {RowState.FAILED}
    assert "none.safetensors" in queue.in_state(RowState.FAILED)[0].problem
