"""Objects of stores: names, listings, whole uploads, attempts, and errors that say what is wrong and no secret."""

from __future__ import annotations

import datetime
import errno
import hashlib
import pickle
import sys
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from denoiser import storage
from denoiser.errors import MissingExtra, StoreUnavailable, UnreadableImage, UnwritableImage, UsageError
from denoiser.storage import ObjectInfo, Url, location


@pytest.fixture
def memory(tmp_path: Path) -> Url:
    """A folder of the store in this process, another for each test."""
    return Url(f"memory://{tmp_path.name}")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """No pauses between attempts; the list of those that there would be."""
    pauses: list[float] = []

    def note(seconds: float) -> bool:
        pauses.append(seconds)
        return False

    monkeypatch.setattr(storage, "_sleep", note)
    return pauses


def test_a_url_has_the_names_of_a_path() -> None:
    url = location("s3://bucket/in/a b?*.PNG")
    assert isinstance(url, Url) and str(url) == "s3://bucket/in/a b?*.PNG"
    assert (url.name, url.suffix, url.scheme) == ("a b?*.PNG", ".PNG", "s3")
    assert str(url.parent) == "s3://bucket/in" and str(url.parent.parent) == "s3://bucket"
    assert str(url.with_suffix(".jpg")) == "s3://bucket/in/a b?*.jpg"
    assert str(url.parent / PurePosixPath("b/c.png")) == "s3://bucket/in/b/c.png"
    below = url.relative_to(Url("s3://bucket"))
    assert below.as_posix() == "in/a b?*.PNG" and not isinstance(below, Url)
    assert Url("s3://bucket/x:/y").relative_to(Url("s3://bucket")).as_posix() == "x:/y"
    assert url == pickle.loads(pickle.dumps(url)) and len({url, Url(str(url))}) == 1
    assert url.as_posix() == str(url)


def test_functions_for_local_files_refuse_a_url() -> None:
    with pytest.raises(TypeError, match=r"s3://b/a\.png is not a local file"):
        location("s3://b/a.png").__fspath__()


@pytest.mark.parametrize("text", ["a.png", "./s3:/a", "C:/a", "C://a", "/abs", "in/s3://x"])
def test_a_local_name_stays_a_path(text: str) -> None:
    assert location(text) == Path(text) and not storage.is_url(text)


def test_a_file_url_is_a_path() -> None:
    assert location("file:///a%20b/c.png") == Path("/a b/c.png")


def test_a_trailing_slash_and_capitals_of_the_protocol_do_not_matter() -> None:
    assert location("S3://bucket/in/") == Url("s3://bucket/in")


@pytest.mark.parametrize("text", ["s3://", "s3://b//a", "s3://b/../a", "s3://b/./a", "http://h/a", "memory://"])
def test_what_is_no_usable_url_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        location(text)


@pytest.mark.parametrize(
    "text",
    [
        "s3://key:hush@bucket/a.png",
        "az://box/a.png?sv=1&sig=hush",
        "s3://bucket/a.png?X-Amz-Signature=hush",
        "gs://bucket/a.png?access_token=hush",
        "nope://user:hush@host/a",
    ],
)
def test_a_url_with_a_secret_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(UsageError, match="password or a signature") as refused:
        location(text)
    assert "hush" not in refused.value.message + refused.value.hint


@pytest.mark.parametrize("key", ["a//b.png", "../a", "a/..", "/a", "a/", "a\0", "a?versionId=1"])
def test_keys_that_are_no_paths(key: str) -> None:
    assert not storage.is_path(key) and storage.is_path("a b/ü?[1].png")


def test_objects_are_written_listed_and_read(bucket: Url, tmp_path: Path) -> None:
    storage.write_bytes(bucket / "in" / "a?b [1].png", b"12")
    (tmp_path / "b").write_bytes(b"345")
    storage.publish(tmp_path / "b", bucket / "in" / "sub" / "b.WEBP")
    storage._opened(bucket)[0].pipe_file(f"{bucket.name}/in/folder/", b"")  # the marker of an empty folder
    found = {info.name: info for info in storage.listed(bucket / "in")}
    assert sorted(found) == ["a?b [1].png", "sub/b.WEBP"] and found["sub/b.WEBP"].size == 3
    assert sorted(info.name for info in storage.listed(bucket)) == ["in/a?b [1].png", "in/sub/b.WEBP"]
    for name, info in found.items():
        told = storage.stat(bucket / "in" / name)
        assert told is not None and (told.size, told.mtime_ns) == (info.size, info.mtime_ns)
    assert storage.read_bytes(bucket / "in" / "a?b [1].png") == b"12"
    storage.fetch(bucket / "in" / "sub" / "b.WEBP", tmp_path / "c")
    assert (tmp_path / "c").read_bytes() == b"345"
    with storage.downloaded(bucket / "in" / "sub" / "b.WEBP") as copy:
        assert copy.read_bytes() == b"345" and copy.suffix == ".WEBP"
    assert not copy.exists()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.png", "image/png"), ("a.webp", "image/webp"), ("a.avif", "image/avif"), ("a.JPG", "image/jpeg")],
)
def test_objects_have_their_content_type(bucket: Url, tmp_path: Path, name: str, kind: str) -> None:
    (tmp_path / "local.tmp").write_bytes(b"x")
    storage.publish(tmp_path / "local.tmp", bucket / name)
    system, key = storage._opened(bucket / name)
    assert system.info(key)["ContentType"] == kind


def test_the_digest_of_an_object_is_that_of_its_content(bucket: Url, memory: Url) -> None:
    data = bytes(range(256)) * 50_000  # more than one block of a download
    for url in (bucket / "a.bin", memory / "a.bin"):
        storage.write_bytes(url, data)
        assert storage.sha256(url) == hashlib.sha256(data).hexdigest()
    with pytest.raises(UnreadableImage, match="no such object"):
        storage.sha256(bucket / "none.bin")


def test_a_listing_of_many_pages_is_complete(bucket: Url, monkeypatch: pytest.MonkeyPatch) -> None:
    names = {f"{number:02}.png" for number in range(25)}
    for name in names:
        storage.write_bytes(bucket / "in" / name, b"x")
    system = storage._opened(bucket)[0]
    call, pages = system.call_s3, []

    def small(*words: Any, **more: Any) -> Any:
        pages.append(more)
        return call(*words, MaxKeys=10, **more)

    monkeypatch.setattr(system, "call_s3", small)
    assert {info.name for info in storage.listed(bucket / "in")} == names and len(pages) == 3


def test_another_store_does_the_same(memory: Url, tmp_path: Path) -> None:
    assert list(storage.listed(memory / "in")) == []
    storage.write_bytes(memory / "in" / "a.png", b"1")
    (listed,) = storage.listed(memory / "in")
    assert storage.stat(memory / "in" / "a.png") == ObjectInfo("a.png", 1, listed.mtime_ns) == listed
    assert storage.stat(memory / "in") is None and storage.stat(memory / "b") is None


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"LastModified": datetime.datetime.fromtimestamp(5.75, datetime.UTC)}, 5_000_000_000),  # S3
        ({"updated": "1970-01-01T00:00:05.750Z", "mtime": 1}, 5_750_000_000),  # Google
        ({"last_modified": datetime.datetime.fromtimestamp(5.75, datetime.UTC)}, 5_750_000_000),  # Azure
        ({"mtime": 5.75}, 5_750_000_000),
        ({"updated": "yesterday"}, 0),
        ({}, 0),
    ],
)
def test_times_in_the_forms_of_the_stores(info: dict[str, Any], expected: int) -> None:
    assert storage._mtime_ns(info) == expected


def test_a_listing_of_an_object_is_empty(memory: Url, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.write_bytes(memory / "a.txt", b"1")
    assert list(storage.listed(memory / "a.txt")) == []
    monkeypatch.setattr(storage._opened(memory)[0], "find", lambda root, **_more: [root])  # as adlfs
    assert list(storage.listed(memory / "a.txt")) == []


def test_what_does_not_exist(bucket: Url, tmp_path: Path) -> None:
    nothing = Url("s3://no-such-bucket-here")
    with pytest.raises(UsageError, match=r"cannot be listed \(no such object or bucket\)"):
        list(storage.listed(nothing))
    with pytest.raises(UnwritableImage, match="no such object or bucket"):
        storage.write_bytes(nothing / "a.png", b"1")
    with pytest.raises(UnreadableImage, match=r"a\.png: cannot be read \(no such object or bucket\)"):
        storage.fetch(bucket / "a.png", tmp_path / "a")
    assert list(storage.listed(bucket / "none")) == [] and storage.stat(bucket / "none") is None


def test_without_credentials_it_says_so(bucket: Url, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    storage._system.cache_clear()
    with pytest.raises(UsageError, match="no valid credentials") as refused:
        list(storage.listed(bucket))
    assert "stores.md" in refused.value.hint


def test_a_busy_store_is_asked_again_with_longer_pauses(at_once: list[float], memory: Url) -> None:
    answers: list[BaseException | int] = [
        OSError(errno.EBUSY, "SlowDown"),
        ConnectionResetError(),
        TimeoutError(),
        7,
    ]

    def action() -> int:
        answer = answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    assert storage._call(memory, action, UnreadableImage, "cannot be read", None) == 7
    assert len(at_once) == 3 and 0.25 <= at_once[0] <= 0.5 and 1.0 <= at_once[2] <= 2.0


def test_a_store_that_never_answers_ends_the_attempts(memory: Url, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "PATIENCE", 0.1)

    def action() -> None:
        raise OSError(errno.EBUSY, "hush")

    with pytest.raises(StoreUnavailable, match=r"does not answer \(the store is busy\)") as end:
        storage._call(memory, action, UnreadableImage, "cannot be read", None)
    assert "hush" not in end.value.message and "finished files are kept" in end.value.hint


def test_a_stop_ends_the_attempts(memory: Url) -> None:
    tries: list[int] = []

    def action() -> None:
        tries.append(1)
        raise TimeoutError

    with pytest.raises(StoreUnavailable):
        storage._call(memory, action, UnreadableImage, "cannot be read", lambda _seconds: True)
    assert len(tries) == 1


class _HttpError(Exception):
    def __init__(self, code: int) -> None:
        super().__init__("hush")
        self.code = code


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (_HttpError(503), True),
        (_HttpError(429), True),
        (_HttpError(403), False),
        (_HttpError(404), False),
        (PermissionError("hush"), False),
        (FileNotFoundError("hush"), False),
        (OSError(errno.EINVAL, "hush"), False),
        (OSError(errno.EIO, "hush"), True),
        (KeyError("hush"), False),
    ],
)
def test_only_errors_that_may_pass_are_tried_again(at_once: list[float], memory: Url, error, passes: bool) -> None:
    failed: list[Exception] = []

    def action() -> int:
        if not failed:
            failed.append(error)
            raise error
        return 1

    if passes:
        assert storage._call(memory, action, UnreadableImage, "cannot be read", None) == 1
    else:
        with pytest.raises(UnreadableImage) as refused:
            storage._call(memory, action, UnreadableImage, "cannot be read", None)
        assert "hush" not in refused.value.message and not at_once


def test_a_full_disk_is_left_to_the_caller(memory: Url) -> None:
    def action() -> None:
        raise OSError(errno.ENOSPC, "full")

    with pytest.raises(OSError, match="full"):
        storage._call(memory, action, UnreadableImage, "cannot be read", None)


@pytest.mark.parametrize("package", ["fsspec", "s3fs"])
def test_a_missing_package_names_the_extra(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    registry = sys.modules.get("fsspec.registry")
    monkeypatch.delitem(getattr(registry, "_registry", {}), "s3", raising=False)
    storage._system.cache_clear()
    with pytest.raises(MissingExtra, match=f"s3:// needs {package}, which is not installed") as refused:
        storage.stat(Url("s3://b/a.png"))
    assert "denoiser-studio[cluster]" in refused.value.hint


@pytest.mark.parametrize(
    ("url", "package"),
    [("gs://b/a.png", "gcsfs"), ("az://c/a.png", "adlfs"), ("abfs://c@acc.dfs.core.windows.net/a.png", "adlfs")],
)
def test_other_stores_have_their_packages(url: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    kind = fsspec.get_filesystem_class(location(url).parts[0][:-1])
    assert kind.__module__.partition(".")[0] == package
    taken: dict[str, Any] = {}
    monkeypatch.setattr(fsspec, "get_filesystem_class", lambda _scheme: kind)
    monkeypatch.setattr(kind, "__init__", lambda _self, **options: taken.update(options))
    storage._system.cache_clear()
    storage._system(location(url).parts[0][:-1], location(url).parts[1])
    assert taken.pop("use_listings_cache") is False
    assert taken == ({"account_name": "acc"} if "@" in url else {})
    storage._system.cache_clear()
    kinds = storage._content_type(location(url))  # type: ignore[arg-type]
    assert kinds == (
        {"content_type": "image/png"} if package == "gcsfs" else {"content_settings": {"content_type": "image/png"}}
    )
