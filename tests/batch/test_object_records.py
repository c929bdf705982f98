"""Records in a store: uploaded while they grow, never torn, and read back as those of files."""

from __future__ import annotations

import errno
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from denoiser import storage
from denoiser.batch import object_records
from denoiser.batch.manifest import FOLDER, Made, Manifest, SourceFile, Stamp
from denoiser.batch.object_records import ObjectManifest, history_of, read_objects, records_for
from denoiser.batch.settings import Settings
from denoiser.errors import StoreUnavailable
from denoiser.storage import Url

SOURCE_STAMP = Stamp(10, 20)


@pytest.fixture
def out(tmp_path: Path) -> Iterator[Url]:
    before = set(threading.enumerate())
    yield Url(f"memory://{tmp_path.name}/out")
    assert not [one for one in threading.enumerate() if one not in before and one.name == "denoise-records"]


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_records, "_BETWEEN_UPLOADS", 0.01)


def source_of(out: Url, name: str = "a.png") -> SourceFile:
    return SourceFile(out.parent / "in" / name, SOURCE_STAMP, "s")


def made() -> Made:
    return Made(Stamp(30, 40), "d", 1.5, {"seconds": 1.0})


def parts(out: Url) -> list[str]:
    return sorted(info.name for info in storage.listed(Url(out / FOLDER)))


def test_records_are_those_of_the_place_of_the_outputs(out: Url, tmp_path: Path) -> None:
    assert isinstance(records_for(out, Settings()), ObjectManifest)
    assert type(records_for(tmp_path, Settings())) is Manifest
    assert history_of(tmp_path).runs == [] and history_of(out).runs == []


def test_a_life_of_an_output(out: Url) -> None:
    manifest = records_for(out, Settings())
    assert not manifest.is_open and parts(out) == []
    manifest.start("weights", {"model": "m"})
    assert manifest.is_open and len(parts(out)) == 1  # at once, so that a store that refuses it stops the run
    manifest.begun(out / "a.png", source_of(out))
    manifest.done(out / "a.png", source_of(out), made())
    manifest.begun(out / "b.png", source_of(out, "b.png"))
    manifest.close({"done": 1})
    assert not manifest.is_open
    history = read_objects(out)
    past = history.of("a.png")
    assert past is not None and past.state == "done" and past.made == Stamp(30, 40) and past.done is not None
    assert past.source_stamp == SOURCE_STAMP and past.done["source"] == "../in/a.png" and past.done["sha256"] == "d"
    assert history.by_source == {"../in/a.png": "a.png"} and history.runs[0]["digest"] == "weights"
    assert not history.interrupted and not history.is_dangerous("b.png")  # the run has ended
    slim = read_objects(out, slim=True).of("a.png")
    assert slim is not None and slim.done is not None and "sha256" not in slim.done and slim.made == past.made


def test_lines_are_uploaded_while_the_run_goes_on_and_a_kill_leaves_suspects(out: Url, often: None) -> None:
    manifest = records_for(out, Settings())
    manifest.start("weights", {})
    manifest.begun(out / "a.png", source_of(out))
    end = time.monotonic() + 10
    while read_objects(out).of("a.png") is None and time.monotonic() < end:
        time.sleep(0.01)
    history = read_objects(out)  # as if the run were killed now
    assert history.is_dangerous("a.png") and len(history.interrupted) == 1
    manifest.close({})


def test_many_threads_write_whole_lines_into_several_objects(
    out: Url, often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(object_records, "_BYTES_OF_AN_OBJECT", 5000)
    manifest = records_for(out, Settings())
    manifest.start("weights", {})

    def write(thread: int) -> None:
        for number in range(50):
            manifest.begun(out / f"{thread}-{number}.png", source_of(out, f"{thread}-{number}.png"))
            time.sleep(0.001)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    manifest.close({})
    lines = [line for part in parts(out) for line in storage.read_bytes(Url(out / FOLDER / part)).splitlines()]
    assert len(parts(out)) > 2 and len(read_objects(out).pasts) == 200
    assert [json.loads(line)["state"] for line in lines] == ["run", *["begun"] * 200, "ended"]


def test_a_busy_store_loses_no_line(out: Url, often: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_FIRST_PAUSE", 0.01)
    system = storage._opened(out)[0]
    write, refused = system.pipe_file, []

    def busy_for_a_while(key: str, data: bytes, **more: object) -> None:
        if len(refused) < 4 and b"begun" in data:
            refused.append(key)
            raise OSError(errno.EBUSY, "SlowDown")
        write(key, data, **more)

    monkeypatch.setattr(system, "pipe_file", busy_for_a_while)
    manifest = records_for(out, Settings())
    manifest.start("weights", {})
    for number in range(20):
        manifest.begun(out / f"{number}.png", source_of(out))
        time.sleep(0.005)
    manifest.close({})
    assert len(read_objects(out).pasts) == 20 and len(refused) == 4


def test_a_store_that_is_gone_fails_the_next_record_and_the_end(
    out: Url, often: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = records_for(out, Settings())
    manifest.start("weights", {})

    def gone(url: Url, _data: bytes, **_more: object) -> None:
        raise StoreUnavailable(f"{url}: the store does not answer.")

    monkeypatch.setattr(storage, "write_bytes", gone)
    manifest.begun(out / "a.png", source_of(out))
    end = time.monotonic() + 10
    while manifest._error is None and time.monotonic() < end:
        time.sleep(0.01)
    with pytest.raises(StoreUnavailable):
        manifest.begun(out / "b.png", source_of(out))
    with pytest.raises(StoreUnavailable):
        manifest.close({})
    assert not manifest.is_open


def test_corrupt_lines_and_other_versions_are_ignored(out: Url) -> None:
    folder = out / FOLDER
    storage.write_bytes(Url(folder / "run-a-0000.jsonl"), b'{"state":"run","v":1,"at":1}\n{"state"\n[1]\n\xff\n')
    storage.write_bytes(Url(folder / "run-b-0000.jsonl"), b'{"state":"run","v":9,"at":1}\n')
    storage.write_bytes(Url(folder / "other.txt"), b"1")
    assert len(read_objects(out).runs) == 1
