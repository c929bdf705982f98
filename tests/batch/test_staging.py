"""Local copies of objects exist while they are needed, and no longer; those of killed processes are removed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from denoiser import storage
from denoiser.batch import staging
from denoiser.batch.layout import Job
from denoiser.batch.manifest import Stamp, stamp_of
from denoiser.errors import DenoiserError, ForeignOutput, OutputFull, UnreadableImage
from denoiser.storage import Url


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    yield tmp_path
    staging._FOLDER.remove()


@pytest.fixture
def job(tmp_path: Path) -> Job:
    source = Url(f"memory://{tmp_path.name}/in/a.png")
    storage.write_bytes(source, b"123")
    return Job(source, Url(f"memory://{tmp_path.name}/out/a.jpg"), 0.0, "a.jpg")


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*"))


def test_local_files_are_left_alone(tmp_path: Path) -> None:
    job = Job(tmp_path / "a.png", tmp_path / "b.png", 0.0)
    (tmp_path / "a.png").write_bytes(b"1")
    with staging.session():
        assert staging.local(job) is job and staging.fetch(job, None) == job.source
        staging.publish(job)
        staging.discard(job)
    assert names(tmp_path) == ["a.png"]


def test_a_source_is_copied_with_its_time_and_an_output_is_uploaded(job: Job, temporary: Path) -> None:
    with staging.session():
        stamp = stamp_of(job.source)
        copy = staging.fetch(job, stamp)
        assert copy.read_bytes() == b"123" and copy.suffix == ".png" and stamp_of(copy) == stamp
        target = staging.local(job).target
        assert target.suffix == ".jpg" and target.parent == copy.parent
        target.write_bytes(b"45")
        staging.publish(job)
        assert storage.read_bytes(Url(job.target)) == b"45"
        staging.discard(job)
        assert names(copy.parent) == ["lock"] and os.stat(copy.parent).st_mode & 0o077 == 0
    assert names(temporary) == []


def test_the_last_run_removes_the_copies(job: Job, temporary: Path) -> None:
    with staging.session():
        with staging.session():
            copy = staging.fetch(job, None)
        assert copy.exists()
    assert names(temporary) == []


def test_a_source_of_another_size_than_expected_is_an_error(job: Job) -> None:
    with staging.session(), pytest.raises(UnreadableImage, match="has 4 bytes, but 3 were downloaded"):
        staging.fetch(job, Stamp(4, 1))


def test_errors_name_the_url(job: Job) -> None:
    with staging.session():
        copies = staging.local(job)
        with pytest.raises(UnreadableImage) as failed, staging.naming(job):
            raise UnreadableImage(f"{copies.source}: is truncated, and {copies.target} is not written.")
        assert failed.value.message == str(failed.value)
        assert failed.value.message == f"{job.source}: is truncated, and {job.target} is not written."
        full = pytest.raises(OutputFull, match=r"denoise-staging-\w+: no space left for a copy of memory://")
        with full, staging.naming(job):
            raise OutputFull(f"{copies.target}: no space left to write it.")


def test_an_output_without_a_record_is_replaced_by_none_that_differs(job: Job) -> None:
    unrecorded = Job(job.source, job.target, 0.0, "a.jpg", again=staging.UNRECORDED)
    storage.write_bytes(Url(job.target), b"same")
    with staging.session():
        staging.local(unrecorded).target.write_bytes(b"same")
        staging.publish(unrecorded)
        staging.local(unrecorded).target.write_bytes(b"other")
        with pytest.raises(ForeignOutput, match="is not what this run makes"):
            staging.publish(unrecorded)
    assert storage.read_bytes(Url(job.target)) == b"same"


_KILLED = """
import os, sys, time
from pathlib import Path
from denoiser.batch import staging
from denoiser.batch.layout import Job
from denoiser.storage import Url
job = Job(Url(sys.argv[1]), Url(sys.argv[2]), 0.0)
staging.local(job).source.write_bytes(b"1")
print("ready", flush=True)
time.sleep(60)
"""


def test_copies_of_a_killed_process_are_removed_and_others_are_not(job: Job, temporary: Path) -> None:
    command = [sys.executable, "-c", _KILLED, str(job.source), str(job.target)]
    place = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=place) as child:
        assert child.stdout is not None and child.stdout.readline() == b"ready\n"
        with staging.session():
            pass
        assert len(names(temporary)) == 3 and not staging.left_behind([job])
        child.kill()
    other = Job(Url(f"{job.source}2"), job.target, 0.0)
    assert staging.left_behind([job, other]) == {job}
    with staging.session():
        pass
    assert names(temporary) == [] and not staging.left_behind([job])


def test_a_folder_that_was_removed_is_made_again(job: Job) -> None:
    with staging.session():
        folder = staging.fetch(job, None).parent
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
        assert staging.fetch(job, None).read_bytes() == b"123"


def test_an_error_of_another_kind_passes(job: Job) -> None:
    with staging.session(), pytest.raises(DenoiserError, match="as it is"), staging.naming(job):
        raise DenoiserError("as it is")
