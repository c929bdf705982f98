"""The pipeline: every file is done or fails, memory is bounded, and nothing is left behind."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import denoiser
from denoiser import imageio
from denoiser.atomicfile import PREFIX
from denoiser.batch import Settings, make_plan, run_plan
from denoiser.batch.runner import FEWEST_WRITERS, WAITING_TO_BE_WRITTEN
from denoiser.engine.canvas import Cleaned
from denoiser.engine.session import Session
from denoiser.errors import DenoiserError, MissingModel, UnreadableImage, UnwritableImage
from denoiser.events import (
    CancelToken,
    Event,
    FileDone,
    FileFailed,
    FileSkipped,
    FileStarted,
    Started,
    TileDone,
)
from denoiser.image import Cicp, Image, from_numpy
from denoiser.imageio import read
from denoiser.options import BatchOptions, DenoiseOptions, WriteOptions

Maker = Callable[..., Path]


pytestmark = pytest.mark.usefixtures("nothing_is_left")


def names(events: list[Event], kind: type) -> list[str]:
    return [event.source.name for event in events if isinstance(event, kind)]


def test_every_file_is_what_the_engine_makes_of_it(tmp_path: Path, make_picture: Maker, session: Session) -> None:
    for number in range(7):
        make_picture(tmp_path / "in" / f"{number}.png", side=20 + number)
    events: list[Event] = []
    report = run_plan(make_plan(tmp_path / "in", tmp_path / "out"), lambda: session, listener=events.append)
    assert (report.done, report.failures, report.left, report.exit_code) == (7, (), 0, 0)
    for number in range(7):
        source, target = (tmp_path / folder / f"{number}.png" for folder in ("in", "out"))
        expected = session.clean(imageio.read(source)).image.pixels
        assert np.array_equal(imageio.read(target).pixels, expected)
    assert isinstance(events[0], Started) and events[0].files == 7
    assert sorted(names(events, FileDone)) == [f"{number}.png" for number in range(7)]
    assert names(events, FileStarted) == [f"{number}.png" for number in range(7)]
    assert sum(event.megapixels for event in events if isinstance(event, FileDone)) == pytest.approx(
        report.megapixels
    )


def test_one_broken_file_is_named_and_the_others_are_clean(
    tmp_path: Path, make_picture: Maker, session: Session, outputs
) -> None:
    for name in ("a.png", "c.png"):
        make_picture(tmp_path / "in" / name)
    (tmp_path / "in" / "b.png").write_bytes((tmp_path / "in" / "a.png").read_bytes()[:-40])
    events: list[Event] = []
    report = run_plan(make_plan(tmp_path / "in", tmp_path / "out"), lambda: session, listener=events.append)
    assert names(events, FileFailed) == ["b.png"]
    assert isinstance(report.failures[0].error, UnreadableImage)
    assert outputs(tmp_path / "out") == ["a.png", "c.png"]
    assert (report.done, report.exit_code) == (2, 1)


class _Stand:
    """What every cleaner says of itself."""

    model_name, model_digest, device, precision = "none", "0", "cpu", "fp32"

    def for_model(self, _name: str):
        return self


class _Trouble(_Stand):
    """A cleaner that fails on the second image as no cleaner should."""

    def __init__(self, session: Session, error: BaseException) -> None:
        self._session, self._error, self._calls = session, error, 0

    def clean(self, image, *, listener, cancel, **_words) -> Cleaned:
        self._calls += 1
        if self._calls == 2:
            raise self._error
        return self._session.clean(image, listener=listener, cancel=cancel)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ZeroDivisionError("division by zero"), "unexpected ZeroDivisionError: division by zero"),
        (MemoryError(), "out of memory"),
        (UnreadableImage("it says so itself"), "it says so itself"),
    ],
)
def test_whatever_a_file_does_to_the_engine_ends_that_file_only(
    tmp_path: Path, make_picture: Maker, session: Session, error: BaseException, words: str
) -> None:
    for name in ("a.png", "b.png", "c.png"):
        make_picture(tmp_path / "in" / name)
    report = run_plan(make_plan(tmp_path / "in", tmp_path / "out"), lambda: _Trouble(session, error))
    assert [failure.source.name for failure in report.failures] == ["b.png"]
    assert words in report.failures[0].error.message
    assert report.done == 2


def test_what_ends_python_ends_the_run(tmp_path: Path, make_picture: Maker, session: Session) -> None:
    for name in ("a.png", "b.png", "c.png", "d.png", "e.png"):
        make_picture(tmp_path / "in" / name)
    with pytest.raises(KeyboardInterrupt):
        run_plan(make_plan(tmp_path / "in", tmp_path / "out"), lambda: _Trouble(session, KeyboardInterrupt()))
    assert not (tmp_path / "out" / "c.png").exists()


def test_a_listener_that_fails_ends_the_run(tmp_path: Path, make_picture: Maker, session: Session) -> None:
    for name in ("a.png", "b.png", "c.png"):
        make_picture(tmp_path / "in" / name)

    def gone(event: Event) -> None:
        if isinstance(event, FileDone):
            raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run_plan(make_plan(tmp_path / "in", tmp_path / "out"), lambda: session, listener=gone)


def test_no_weights_end_the_run_before_anything_is_written(tmp_path: Path, make_picture: Maker) -> None:
    make_picture(tmp_path / "in" / "a.png")

    def missing() -> Session:
        raise MissingModel("no weights")

    with pytest.raises(MissingModel):
        run_plan(make_plan(tmp_path / "in", tmp_path / "out"), missing)
    assert not (tmp_path / "out").exists()


def test_nothing_to_do_opens_no_engine(tmp_path: Path, make_picture: Maker, session: Session, tiny_weights) -> None:
    make_picture(tmp_path / "in" / "a.png")
    settings = Settings(DenoiseOptions(model=str(tiny_weights), device="cpu"))
    run_plan(make_plan(tmp_path / "in", tmp_path / "out", settings), lambda: session, settings)

    def never() -> Session:
        raise AssertionError("the engine was opened")

    events: list[Event] = []
    plan = make_plan(tmp_path / "in", tmp_path / "out", settings)
    report = run_plan(plan, never, settings, listener=events.append)
    assert (report.already_there, report.exit_code) == (1, 0)
    assert [e.target for e in events if isinstance(e, FileSkipped)] == [tmp_path / "out" / "a.png"]


def test_a_cancel_between_tiles_keeps_what_is_finished(
    tmp_path: Path, make_picture: Maker, session: Session, outputs
) -> None:
    for name in ("a.png", "b.png", "c.png"):
        make_picture(tmp_path / "in" / name, side=24 if name == "a.png" else 600)
    token = CancelToken()
    tiles: list[TileDone] = []

    def stop_in_b(event: Event) -> None:
        if isinstance(event, TileDone) and event.total > 1:
            tiles.append(event)
            token.cancel()

    report = run_plan(
        make_plan(tmp_path / "in", tmp_path / "out"), lambda: session, listener=stop_in_b, cancel=token
    )
    assert [tile.done for tile in tiles] == [1]
    assert (report.cancelled, report.done, report.left, report.exit_code) == (True, 1, 2, 130)
    assert outputs(tmp_path / "out") == ["a.png"]


def test_a_cancel_after_the_last_file_is_no_interruption(
    tmp_path: Path, make_picture: Maker, session: Session
) -> None:
    make_picture(tmp_path / "in" / "a.png")
    token = CancelToken()

    def stop_when_done(event: Event) -> None:
        if isinstance(event, FileDone):
            token.cancel()

    report = run_plan(
        make_plan(tmp_path / "in", tmp_path / "out"), lambda: session, listener=stop_when_done, cancel=token
    )
    assert (report.cancelled, report.exit_code) == (False, 0)


@pytest.mark.parametrize("jobs", [1, 3])
def test_few_images_are_in_memory_at_a_time(
    tmp_path: Path, make_picture: Maker, session: Session, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    for number in range(12):
        make_picture(tmp_path / "in" / f"{number:02}.png")
    lock, alive, most = threading.Lock(), 0, 0
    read, write, slow = imageio.read, imageio.write, threading.Event()

    def counted_read(path, options):
        nonlocal alive, most
        with lock:
            alive += 1
            most = max(most, alive)
        return read(path, options)

    def slow_write(image, path, options):
        nonlocal alive
        slow.wait(0.05)  # the disk is the slowest part here: pictures pile up before it, as far as they may
        write(image, path, options)
        with lock:
            alive -= 1

    monkeypatch.setattr(imageio, "read", counted_read, raising=False)
    monkeypatch.setattr(imageio, "write", slow_write, raising=False)
    settings = Settings(batch=BatchOptions(jobs=jobs))
    report = run_plan(make_plan(tmp_path / "in", tmp_path / "out"), lambda: session, settings)
    assert report.done == 12
    writers = max(jobs, FEWEST_WRITERS)
    assert writers < most <= (jobs + 1) + (writers + WAITING_TO_BE_WRITTEN + 1)


def test_blocked_files_fail_without_loading_weights(tmp_path: Path, make_picture: Maker, session: Session) -> None:
    make_picture(tmp_path / "in" / "a.png")
    make_picture(tmp_path / "in" / "b.png")
    (tmp_path / "out" / "a.png").mkdir(parents=True)
    events: list[Event] = []
    report = run_plan(make_plan(tmp_path / "in", tmp_path / "out"), lambda: session, listener=events.append)
    assert names(events, FileFailed) == ["a.png"] and names(events, FileStarted) == ["b.png"]
    assert isinstance(report.failures[0].error, UnwritableImage)
    assert isinstance(events[0], Started) and events[0].files == 2


def test_colours_and_transparency_that_the_format_cannot_store_are_refused_before_cleaning(
    tmp_path: Path, session: Session
) -> None:
    (tmp_path / "in").mkdir()
    grey = from_numpy(np.full((16, 16, 4), 90, np.uint8))
    imageio.write(grey, tmp_path / "in" / "glass.png")
    imageio.write(Image(grey.pixels, cicp=Cicp(9, 16)), tmp_path / "in" / "pq.png")
    events: list[Event] = []
    settings = Settings(write=WriteOptions(format="jpeg"))
    plan = make_plan(tmp_path / "in", tmp_path / "out", settings)
    report = run_plan(plan, lambda: session, settings, listener=events.append)
    assert names(events, FileFailed) == ["glass.png", "pq.png"] and names(events, FileStarted) == []
    glass, pq = (failure.error.message for failure in report.failures)
    assert glass.endswith("out/glass.jpg cannot be written: JPEG does not support transparency.")
    assert pq.endswith("out/pq.jpg cannot be written: JPEG cannot store these colours (BT.2020 with PQ).")


def test_losses_of_the_format_are_reported(tmp_path: Path, session: Session) -> None:
    deep = from_numpy(np.full((16, 16, 3), 40_000, np.uint16))
    (tmp_path / "in").mkdir()
    imageio.write(deep, tmp_path / "in" / "deep.png")
    settings = Settings(write=WriteOptions(format="jpeg"))
    report = run_plan(make_plan(tmp_path / "in", tmp_path / "out", settings), lambda: session, settings)
    assert report.done == 1
    assert any("16 bits reduced to 8" in note for note, _ in report.notes)


def test_temporary_files_of_a_killed_run_are_removed(tmp_path: Path, make_picture: Maker, session: Session) -> None:
    make_picture(tmp_path / "in" / "sub" / "a.png")
    leftover = tmp_path / "out" / "sub" / f"{PREFIX}0-0.part"
    leftover.parent.mkdir(parents=True)
    leftover.write_bytes(b"half a picture")
    assert run_plan(make_plan(tmp_path / "in", tmp_path / "out"), lambda: session).done == 1
    assert not leftover.exists()


def test_what_failed_keeps_no_pixels_alive(tmp_path: Path, make_picture: Maker, session: Session) -> None:
    class Picky(_Stand):
        def clean(self, image, *, listener, cancel, **_words) -> Cleaned:
            kept.append(weakref.ref(image.pixels))
            raise ZeroDivisionError

    kept: list[weakref.ref] = []
    told: list[bool] = []
    make_picture(tmp_path / "in" / "a.png")

    def listen(event: Event) -> None:
        if isinstance(event, FileFailed):
            cause = event.error.__cause__
            told.append(cause is not None and cause.__traceback__ is not None)

    report = run_plan(make_plan(tmp_path / "in", tmp_path / "out"), Picky, listener=listen)
    gc.collect()
    assert told == [True]  # the listener could still show where it came from
    assert len(report.failures) == 1 and len(kept) == 1 and kept[0]() is None


def test_errors_of_files_are_ours(tmp_path: Path, make_picture: Maker, session: Session) -> None:
    source = make_picture(tmp_path / "in" / "a.png")
    plan = make_plan(tmp_path / "in", tmp_path / "out")
    source.unlink()
    (failure,) = run_plan(plan, lambda: session).failures
    assert isinstance(failure.error, DenoiserError) and "a.png" in failure.error.message


def test_a_folder_is_cleaned_and_a_second_call_finds_it_done(
    tmp_path: Path, make_picture: Callable[..., Path], tiny_weights: Path
) -> None:
    for name in ("a.png", "sub/b.tif"):
        make_picture(tmp_path / "in" / name)
    options = DenoiseOptions(model=str(tiny_weights), device="cpu")
    report = denoiser.denoise_folder(tmp_path / "in", str(tmp_path / "out"), options)
    assert (report.done, report.exit_code) == (2, 0)
    assert read(tmp_path / "out" / "sub" / "b.tif").pixels.shape == (24, 24, 3)
    assert denoiser.denoise_folder(tmp_path / "in", tmp_path / "out", options).already_there == 2


def test_flat_means_flat(tmp_path: Path, make_picture: Callable[..., Path], tiny_weights: Path) -> None:
    for name in ("a.png", "sub/b.png"):
        make_picture(tmp_path / "in" / name)
    options = DenoiseOptions(model=str(tiny_weights), device="cpu")
    flat = BatchOptions(recursive=False)
    assert denoiser.denoise_folder(tmp_path / "in", tmp_path / "out", options, batch=flat).done == 1
