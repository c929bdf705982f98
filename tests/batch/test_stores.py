"""Runs whose images are objects of a store keep the promises of runs on a disk."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from denoiser import denoise_folder, storage
from denoiser.batch import Settings, carry_out, object_records, plan_folder, staging
from denoiser.batch.manifest import FOLDER
from denoiser.errors import (
    ForeignOutput,
    NothingToDo,
    OtherOptions,
    OutputFull,
    StoreUnavailable,
    UnreadableImage,
    UnsafeOutput,
    UsageError,
)
from denoiser.events import CancelToken, Event, FileDone, FileFailed
from denoiser.options import BatchOptions, DecodeOptions, DenoiseOptions, EncodeOptions, WriteOptions
from denoiser.storage import Url

Maker = Callable[..., Path]
NAMES = ("a.png", "sub/b.jpg", "sub/c d?[1].png")


@pytest.fixture
def options(tiny_weights: Path) -> DenoiseOptions:
    return DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32")


@pytest.fixture
def imgs(tmp_path: Path, make_picture: Maker, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of images, the current folder beside it, and temporary files of this test alone."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    for name in NAMES:
        make_picture(Path("in") / name)
    return Path("in")


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Url]:
    yield Url(f"memory://{tmp_path.name}")
    storage._opened(Url("memory://all"))[0].store.clear()


@pytest.fixture
def store(memory: Url, imgs: Path) -> Url:
    """A store that has the images below /in, and a file of another kind."""
    fill(memory, imgs)
    storage.write_bytes(Url(memory / "in" / "notes.txt"), b"no image")
    return memory


@pytest.fixture(params=["bucket", "store"])
def any_store(request: pytest.FixtureRequest, imgs: Path) -> Any:
    """The same on a server of S3, and in this process."""
    url = request.getfixturevalue(request.param)
    fill(url, imgs)
    return url


def fill(url: Url, folder: Path) -> None:
    for path in folder.rglob("*.*"):
        storage.publish(path, Url(url / "in" / path.relative_to(folder).as_posix()))


def contents(place: Path) -> dict[str, bytes]:
    """The outputs by name, without records."""
    if isinstance(place, Url):
        found = [info.name for info in storage.listed(place)]
        return {name: storage.read_bytes(Url(place / name)) for name in found if FOLDER not in name}
    files = [path for path in place.rglob("*.*") if path.is_file() and FOLDER not in path.parts]
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in files}


def records(url: Url) -> list[dict[str, Any]]:
    lines = [storage.read_bytes(Url(url / info.name)) for info in storage.listed(url) if FOLDER in info.name]
    return [json.loads(line) for part in lines for line in part.splitlines()]


def nothing_is_staged() -> bool:
    return not os.listdir("temporary")


def test_outputs_are_those_of_a_run_on_a_disk(any_store: Url, options: DenoiseOptions) -> None:
    assert denoise_folder("in", "out", options).done == 3
    events: list[Event] = []
    report = denoise_folder(str(any_store / "in"), str(any_store / "out"), options, listener=events.append)
    assert (report.done, report.failures, report.exit_code) == (3, (), 0)
    assert denoise_folder("in", any_store / "up", options).done == 3
    assert denoise_folder(any_store / "in", "down", options).done == 3
    assert (
        contents(Path("out")) == contents(any_store / "out") == contents(any_store / "up") == contents(Path("down"))
    )
    assert sorted(contents(any_store / "out")) == sorted(NAMES) and nothing_is_staged()
    done = {(str(event.source), str(event.target)) for event in events if isinstance(event, FileDone)}
    assert done == {(f"{any_store}/in/{name}", f"{any_store}/out/{name}") for name in NAMES}


@pytest.mark.parametrize("places", [("s3", "s3"), ("disk", "s3"), ("s3", "disk")])
def test_a_second_run_has_nothing_to_do_and_asks_for_no_object(
    bucket: Url, imgs: Path, options: DenoiseOptions, places: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(bucket, imgs)
    source = bucket / "in" if places[0] == "s3" else imgs
    target = bucket / "out" if places[1] == "s3" else Path("out")
    assert denoise_folder(source, target, options).done == 3
    asked: list[str] = []
    system = storage._opened(bucket)[0]
    call = system._call_s3

    def note(method: str, *words: Any, **more: Any) -> Any:
        asked.append(method)
        return call(method, *words, **more)

    monkeypatch.setattr(system, "_call_s3", note)
    monkeypatch.setattr(
        system,
        "call_s3",
        lambda method, **more: asked.append(method) or type(system).call_s3(system, method, **more),
    )
    report = denoise_folder(source, target, options)
    assert (report.already_there, report.done, report.exit_code) == (3, 0, 0)
    assert "put_object" not in asked
    of_records = int(places[1] == "s3")  # one object
    assert asked.count("get_object") == of_records and asked.count("head_object") <= of_records


def test_what_has_changed_is_made_again(any_store: Url, make_picture: Maker, options: DenoiseOptions) -> None:
    denoise_folder(any_store / "in", any_store / "out", options)
    storage.publish(make_picture(Path("other") / "x.png", side=30), Url(any_store / "in" / "a.png"))
    storage._opened(any_store)[0].rm_file(storage._opened(Url(any_store / "out" / "sub" / "b.jpg"))[1])
    plan = plan_folder(any_store / "in", any_store / "out", Settings(options))
    assert {job.name: job.again for job in plan.jobs} == {
        "a.png": "the source has changed",
        "sub/b.jpg": "the output is missing",
    }
    assert carry_out(plan, Settings(options)).done == 2
    assert denoise_folder(any_store / "in", any_store / "out", options).already_there == 3


def test_other_options_are_refused_and_overwrite_replaces(store: Url, options: DenoiseOptions) -> None:
    denoise_folder(store / "in", store / "out", options)
    other = dataclasses.replace(options, strength=0.5)
    with pytest.raises(OtherOptions, match="other options"):
        denoise_folder(store / "in", store / "out", other)
    before = contents(store / "out")
    assert denoise_folder(store / "in", store / "out", other, batch=BatchOptions(overwrite=True)).done == 3
    assert contents(store / "out") != before
    assert denoise_folder(store / "in", store / "out", other).already_there == 3


def test_objects_of_unknown_origin_are_kept(store: Url, options: DenoiseOptions) -> None:
    storage.write_bytes(Url(store / "out" / "a.png"), b"a photo of someone")
    report = denoise_folder(store / "in", store / "out", options)
    assert report.done == 2 and [type(one.error) for one in report.failures] == [ForeignOutput]
    assert contents(store / "out")["a.png"] == b"a photo of someone"


def test_inputs_are_never_overwritten(store: Url, options: DenoiseOptions) -> None:
    for target in (store / "in", f"{store}/in/"):
        with pytest.raises(UnsafeOutput):
            denoise_folder(store / "in", target, options)
    with pytest.raises(UnsafeOutput):
        denoise_folder(store / "in" / "a.png", store / "in" / "a.png", options)


def test_outputs_inside_the_source_and_the_reverse(store: Url, options: DenoiseOptions) -> None:
    assert denoise_folder(store / "in", store / "in" / "clean", options).done == 3
    assert denoise_folder(store / "in", store / "in" / "clean", options).already_there == 3
    assert denoise_folder(store / "in", store, options).done == 6  # beside the sources, and clean/… once more
    report = denoise_folder(store / "in", store, options)
    assert (report.already_there, report.done) == (6, 0)


def test_a_corrupt_object_is_one_failure_with_its_url(any_store: Url, options: DenoiseOptions) -> None:
    storage.write_bytes(Url(any_store / "in" / "bad.png"), contents(any_store / "in")["a.png"][:60])
    staged: list[bytes] = []

    def listener(event: Event) -> None:
        if isinstance(event, FileFailed):
            staged.extend(path.read_bytes() for path in Path("temporary").rglob("*-source*"))

    report = denoise_folder(any_store / "in", any_store / "out", options, listener=listener)
    assert report.done == 3 and len(report.failures) == 1
    assert contents(any_store / "in")["bad.png"] not in staged  # copies of files that fail do not pile up
    message = report.failures[0].error.message
    assert message.startswith(f"{any_store}/in/bad.png") and "temporary" not in message and nothing_is_staged()
    assert [line["message"] for line in records(any_store / "out") if line["state"] == "failed"] == [message]


def test_a_file_that_is_not_what_its_name_says_is_not_written(memory: Url, imgs: Path, options) -> None:
    storage.publish(imgs / "a.png", Url(memory / "in" / "x.jpg"))
    report = denoise_folder(memory / "in", memory / "out", options)
    assert report.failures[0].error.message.endswith("would be written as PNG, but its name suggests JPEG.")
    assert denoise_folder(memory / "in", memory / "out", options, write=WriteOptions(format="png")).done == 1


def test_keys_that_are_no_paths_and_junk_are_left_out(bucket: Url, imgs: Path, options: DenoiseOptions) -> None:
    fill(bucket, imgs)
    system = storage._opened(bucket)[0]
    for key in ("in//x.png", "in/../y.png", "in/._a.png", "in/.denoise/z.png", "in/empty/"):
        system.call_s3("put_object", Bucket=bucket.name, Key=key, Body=b"1")
    plan = plan_folder(bucket / "in", bucket / "out", Settings(options))
    assert sorted(job.name for job in plan.jobs) == sorted(NAMES)
    assert all("cannot be the name of a file" in one.reason for one in plan.skipped) and len(plan.skipped) == 2
    flat = plan_folder(bucket / "in", bucket / "out", Settings(options, batch=BatchOptions(recursive=False)))
    assert [job.name for job in flat.jobs] == ["a.png"]


def test_single_objects_and_lists(any_store: Url, options: DenoiseOptions) -> None:
    assert denoise_folder(any_store / "in" / "a.png", any_store / "one.jpg", options).done == 1
    again = denoise_folder(any_store / "in" / "a.png", any_store / "one.jpg", options)
    assert [type(one.error) for one in again.failures] == [ForeignOutput]  # a single file has no records
    assert denoise_folder(any_store / "in" / "a.png", "one.png", options).done == 1
    names = [any_store / "in" / "a.png", any_store / "in" / "none.png"]
    report = denoise_folder([], any_store / "out", options, listed=names)
    assert report.done == 1 and "none.png: no such file" in report.failures[0].error.message
    assert list(contents(any_store / "out")) in (["in/a.png"], [f"{any_store.name}/in/a.png"])


def test_nothing_there(store: Url, options: DenoiseOptions) -> None:
    with pytest.raises(UsageError, match=r"no such object or folder"):
        denoise_folder(store / "none", store / "out", options)
    with pytest.raises(UsageError, match=r"no such object or folder"):
        denoise_folder(store / "none.png", store / "out", options)
    storage.write_bytes(Url(store / "texts" / "a.txt"), b"1")
    with pytest.raises(NothingToDo, match="1 file of other kinds"):
        denoise_folder(store / "texts", store / "out", options)


def test_series_is_refused_by_name(memory: Url, imgs: Path) -> None:
    with pytest.raises(UsageError, match="--series does not work with URLs"):
        plan_folder(imgs, memory / "out", Settings(batch=BatchOptions(series=True)))


def test_shards_share_the_images(store: Url, options: DenoiseOptions) -> None:
    reports = [
        denoise_folder(store / "in", store / "out", options, batch=BatchOptions(shard=f"{part}/2"))
        for part in (1, 2)
    ]
    assert sum(report.done for report in reports) == 3 and sorted(contents(store / "out")) == sorted(NAMES)


def test_verify_reads_objects_again(store: Url, options: DenoiseOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    denoise_folder(store / "in", store / "out", options)
    verify = BatchOptions(verify=True)
    assert denoise_folder(store / "in", store / "out", options, batch=verify).already_there == 3
    listed = storage.listed

    def as_before(folder: Url, **more: Any) -> Iterator[storage.ObjectInfo]:
        return (times.get(info.name, info) if folder.name == "out" else info for info in listed(folder, **more))

    times = {info.name: info for info in listed(Url(store / "out"))}
    data = bytearray(contents(store / "out")["a.png"])
    data[-20] ^= 1
    storage.write_bytes(Url(store / "out" / "a.png"), bytes(data))  # same size; and the same time by the listing
    monkeypatch.setattr(storage, "listed", as_before)
    assert plan_folder(store / "in", store / "out", Settings(options)).jobs == ()
    plan = plan_folder(store / "in", store / "out", Settings(options, batch=verify))
    assert {job.name: job.again for job in plan.jobs} | {job.name: str(error) for job, error in plan.blocked} == {
        "a.png": "the output was modified"
    }


def test_the_report_has_urls_and_may_be_an_object(store: Url, options: DenoiseOptions) -> None:
    batch = BatchOptions(report=f"{store}/report.json")
    denoise_folder(store / "in", store / "out", options, batch=batch)
    rows = json.loads(storage.read_bytes(Url(store / "report.json")))
    assert {row["target"] for row in rows} == {f"{store}/out/{name}" for name in NAMES}
    denoise_folder(store / "in", store / "out", options, batch=batch)
    rows = json.loads(storage.read_bytes(Url(store / "report.json")))
    assert {row["status"] for row in rows} == {"done already"} and all(row["model"] for row in rows)


def test_latent_files(store: Url) -> None:
    for source, target, settings in (
        ("in", "latents", Settings(encode=EncodeOptions(lossless=True))),
        ("latents", "again", Settings(decode=DecodeOptions())),
    ):
        report = carry_out(plan_folder(store / source, store / target, settings), settings)
        assert (report.done, report.failures) == (3, ())
        assert plan_folder(store / source, store / target, settings).jobs == ()
    assert sorted(contents(store / "again")) == ["a.png", "sub/b.png", "sub/c d?[1].png"]


def test_times_of_objects_go_along_to_a_disk(memory: Url, imgs: Path, options: DenoiseOptions) -> None:
    fill(memory, imgs)
    denoise_folder(memory / "in", "down", options)
    info = storage.stat(Url(memory / "in" / "a.png"))
    assert info is not None and Path("down/a.png").stat().st_mtime_ns == info.mtime_ns


def test_secrets_are_nowhere(bucket: Url, imgs: Path, options: DenoiseOptions) -> None:
    fill(bucket, imgs)
    storage.write_bytes(Url(bucket / "in" / "bad.png"), b"1")
    batch = BatchOptions(report=f"{bucket}/report.csv")
    report = denoise_folder(bucket / "in", bucket / "out", options, batch=batch)
    everything = storage.read_bytes(Url(bucket / "report.csv")).decode() + json.dumps(records(bucket / "out"))
    everything += "".join(one.error.message + one.error.hint for one in report.failures)
    assert "bad.png" in everything and "hush" not in everything and "AKIA" not in everything


def test_a_full_temporary_disk_stops_the_run_and_names_the_folder(
    memory: Url, imgs: Path, options: DenoiseOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(memory, imgs)

    def full(_url: Url, _path: Path, **_more: Any) -> None:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(storage, "fetch", full)
    report = denoise_folder(memory / "in", memory / "out", options)
    assert isinstance(report.stopped_by, OutputFull) and report.done == 0
    assert "temporary/denoise-staging-" in report.stopped_by.message and "TMPDIR" in report.stopped_by.hint
    assert nothing_is_staged()


def test_a_store_that_is_down_stops_the_run_and_the_next_one_goes_on(
    memory: Url, imgs: Path, options: DenoiseOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(memory, imgs)
    put = storage.publish

    def down(_path: Path, url: Url, **_more: Any) -> None:
        raise StoreUnavailable(f"{url}: cannot be written; the store does not answer.")

    monkeypatch.setattr(storage, "publish", down)
    report = denoise_folder(memory / "in", memory / "out", options)
    assert isinstance(report.stopped_by, StoreUnavailable) and report.done == 0 and report.exit_code == 1
    monkeypatch.setattr(storage, "publish", put)
    assert denoise_folder(memory / "in", memory / "out", options).done == 3 and nothing_is_staged()


def test_a_cancel_finishes_what_is_in_flight(memory: Url, imgs: Path, make_picture: Maker, options) -> None:
    for number in range(17):
        make_picture(imgs / f"{number}.png")
    fill(memory, imgs)
    cancel = CancelToken()

    def listener(event: Event) -> None:
        if isinstance(event, FileDone):
            cancel.cancel()

    report = denoise_folder(memory / "in", memory / "out", options, listener=listener, cancel=cancel)
    assert report.cancelled and report.exit_code == 130 and 1 <= report.done < 20 and nothing_is_staged()
    assert records(memory / "out")[-1]["state"] == "ended" and len(contents(memory / "out")) == report.done
    following = denoise_folder(memory / "in", memory / "out", options)
    assert (following.already_there, following.done) == (report.done, 20 - report.done)


def test_outputs_that_a_kill_left_without_a_record_are_recorded(
    any_store: Url, options: DenoiseOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    denoise_folder(any_store / "in", any_store / "out", options)
    (record,) = [info.name for info in storage.listed(Url(any_store / "out")) if FOLDER in info.name]
    lines = storage.read_bytes(Url(any_store / "out" / record)).splitlines(keepends=True)
    kept = [line for line in lines if json.loads(line)["state"] in ("run", "begun")]
    storage.write_bytes(Url(any_store / "out" / record), b"".join(kept[:1]))  # all but the first second is lost
    storage.write_bytes(Url(any_store / "out" / "a.png"), b"a photo of someone, put there meanwhile")
    puts: list[str] = []
    put = storage.publish
    monkeypatch.setattr(
        storage, "publish", lambda path, url, **more: puts.append(url.name) or put(path, url, **more)
    )
    plan = plan_folder(any_store / "in", any_store / "out", Settings(options))
    assert {job.again for job in plan.jobs} == {staging.UNRECORDED} and len(plan.jobs) == 3
    report = carry_out(plan, Settings(options))
    assert report.done == 2 and [type(one.error) for one in report.failures] == [ForeignOutput] and puts == []
    assert contents(any_store / "out")["a.png"].startswith(b"a photo of someone")
    assert denoise_folder(any_store / "in", any_store / "out", options).already_there == 2


def test_a_source_that_crashes_is_found_after_a_kill(
    memory: Url, bucket: Url, imgs: Path, options: DenoiseOptions, crashing_decoder: Callable[[bytes, str], None]
) -> None:
    fill(bucket, imgs)
    data = (imgs / "a.png").read_bytes()
    plan = plan_folder(bucket / "in", bucket / "out", Settings(options))
    job = next(job for job in plan.jobs if job.name == "a.png")
    left = Path("temporary") / "denoise-staging-of-a-killed-process"
    left.mkdir()
    (left / "lock").touch()
    (left / staging.local(job).source.name).write_bytes(data)
    crashing_decoder(data, "os.abort()")
    plan = plan_folder(bucket / "in", bucket / "out", Settings(options))
    assert [job.name for job in plan.jobs if job.suspect] == ["a.png"]
    report = carry_out(plan, Settings(options))
    assert report.done == 2 and "crashed an earlier run" in report.failures[0].error.message
    again = plan_folder(bucket / "in", bucket / "out", Settings(options))
    assert again.jobs == () and isinstance(again.blocked[0][1], UnreadableImage)
    assert not left.exists()


def test_many_records_become_several_objects(
    memory: Url, imgs: Path, options, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(memory, imgs)
    monkeypatch.setattr(object_records, "_BYTES_OF_AN_OBJECT", 600)
    monkeypatch.setattr(object_records, "_BETWEEN_UPLOADS", 0.001)
    denoise_folder(memory / "in", memory / "out", options)
    parts = [info.name for info in storage.listed(Url(memory / "out")) if FOLDER in info.name]
    assert len(parts) > 1 and len({part.rpartition("-")[0] for part in parts}) == 1
    assert denoise_folder(memory / "in", memory / "out", options).already_there == 3
