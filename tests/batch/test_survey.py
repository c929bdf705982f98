"""Sources are found in stores as on disks, and their sizes and times come from the listings."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from denoiser import storage
from denoiser.batch import staging, survey
from denoiser.batch.discover import looks_like_image
from denoiser.batch.history import History, RecordsFile, SortedJobs
from denoiser.batch.layout import Job
from denoiser.batch.manifest import Stamp
from denoiser.batch.survey import Survey, settled
from denoiser.errors import Cancelled, ForeignOutput, OtherOptions, UsageError
from denoiser.events import CancelToken
from denoiser.storage import Url


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Url]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    url = Url(f"memory://{tmp_path.name}")
    for name in (
        "in/a.png",
        "in/sub/b.JPG",
        "in/clean/a.png",
        "in/notes.txt",
        "in/Thumbs.db",
        "in/._a.png",
        "in2/c.png",
    ):
        storage.write_bytes(Url(url / name), name.encode())
    yield url
    storage._opened(url)[0].store.clear()


def belows(found: survey.Discovery) -> list[str]:
    return sorted(find.below.as_posix() for find in found.finds)


def test_a_folder_is_searched_by_suffix_without_the_outputs(store: Url) -> None:
    look = Survey(looks_like_image, folder=store / "in" / "clean")
    found = look.look([store / "in"])
    assert belows(found) == ["a.png", "sub/b.JPG"] and found.others == 1 and found.folders == (store / "in",)
    assert belows(Survey(looks_like_image, recursive=False).look([store / "in"])) == ["a.png"]
    assert belows(Survey(looks_like_image).look([store / "in"])) == ["a.png", "clean/a.png", "sub/b.JPG"]


def test_disks_and_stores_together_each_file_once(store: Url, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "e.png").write_bytes(b"1")
    sources = [store / "in", tmp_path / "d", store / "in", store / "in2" / "c.png"]
    found = Survey(looks_like_image).look(sources, [store / "in" / "sub" / "b.JPG", store / "no.png"])
    assert belows(found) == ["a.png", "c.png", "clean/a.png", "e.png", "in/sub/b.JPG", "sub/b.JPG"]
    assert found.absent == (store / "no.png",) and found.folders == (tmp_path / "d", store / "in", store / "in")


def test_stamps_come_from_the_listings(store: Url, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Path] = []
    real = survey.stamp_of

    def note(path: Path) -> Stamp | None:
        asked.append(path)
        return real(path)

    monkeypatch.setattr(survey, "stamp_of", note)
    look = Survey(looks_like_image, folder=store / "in" / "clean")
    look.look([store / "in"])
    look.add_outputs()
    there = look.stamp_of(store / "in" / "clean" / "a.png")
    assert look.stamp_of(store / "in" / "a.png") == real(store / "in" / "a.png")
    assert there is not None and there.size == len("in/clean/a.png")
    assert look.stamp_of(store / "in" / "none.png") is None and look.stamp_of(store / "in" / "clean" / "z") is None
    assert asked == []
    assert look.stamp_of(store / "in2" / "c.png") is not None and asked == [store / "in2" / "c.png"]


def test_an_object_that_is_given_is_taken_whatever_its_suffix(store: Url) -> None:
    assert belows(Survey(looks_like_image).look([store / "in" / "notes.txt"])) == ["notes.txt"]
    with pytest.raises(UsageError, match="no such object or folder"):
        Survey(looks_like_image).look([store / "in" / "no.txt"])


def test_a_cancel_ends_the_listing(store: Url) -> None:
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        Survey(looks_like_image, cancel=cancel).look([store / "in"])


def test_foreign_objects_are_made_again_only_if_an_interrupted_run_may_have_written_them(store: Url) -> None:
    look = Survey(looks_like_image, folder=store / "in2")
    look.add_outputs()
    there = look.stamp_of(store / "in2" / "c.png")
    assert there is not None
    job = Job(store / "in" / "a.png", store / "in2" / "c.png", 0.0, "c.png")
    for started, interrupted, error, is_again in (
        (there.mtime_ns, True, ForeignOutput("x"), True),
        (there.mtime_ns + 3600 * 10**9, True, ForeignOutput("x"), False),  # it was there before the run
        (there.mtime_ns, False, ForeignOutput("x"), False),
        (there.mtime_ns, True, OtherOptions("x"), False),
    ):
        run = Path("run")
        history = History(files={run: RecordsFile(started=started)}, interrupted={run} if interrupted else set())
        jobs = settled(SortedJobs((), (), ((job, error),)), history, look)
        if is_again:
            assert jobs == SortedJobs((dataclasses.replace(job, again=staging.UNRECORDED),), (), ())
        else:
            assert jobs == SortedJobs((), (), ((job, error),))
    assert settled(jobs, history, None) is jobs


def test_names_below_are_paths_of_no_store(store: Url) -> None:
    found = Survey(looks_like_image).look([store / "in2"], [store / "in" / "a.png"])
    assert {type(find.below) for find in found.finds} == {PurePosixPath}
