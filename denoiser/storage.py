"""Reads and writes objects of stores such as Amazon S3, named by URLs: `s3://bucket/folder/a.png`.

fsspec and the package of the store are imported when the first URL is used. Every object is written completely or
not at all: stores complete an upload in one step. Errors that may pass (a busy store, a lost connection) are tried
again for PATIENCE seconds. Credentials come from the environment only, and no message contains them. Thread-safe.
"""

from __future__ import annotations

import errno
import functools
import hashlib
import mimetypes
import os
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING, Any, TypeVar

from denoiser.atomicfile import NO_SPACE
from denoiser.errors import (
    DenoiserError,
    MissingExtra,
    OutputFull,
    StoreUnavailable,
    UnreadableImage,
    UnwritableImage,
    UsageError,
)

if TYPE_CHECKING:
    _Base = Path  # jobs and events hold either kind; `isinstance(path, Url)` tells which
else:
    _Base = PurePosixPath

_AZURE = dict.fromkeys(("az", "abfs", "abfss"), "adlfs")
PACKAGES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", **_AZURE, "memory": ""}
PATIENCE = 180.0  # seconds; stores are rarely busy for longer
_FIRST_PAUSE = 0.5  # seconds, doubled after each attempt
_LONGEST_PAUSE = 30.0
_CONNECTIONS = 64  # at once to one store, for all threads
_TIMEOUTS = {"connect_timeout": 10, "read_timeout": 60}  # seconds

FULL_HINT = "Free some space there, or choose a larger disk with the environment variable TMPDIR."

Wait = Callable[[float], bool]  # waits so many seconds; returns True early if the caller wants to stop
_Result = TypeVar("_Result")

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")  # two letters at least: C:// is a drive
_PASSWORD = re.compile(r"[^/]*:[^/]*@")
_SIGNATURE = re.compile(
    r"[?&](x-amz-\w+|x-goog-\w+|awsaccesskeyid|googleaccessid|sig|signature|\w*(token|key|secret|password))=",
    re.IGNORECASE,
)
# Types that Python's table lacks.
_TYPES = {".webp": "image/webp", ".avif": "image/avif", ".dlf": "application/octet-stream", ".jsonl": "text/plain"}


class Url(_Base):
    """The URL of an object or a folder of objects, with the names and parts of a path.

    It is a pure path: `name`, `suffix`, `parent`, `/` and so on work, and functions for local files refuse it.
    """

    __slots__ = ()

    def __str__(self) -> str:
        scheme, colon, rest = super().__str__().partition(":/")
        return f"{scheme}://{rest}" if colon else scheme

    def __fspath__(self) -> str:
        raise TypeError(f"{self} is not a local file")

    def relative_to(self, *other: Any, **keywords: Any) -> Any:
        """Return the path below *other*, which is no URL."""
        return PurePosixPath(*super().relative_to(*other, **keywords).parts)

    @property
    def scheme(self) -> str:
        """The protocol: "s3"."""
        return self.parts[0][:-1]


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object of a listing: its name below the listed folder, its size, and the time when it was written."""

    name: str
    size: int
    mtime_ns: int


def is_url(text: str | os.PathLike[str]) -> bool:
    """Return whether this names an object of a store, or a file by a file URL, or is a Url."""
    return isinstance(text, Url) or (isinstance(text, str) and bool(_SCHEME.match(text)))


def location(text: str | os.PathLike[str]) -> Path:
    """Return the Url or, for local files and file URLs, the Path.

    Raises UsageError for an unknown protocol, a URL with a password or signature, and names that are no paths.
    """
    if isinstance(text, PurePath):
        return text if isinstance(text, Url) else Path(text)
    words = os.fspath(text)
    if not is_url(words):
        return Path(words)
    scheme, rest = words.partition("://")[::2]
    scheme = scheme.lower()
    if _PASSWORD.match(rest) or _SIGNATURE.search(rest):
        raise UsageError(
            f"{scheme}://…: contains a password or a signature, which would be stored in records and reports.",
            hint="Set the environment variables of the store: see docs/stores.md.",
        )
    if scheme == "file":
        from urllib.parse import urlsplit  # slow to import, and rarely needed
        from urllib.request import url2pathname

        return Path(url2pathname(urlsplit(words).path))
    if scheme not in PACKAGES:
        known = ", ".join(f"{name}://" for name in ("file", *PACKAGES) if name != "memory")
        raise UsageError(f"{words}: unsupported protocol {scheme}://.", hint=f"Supported: {known}.")
    key = rest.removesuffix("/")
    if not key or not is_path(key):
        raise UsageError(f"{words}: the names between the slashes must not be empty, '.' or '..'.")
    return Url(f"{scheme}://{key}")


def is_path(key: str) -> bool:
    """Return whether the key of an object is also a relative path, as for a file."""
    return "\0" not in key and "?versionId=" not in key and not {"", ".", ".."} & set(key.split("/"))


def listed(folder: Url, *, wait: Wait | None = None) -> Iterator[ObjectInfo]:
    """Yield the objects below *folder*, from S3 page by page.

    Markers of folders are left out. Raises UsageError if the bucket does not exist or access is denied.
    """
    system, root = _opened(folder)
    if hasattr(system, "call_s3"):
        yield from _pages(system, root, folder, wait)
        return
    found = _call(folder, lambda: _found(system, root), UsageError, "cannot be listed", wait)
    for name, info in found.items():
        if name.startswith(root + "/") and info["type"] == "file":
            yield ObjectInfo(name[len(root) + 1 :], info["size"] or 0, _mtime_ns(info))


def stat(url: Url, *, wait: Wait | None = None) -> ObjectInfo | None:
    """Return size and time of an object, or None if it does not exist."""
    system, key = _opened(url)

    def look() -> ObjectInfo | None:
        try:
            info = system.info(key)
        except FileNotFoundError:
            return None
        return ObjectInfo(url.name, info["size"] or 0, _mtime_ns(info)) if info["type"] == "file" else None

    return _call(url, look, UnreadableImage, "cannot be accessed", wait)


def fetch(url: Url, path: Path, *, wait: Wait | None = None) -> None:
    """Download an object to *path*. Raises UnreadableImage, StoreUnavailable, and OSError if the disk is full."""
    system, key = _opened(url)
    _call(url, lambda: system.get_file(key, str(path)), UnreadableImage, "cannot be read", wait)


def sha256(url: Url, *, wait: Wait | None = None) -> str:
    """Return the SHA-256 of an object without a local copy. Raises UnreadableImage or StoreUnavailable."""
    system, key = _opened(url)

    def read() -> str:
        with system.open(key, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    return _call(url, read, UnreadableImage, "cannot be read", wait)


@contextmanager
def downloaded(url: Url) -> Iterator[Path]:
    """Yield a local copy of an object with its time of last change, which is removed afterwards.

    Errors name the object. Raises UnreadableImage, StoreUnavailable, or OutputFull for a full disk.
    """
    import tempfile  # slow, and --help does not need it

    with tempfile.TemporaryDirectory(prefix="denoise-") as folder:
        path = Path(folder, f"copy{url.suffix}")
        try:
            info = stat(url)
            fetch(url, path)
            if info is not None:
                os.utime(path, ns=(info.mtime_ns, info.mtime_ns))
        except OSError as error:
            raise OutputFull(f"{folder}: no space left for a copy of {url}.", hint=FULL_HINT) from error
        with renamed_in_errors({path: url}):
            yield path


@contextmanager
def as_file(path: Path) -> Iterator[Path]:
    """Yield the path itself, or a copy of the object as `downloaded` does."""
    if isinstance(path, Url):
        with downloaded(path) as copy:
            yield copy
    else:
        yield path


@contextmanager
def renamed_in_errors(names: Mapping[Path, Path]) -> Iterator[None]:
    """Put other names in place of paths in the messages of errors that the block raises."""
    try:
        yield
    except DenoiserError as error:
        for path, name in names.items():
            error.message = error.message.replace(str(path), str(name))
        error.args = (error.message,)
        raise


def publish(path: Path, url: Url, *, wait: Wait | None = None) -> None:
    """Upload a file, with the content type of its suffix. Raises UnwritableImage or StoreUnavailable."""
    system, key = _opened(url)
    kind = _content_type(url)
    _call(url, lambda: system.put_file(str(path), key, **kind), UnwritableImage, "cannot be written", wait)


def read_bytes(url: Url, *, wait: Wait | None = None) -> bytes:
    """Return the content of an object. Raises UnreadableImage or StoreUnavailable."""
    system, key = _opened(url)
    data: bytes = _call(url, lambda: system.cat_file(key), UnreadableImage, "cannot be read", wait)
    return data


def write_bytes(url: Url, data: bytes, *, wait: Wait | None = None) -> None:
    """Write an object. Raises UnwritableImage or StoreUnavailable."""
    system, key = _opened(url)
    kind = _content_type(url)
    _call(url, lambda: system.pipe_file(key, data, **kind), UnwritableImage, "cannot be written", wait)


def _opened(url: Url) -> tuple[Any, str]:
    """Return the file system of fsspec and the name of the object in it."""
    system = _system(url.scheme, url.parts[1])
    return system, system._strip_protocol(str(url))


@functools.cache
def _system(scheme: str, bucket: str) -> Any:
    try:
        import fsspec  # an extra, and slow to import

        kind = fsspec.get_filesystem_class(scheme)
    except ImportError as error:
        package = error.name or PACKAGES[scheme] or "fsspec"
        raise MissingExtra(f"{scheme}:// needs {package}, which is not installed.", extra="cluster") from error
    options: dict[str, Any] = kind._get_kwargs_from_urls(f"{scheme}://{bucket}")
    if scheme == "s3":
        options["config_kwargs"] = {**_TIMEOUTS, "max_pool_connections": _CONNECTIONS}
    try:
        return kind(use_listings_cache=False, skip_instance_cache=True, **options)
    except Exception as error:  # each store has its own exceptions
        raise UsageError(f"{scheme}://{bucket}: cannot be opened ({_reason(error)}).", hint=_HINT) from error


def _found(system: Any, root: str) -> dict[str, Any]:
    if "/" not in root and not system.exists(root):
        raise FileNotFoundError(root)
    found = system.find(root, detail=True)
    return found if isinstance(found, dict) else {}  # adlfs returns a list if this is an object


def _pages(system: Any, root: str, folder: Url, wait: Wait | None) -> Iterator[ObjectInfo]:
    """List as S3 does, a thousand objects at a time; fsspec would collect them all."""
    bucket, _, prefix = root.partition("/")
    prefix += "/" if prefix else ""
    more: dict[str, Any] = {}
    while True:
        request = functools.partial(system.call_s3, "list_objects_v2", Bucket=bucket, Prefix=prefix, **more)
        page = _call(folder, request, UsageError, "cannot be listed", wait)
        for item in page.get("Contents", ()):
            if not item["Key"].endswith("/"):
                yield ObjectInfo(item["Key"][len(prefix) :], item["Size"], _mtime_ns(item))
        if not page.get("IsTruncated"):
            return
        more = {"ContinuationToken": page["NextContinuationToken"]}


def _mtime_ns(info: dict[str, Any]) -> int:
    for name in ("LastModified", "last_modified", "updated", "mtime", "created"):
        value = info.get(name)
        if isinstance(value, str):
            with suppress(ValueError):
                value = datetime.fromisoformat(value)
        if isinstance(value, datetime):
            value = value.timestamp()
        if isinstance(value, int | float):
            # The listings of some S3 servers have milliseconds, other answers have whole seconds.
            return int(value) * 10**9 if name == "LastModified" else round(value * 1e6) * 1000
    return 0


def _content_type(url: Url) -> dict[str, Any]:
    suffix = url.suffix.lower()
    kind = _TYPES.get(suffix) or mimetypes.guess_type(f"a{suffix}")[0] or "application/octet-stream"
    match PACKAGES[url.scheme]:
        case "s3fs":
            return {"ContentType": kind}
        case "gcsfs":
            return {"content_type": kind}
        case "adlfs":
            return {"content_settings": {"content_type": kind}}
    return {}


def _call(
    url: Url, action: Callable[[], _Result], failure: type[DenoiserError], verb: str, wait: Wait | None
) -> _Result:
    """Return the result of *action*; try again while its errors may pass."""
    wait = wait or _sleep
    end, pause = time.monotonic() + PATIENCE, _FIRST_PAUSE
    while True:
        try:
            return action()
        except Exception as error:  # each store has its own exceptions
            if isinstance(error, OSError) and error.errno in NO_SPACE:
                raise
            if not _may_pass(error):
                raise failure(f"{url}: {verb} ({_reason(error)}).", hint=_HINT) from error
            # Random, so that threads and machines do not all come back at the same time.
            if time.monotonic() + pause > end or wait(pause * random.uniform(0.5, 1.0)):
                raise StoreUnavailable(f"{url}: {verb}; the store does not answer ({_reason(error)}).") from error
            pause = min(2 * pause, _LONGEST_PAUSE)


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


_HINT = "Check the name, and the environment variables with your credentials: see docs/stores.md."
_PASSING_CODES = {408, 425, 429, 500, 502, 503, 504}  # HTTP
_PASSING_ERRNO = {errno.EAGAIN, errno.EBUSY, errno.EIO, errno.ETIMEDOUT, getattr(errno, "EREMOTEIO", errno.EIO)}
_PASSING = re.compile("Connect|Timeout|IncompleteRead|Disconnected|Payload|Streaming|HTTPClient|ServiceRe|Checksum")


def _may_pass(error: Exception) -> bool:
    """Return whether the same call may succeed later."""
    if isinstance(error, FileNotFoundError | PermissionError):
        return False
    code = _code(error)
    if code is not None:
        return code in _PASSING_CODES
    if isinstance(error, ConnectionError | TimeoutError):
        return True
    if isinstance(error, OSError) and error.errno is not None and type(error).__module__ == "builtins":
        return error.errno in _PASSING_ERRNO
    return bool(_PASSING.search(type(error).__name__))


def _code(error: Exception) -> int | None:
    """Return the HTTP status that an error of gcsfs, adlfs or aiohttp has."""
    for name in ("status", "status_code", "code"):
        with suppress(TypeError, ValueError):
            return int(getattr(error, name, None))  # type: ignore[arg-type]
    return None


def _reason(error: Exception) -> str:
    """Return the cause in a few words, never the text of a response, which may repeat parts of a request."""
    name, code = type(error).__name__, _code(error)
    if "Credential" in name or "Auth" in name:
        return "no valid credentials"
    if isinstance(error, FileNotFoundError) or code == 404:
        return "no such object or bucket"
    if isinstance(error, PermissionError) or code in (401, 403):
        return "access denied"
    if isinstance(error, OSError) and error.errno in (errno.EBUSY, getattr(errno, "EREMOTEIO", None)):
        return "the store is busy"
    if isinstance(error, OSError) and error.errno and type(error).__module__ == "builtins":
        return os.strerror(error.errno)
    return f"HTTP status {code}" if code else name
