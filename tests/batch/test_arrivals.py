"""What is at rest is given out once; what changes, hides or is on its way is not."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from denoiser.batch.arrivals import PATIENCE_SECONDS, Arrivals, Look
from denoiser.errors import UsageError


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


def names(look: Look) -> list[str]:
    return [find.below.as_posix() for find in look.at_rest]


def test_a_file_is_given_out_when_it_was_the_same_for_long_enough(arrivals: Arrivals, clock: _Clock) -> None:
    put(arrivals, "sub/deep/a.jpg")
    look = arrivals.look()
    assert (names(look), look.changing) == ([], 1)
    clock.now += 4.9
    assert names(arrivals.look()) == []
    clock.now += 0.2
    look = arrivals.look()
    assert (names(look), look.changing) == (["sub/deep/a.jpg"], 0)


def test_a_file_that_grows_waits_and_starts_anew(arrivals: Arrivals, clock: _Clock) -> None:
    for number in range(1, 4):
        path = put(arrivals, "a.jpg", b"x" * number)
        os.utime(path, ns=(0, 0))  # as a copy that keeps the times: the size alone tells
        assert names(arrivals.look()) == []
        clock.now += 6
    assert names(arrivals.look()) == ["a.jpg"]


def test_what_is_over_comes_again_only_when_it_changes_or_returns(arrivals: Arrivals, clock: _Clock) -> None:
    path = put(arrivals, "a.jpg")

    def rested() -> list[str]:
        arrivals.look()
        clock.now += 6
        return names(arrivals.look())

    assert rested() == ["a.jpg"] and rested() == ["a.jpg"]
    arrivals.over_with(path)
    assert rested() == []
    put(arrivals, "a.jpg", b"another")
    assert rested() == ["a.jpg"]
    arrivals.over_with(path)
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
    arrivals.look()
    clock.now += 6
    look = arrivals.look()
    assert (names(look), look.changing, len(look.inputs)) == (["b.jpg"], 0, 7)
    (arrivals.folder / ".a.jpg.Xy12Zq").rename(arrivals.folder / "a.jpg")
    arrivals.look()
    clock.now += 6
    assert names(arrivals.look()) == ["a.jpg", "b.jpg"]


def test_a_pipe_and_a_lost_link_are_told_and_not_waited_for(arrivals: Arrivals) -> None:
    os.mkfifo(arrivals.folder / "a.jpg")
    (arrivals.folder / "b.jpg").symlink_to("nowhere")
    assert {passed.path.name for passed in arrivals.look().passed} == {"a.jpg", "b.jpg"}


def test_without_recursion_the_folder_alone_is_looked_at(tmp_path: Path, clock: _Clock) -> None:
    arrivals = Arrivals(tmp_path, tmp_path / "out", 1.0, recursive=False, clock=clock)
    put(arrivals, "a.jpg")
    put(arrivals, "sub/b.jpg")
    arrivals.look()
    clock.now += 2
    assert names(arrivals.look()) == ["a.jpg"]


def test_a_folder_that_is_gone_is_an_error_and_all_in_it_is_forgotten_when_it_is_empty(
    arrivals: Arrivals, clock: _Clock, tmp_path: Path
) -> None:
    put(arrivals, "a.jpg")
    arrivals.look()
    arrivals.folder.rename(tmp_path / "unmounted")
    with pytest.raises(UsageError, match="no such"):
        arrivals.look()
    arrivals.folder.mkdir()
    assert arrivals.look().changing == 0
    assert arrivals._over == {} and arrivals._resting == {}


def test_what_cannot_be_read_may_still_come_for_a_minute(
    arrivals: Arrivals, clock: _Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(arrivals, "a.jpg")
    arrivals.look()
    assert arrivals.may_still_come(path)
    assert arrivals.may_still_come(arrivals.folder / "gone.jpg")
    clock.now += PATIENCE_SECONDS
    assert not arrivals.may_still_come(path)
    clock.now -= PATIENCE_SECONDS
    later = time.time() + PATIENCE_SECONDS + 1  # as for a broken file that a run for cron finds, each time anew
    monkeypatch.setattr(time, "time", lambda: later)
    assert not arrivals.may_still_come(path)
