"""No output ever lands on an input, under whatever name, and obstacles are known beforehand."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from denoiser.batch import safety
from denoiser.batch.layout import Job
from denoiser.errors import UnsafeOutput, UnwritableImage, UsageError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "a.png"
    path.parent.mkdir()
    path.write_bytes(b"input")
    return path


def identity(path: Path) -> tuple[int, int]:
    return path.stat().st_dev, path.stat().st_ino


@pytest.mark.parametrize("kind", ["itself", "link", "hard link", "linked folder", "dots"])
def test_an_output_that_is_an_input_is_refused(source: Path, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "out"
    target = out / "a.png"
    if kind == "itself":
        target = source
    elif kind == "dots":
        target = source.parent / ".." / "in" / "a.png"
    elif kind == "linked folder":
        os.symlink(source.parent, out)
    else:
        out.mkdir()
        (os.symlink if kind == "link" else os.link)(source, target)
    with pytest.raises(UnsafeOutput, match="is an input, or a link"):
        safety.sort_out_blocked([Job(source, target, 1.0)], {identity(source)})
    assert source.read_bytes() == b"input"


def test_targets_are_sorted_by_what_is_there(source: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "folder.png").mkdir(parents=True)
    (out / "file").write_bytes(b"")
    (out / "there.png").write_bytes(b"")
    os.symlink("nowhere", out / "dead.png")
    names = ["free.png", "new/free.png", "there.png", "dead.png", "folder.png", "file/a.png", "file/deep/a.png"]
    jobs = [Job(source, out / name, 1.0) for name in names]
    free, blocked = safety.sort_out_blocked(jobs, {identity(source)})
    assert [job.target.relative_to(out).as_posix() for job in free] == names[:4]
    assert [(job.target.relative_to(out).as_posix(), type(e)) for job, e in blocked] == [
        ("folder.png", UnwritableImage),
        ("file/a.png", UnwritableImage),
        ("file/deep/a.png", UnwritableImage),
    ]


def test_the_input_folder_as_output_is_refused_under_every_name(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    os.symlink(tmp_path / "in", tmp_path / "link")
    for out in (tmp_path / "in", tmp_path / "link", tmp_path / "in" / "..", tmp_path / "link" / "."):
        folders = [tmp_path if out.name == ".." else tmp_path / "in"]
        with pytest.raises(UnsafeOutput):
            safety.refuse_input_folder(out, folders)
    safety.refuse_input_folder(tmp_path / "in" / "clean", [tmp_path / "in"])


def test_a_file_where_the_output_folder_should_be(source: Path) -> None:
    with pytest.raises(UsageError, match="is a file"):
        safety.refuse_no_folder(source)


def test_case_is_told_apart_as_the_file_system_does(tmp_path: Path) -> None:
    (tmp_path / "probe").mkdir()
    expected = not (tmp_path / "PROBE").exists()
    assert safety.tells_case_apart(tmp_path / "probe" / "not" / "there") is expected
