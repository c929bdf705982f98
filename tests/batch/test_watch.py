"""Watched folders: each new image is cleaned once, and no file ends the watch."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from denoiser.batch import Report, Settings, steps, watch_folder
from denoiser.batch.manifest import lines_from, locked_if_free
from denoiser.batch.watch import FULL_DISK_SECONDS, LOCK, PATIENCE_SECONDS, Arrivals, FolderScan
from denoiser.errors import (
    ForeignOutput,
    MissingModel,
    OutputFull,
    Refused,
    UnreadableImage,
    UnsafeOutput,
    UsageError,
)
from denoiser.events import CancelToken, Event, FileDone, FileFailed, FileSkipped, Started
from denoiser.options import BatchOptions, DenoiseOptions, WatchOptions

Maker = Callable[..., Path]


pytestmark = pytest.mark.usefixtures("nothing_is_left")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    return tmp_path


class _Watching:
    """Watches `in` for `out`, look after look, and does something after each."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.events: list[Event] = []
        self.waits: list[float] = []

    def __call__(self, *after: Callable[[], object], once: bool = False, out: str = "out") -> Report:
        """*after* each two looks one of these; the last of them is followed by two more looks."""
        cancel, looks = CancelToken(), 0
        steps = list(after)

        def wait(seconds: float) -> bool:
            nonlocal looks
            self.waits.append(seconds)
            looks += 1
            if looks % 2 == 0:
                steps.pop(0)() if steps else cancel.cancel()
            return cancel.cancelled

        cancel.wait = wait  # type: ignore[method-assign] - time stands still between looks
        self.events.clear()
        options = WatchOptions(interval=0.1, once=once)
        return watch_folder("in", out, self.settings, options, listener=self.events.append, cancel=cancel)

    def names(self, kind: type) -> list[str]:
        return [event.source.as_posix() for event in self.events if isinstance(event, kind)]


@pytest.fixture
def watching(place: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> _Watching:
    ticks = iter(range(10**6))
    build = Arrivals.__init__

    def with_own_clock(self: Arrivals, *words: object, **named: object) -> None:
        build(self, *words, **named, clock=lambda: float(next(ticks)))  # type: ignore[arg-type]

    monkeypatch.setattr(Arrivals, "__init__", with_own_clock)
    return _Watching(Settings(DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32")))


def test_what_is_there_and_what_arrives_is_cleaned_once(watching, make_picture: Maker, outputs) -> None:
    make_picture(Path("in/a.png"))
    report = watching(
        lambda: make_picture(Path("in/new/folder/b.png")),
        lambda: None,
        lambda: make_picture(Path("in/c.jpg")),
        lambda: make_picture(Path("in/a.png"), side=30),
    )
    assert watching.names(FileDone) == ["in/a.png", "in/new/folder/b.png", "in/c.jpg", "in/a.png"]
    assert (report.done, report.failures, report.cancelled, report.exit_code) == (4, (), True, 130)
    assert outputs(Path("out")) == ["a.png", "c.jpg", "new/folder/b.png"]
    assert [event for event in watching.events if isinstance(event, Started)] == [Started(0, 0.0)]
    assert len(list(Path("out/.denoise").glob("run-*.jsonl"))) == 1
    (journalled,) = Path("out/.denoise").glob("run-*.jsonl")
    states = [line["state"] for _, line in lines_from(journalled)]
    assert states == ["run", *["begun", "done"] * 4, "ended"]


def test_a_restart_makes_nothing_twice_even_removed_outputs(watching, make_picture: Maker) -> None:
    for name in ("a.png", "b.png"):
        make_picture(Path("in", name))
    assert watching().done == 2
    Path("out/a.png").unlink()
    before = Path("out/b.png").stat().st_mtime_ns
    make_picture(Path("in/c.png"))
    report = watching()
    assert (watching.names(FileDone), report.already_there) == (["in/c.png"], 2)
    assert not Path("out/a.png").exists() and Path("out/b.png").stat().st_mtime_ns == before
    make_picture(Path("in/a.png"), side=30)
    assert watching().done == 1 and Path("out/a.png").exists()


def test_a_file_that_returns_is_not_made_again(watching, make_picture: Maker) -> None:
    source = make_picture(Path("in/a.png"))
    hidden = Path("a.png")

    def take_away() -> None:
        source.rename(hidden)
        Path("out/a.png").unlink()

    report = watching(take_away, lambda: hidden.rename(source), lambda: None)
    assert (report.done, report.already_there) == (1, 1)


def test_once_ends_after_two_scans_and_reports_failures(watching, make_picture: Maker) -> None:
    make_picture(Path("in/a.png"))
    make_picture(Path("out/b.png"))
    make_picture(Path("in/b.png"))
    report = watching(once=True)
    assert (report.done, report.cancelled, report.exit_code) == (1, False, 1)
    (failure,) = report.failures
    assert isinstance(failure.error, ForeignOutput)
    assert watching(once=True).exit_code == 5
    Path("in/a.png").unlink()
    Path("in/b.png").unlink()
    report = watching(once=True)
    assert (report.done, report.exit_code, watching.events) == (0, 0, [Started(0, 0.0)])


def test_a_truncated_file_is_cleaned_once_it_is_complete(watching, make_picture: Maker) -> None:
    whole = make_picture(Path("a.png"), side=40).read_bytes()
    Path("in/a.png").write_bytes(whole[:-100])
    Path("in/empty.png").touch()
    report = watching(lambda: None, lambda: Path("in/a.png").write_bytes(whole), lambda: None)
    assert watching.names(FileDone) == ["in/a.png"] and not report.failures
    assert not watching.names(FileFailed)


def test_a_broken_file_is_named_once_when_patience_ends(watching, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("denoiser.batch.watch.PATIENCE_SECONDS", 0.0)
    Path("in/a.png").write_bytes(b"no picture")
    report = watching(lambda: None, lambda: None)
    (failure,) = report.failures
    assert isinstance(failure.error, UnreadableImage) and watching.names(FileFailed) == ["in/a.png"]


def test_two_images_with_one_name_are_both_cleaned(watching, make_picture: Maker) -> None:
    make_picture(Path("in/a.png"))
    make_picture(Path("in/b.webp")).rename("in/b.jpg")  # a WebP by its bytes, and so b.webp
    watching(lambda: make_picture(Path("in/b.webp"), side=50), lambda: None)
    assert sorted(watching.names(FileDone)) == ["in/a.png", "in/b.jpg", "in/b.webp"]
    assert Path("out/b.webp").exists() and Path("out/b.webp.webp").exists()
    assert watching().exit_code == 130  # and after a restart they are done
    assert not watching.names(FileFailed) and not watching.names(FileDone)


def test_an_output_that_would_be_an_input_does_not_stop_the_others(watching, make_picture: Maker) -> None:
    for name in ("a.png", "b.png", "c.png"):
        make_picture(Path("in", name))
    Path("out").mkdir()
    Path("out/b.png").hardlink_to("in/b.png")
    watching(lambda: None)
    assert sorted(watching.names(FileDone)) == ["in/a.png", "in/c.png"]
    (failure,) = (event for event in watching.events if isinstance(event, FileFailed))
    assert isinstance(failure.error, UnsafeOutput) and failure.source == Path("in/b.png")


def test_an_output_inside_the_watched_folder_is_left_out(watching, make_picture: Maker) -> None:
    make_picture(Path("in/a.png"))
    assert watching(lambda: None, lambda: None, out="in/clean").done == 1


def test_no_output_ever_lands_on_an_input(watching, make_picture: Maker) -> None:
    source = make_picture(Path("in/a.png"))
    before = source.read_bytes()
    Path("out").mkdir()
    Path("out/a.png").hardlink_to(source)
    watching.settings = Settings(watching.settings.denoise, batch=BatchOptions(overwrite=True))
    watching()
    (failure,) = (event for event in watching.events if isinstance(event, FileFailed))
    assert isinstance(failure.error, UnsafeOutput) and source.read_bytes() == before


def test_invalid_folders_are_errors(watching, place: Path) -> None:
    with pytest.raises(UnsafeOutput):
        watching(out="in")
    with pytest.raises(UnsafeOutput, match="is inside the output folder"):
        watching(out=".")
    Path("in").rmdir()
    with pytest.raises(UsageError, match="no such folder"):
        watching()
    Path("in").mkdir()
    watching.settings = Settings(DenoiseOptions(model="nonesuch"))
    with pytest.raises(MissingModel):
        watching()


def test_one_watch_at_a_time_works_for_a_folder(watching) -> None:
    Path("out/.denoise").mkdir(parents=True)
    held = locked_if_free(Path("out/.denoise", LOCK))
    assert held is not None
    with pytest.raises(Refused, match="another `denoise watch` is writing"):
        watching()
    held.close()
    assert watching().done == 0


def test_a_missing_folder_is_reported_once(watching, make_picture: Maker, place: Path) -> None:
    make_picture(Path("in/a.png"))
    report = watching(
        lambda: Path("in").rename("unmounted"),
        lambda: None,
        lambda: (Path("unmounted").rename("in"), make_picture(Path("in/b.png"))),
        lambda: None,
    )
    assert watching.names(FileDone) == ["in/a.png", "in/b.png"] and report.failures == ()
    told = [event.reason for event in watching.events if isinstance(event, FileSkipped) and event.target is None]
    assert told == ["cannot be accessed now (in: no such file or folder.)"]


def test_a_full_disk_is_waited_for(watching, make_picture: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    make_picture(Path("in/a.png"))
    make_picture(Path("in/b.png"))
    write = steps.write

    def full(*_words: object, **_more: object) -> None:
        raise OutputFull("out: no space left.")

    monkeypatch.setattr(steps, "write", full)
    report = watching(lambda: monkeypatch.setattr(steps, "write", write), lambda: None)
    assert sorted(watching.names(FileDone)) == ["in/a.png", "in/b.png"]
    assert watching.names(FileFailed) and report.stopped_by is None
    assert max(watching.waits) == FULL_DISK_SECONDS and watching.waits[-1] < 1


class _Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def arrivals(tmp_path: Path, clock: _Clock) -> Arrivals:
    (tmp_path / "in").mkdir()
    return Arrivals(tmp_path / "in", tmp_path / "in" / "out", 5.0, clock=clock)


def put(arrivals: Arrivals, name: str, data: bytes = b"data") -> Path:
    path = arrivals.folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def names(look: FolderScan) -> list[str]:
    return [find.below.as_posix() for find in look.complete]


def test_a_file_is_given_out_when_it_was_the_same_for_long_enough(arrivals: Arrivals, clock: _Clock) -> None:
    put(arrivals, "sub/deep/a.jpg")
    look = arrivals.scan()
    assert (names(look), look.changing) == ([], 1)
    clock.now += 4.9
    assert names(arrivals.scan()) == []
    clock.now += 0.2
    look = arrivals.scan()
    assert (names(look), look.changing) == (["sub/deep/a.jpg"], 0)


def test_a_growing_file_is_not_complete(arrivals: Arrivals, clock: _Clock) -> None:
    for number in range(1, 4):
        path = put(arrivals, "a.jpg", b"x" * number)
        os.utime(path, ns=(0, 0))  # as a copy that keeps the times: the size alone tells
        assert names(arrivals.scan()) == []
        clock.now += 6
    assert names(arrivals.scan()) == ["a.jpg"]


def test_finished_files_return_only_after_a_change(arrivals: Arrivals, clock: _Clock) -> None:
    path = put(arrivals, "a.jpg")

    def rested() -> list[str]:
        arrivals.scan()
        clock.now += 6
        return names(arrivals.scan())

    assert rested() == ["a.jpg"] and rested() == ["a.jpg"]
    arrivals.finish(path)
    assert rested() == []
    put(arrivals, "a.jpg", b"another")
    assert rested() == ["a.jpg"]
    arrivals.finish(path)
    path.rename(path.with_suffix(".hidden"))
    assert rested() == []
    path.with_suffix(".hidden").rename(path)
    assert rested() == ["a.jpg"]


def test_temporary_names_the_output_folder_and_other_files_are_passed_over(
    arrivals: Arrivals, clock: _Clock
) -> None:
    for name in (
        ".a.jpg.Xy12Zq",  # rsync
        ".~tmp~/a.jpg",  # rsync --delay-updates
        ".rsync-partial/a.jpg",
        "~syncthing~a.jpg.tmp",
        "~$a.png",
        "@eaDir/a.jpg",
        ".a.jpg",
        "a.jpg.part",
        "a.jpg.crdownload",
        "notes.txt",
        "out/a.jpg",
        "sub/.trash/a.jpg",
    ):
        put(arrivals, name)
    put(arrivals, "b.jpg")
    arrivals.scan()
    clock.now += 6
    look = arrivals.scan()
    assert (names(look), look.changing, len(look.inputs)) == (["b.jpg"], 0, 7)
    (arrivals.folder / ".a.jpg.Xy12Zq").rename(arrivals.folder / "a.jpg")
    arrivals.scan()
    clock.now += 6
    assert names(arrivals.scan()) == ["a.jpg", "b.jpg"]


def test_files_without_a_suffix_are_recognised(arrivals: Arrivals, clock: _Clock, make_picture: Maker) -> None:
    make_picture(arrivals.folder / "a.png").rename(arrivals.folder / "IMG_1")
    put(arrivals, "README")
    arrivals.scan()
    clock.now += 6
    assert names(arrivals.scan()) == ["IMG_1"]


def test_pipes_and_broken_links_are_reported(arrivals: Arrivals) -> None:
    os.mkfifo(arrivals.folder / "a.jpg")
    (arrivals.folder / "b.jpg").symlink_to("nowhere")
    assert {passed.path.name for passed in arrivals.scan().skipped} == {"a.jpg", "b.jpg"}


def test_without_recursion_the_folder_alone_is_looked_at(tmp_path: Path, clock: _Clock) -> None:
    arrivals = Arrivals(tmp_path, tmp_path / "out", 1.0, recursive=False, clock=clock)
    put(arrivals, "a.jpg")
    put(arrivals, "sub/b.jpg")
    arrivals.scan()
    clock.now += 2
    assert names(arrivals.scan()) == ["a.jpg"]


def test_a_missing_folder_is_an_error_and_an_empty_one_resets(
    arrivals: Arrivals, clock: _Clock, tmp_path: Path
) -> None:
    put(arrivals, "a.jpg")
    arrivals.scan()
    arrivals.folder.rename(tmp_path / "unmounted")
    with pytest.raises(UsageError, match="no such"):
        arrivals.scan()
    arrivals.folder.mkdir()
    assert arrivals.scan().changing == 0
    assert arrivals._finished == {} and arrivals._unchanged == {}


def test_what_cannot_be_read_may_still_come_for_a_minute(
    arrivals: Arrivals, clock: _Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(arrivals, "a.jpg")
    arrivals.scan()
    assert arrivals.may_still_come(path)
    assert arrivals.may_still_come(arrivals.folder / "gone.jpg")
    clock.now += PATIENCE_SECONDS
    assert not arrivals.may_still_come(path)
    clock.now -= PATIENCE_SECONDS
    later = time.time() + PATIENCE_SECONDS + 1  # as for a broken file that a run for cron finds, each time anew
    monkeypatch.setattr(time, "time", lambda: later)
    assert not arrivals.may_still_come(path)
