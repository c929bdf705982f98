"""Runs over a bucket that are killed, stopped, or meet a busy store: nothing is torn and nothing is lost."""

from __future__ import annotations

import http.client
import os
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from denoiser import storage
from denoiser.storage import Url

Maker = Callable[..., Path]
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


class _Proxy(ThreadingHTTPServer):
    """Passes requests on to the server at *address*, unless `answer` says what to do instead."""

    daemon_threads = True

    def __init__(self, address: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = urlsplit(address).netloc
        self.answer: Callable[[str], str] = lambda _method: "pass"
        self.refused = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, *_words: object) -> None:
        """A client that was killed is no error."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Proxy

    def log_message(self, *_words: object) -> None:
        pass

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        match self.server.answer(self.command):
            case "busy":
                self.server.refused += 1
                words = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
                self._reply(503, {}, b"" if self.command == "HEAD" else words)
            case "drop":
                self.server.refused += 1
                self.close_connection = True
            case _:
                behind = http.client.HTTPConnection(self.server.behind, timeout=60)
                behind.request(self.command, self.path, body, dict(self.headers))
                answer = behind.getresponse()
                headers = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
                length = answer.getheader("content-length") if self.command == "HEAD" else None
                self._reply(answer.status, headers, answer.read(), length)
                behind.close()

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _handle

    def _reply(self, status: int, headers: dict[str, str], body: bytes, length: str | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def proxy(s3_server: str, bucket: Url, use_s3: Callable[[str], None]) -> Iterator[_Proxy]:
    """The way of child processes to the server; the test itself takes the direct one."""
    with _Proxy(s3_server) as proxy:
        thread = threading.Thread(target=proxy.serve_forever)
        thread.start()
        yield proxy
        proxy.shutdown()
        thread.join()


@pytest.fixture
def through(proxy: _Proxy, bucket: Url, monkeypatch: pytest.MonkeyPatch) -> _Proxy:
    storage.stat(bucket / "opened")  # its client keeps the direct address
    monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
    return proxy


def fill(bucket: Url, folder: Path) -> None:
    for path in folder.rglob("*.*"):
        storage.publish(path, Url(bucket / "in" / path.relative_to(folder).as_posix()))


def contents(place: Path) -> dict[str, bytes]:
    if isinstance(place, Url):
        names = [info.name for info in storage.listed(place) if ".denoise" not in info.name]
        return {name: storage.read_bytes(Url(place / name)) for name in names}
    files = [path for path in place.rglob("*.*") if path.is_file() and ".denoise" not in path.parts]
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in files}


@pytest.fixture
def expected(folder: Path, make_picture: Maker, bucket: Url, denoise, network) -> dict[str, bytes]:
    """The outputs of a run on disks; the same images are in the bucket, and temporary files here."""
    for number in range(24):
        make_picture(f"imgs/{number % 3}/{number}{('.png', '.jpg', '.webp')[number % 3]}", 30 + 4 * number)
    fill(bucket, Path("imgs"))
    os.environ["TMPDIR"] = str(folder / "temporary")
    (folder / "temporary").mkdir()
    assert denoise("imgs", "--out", "clean", *network).returncode == 0
    return contents(Path("clean"))


@pytest.fixture(autouse=True)
def _own_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/tmp")  # given back afterwards


def call(bucket: Url) -> tuple[str, ...]:
    return str(bucket / "in"), "--out", str(bucket / "out")


@pytest.mark.long
def test_a_store_that_is_busy_for_a_while_loses_nothing(
    through: _Proxy, bucket: Url, expected, hatch, network
) -> None:
    began = time.monotonic()
    chance = random.Random(1)

    def answer(_method: str) -> str:
        after = time.monotonic() - began
        if 3.0 < after < 9.0:
            return "busy"
        return chance.choices(["pass", "busy", "drop"], [8, 1, 1])[0]

    through.answer = answer
    assert hatch(*call(bucket), *network).end() == 0
    assert contents(bucket / "out") == expected and through.refused > 5
    assert os.listdir("temporary") == []


@pytest.mark.long
def test_killed_at_random_moments(bucket: Url, expected, hatch, network) -> None:
    before = contents(bucket / "in")
    began = time.monotonic()
    assert hatch(*call(bucket), *network).end() == 0
    whole_run = time.monotonic() - began
    assert contents(bucket / "out") == expected
    system = storage._opened(bucket)[0]
    moments, killed = random.Random(4), 0
    for kill in range(24):
        if kill % 3 == 0:
            for name in contents(bucket / "out"):
                system.rm_file(f"{bucket.name}/out/{name}")
        run = hatch(*call(bucket), *network)
        time.sleep(moments.uniform(0.2, 1) * whole_run)
        killed += run.kill() == -signal.SIGKILL
        torn = {name for name, found in contents(bucket / "out").items() if found != expected[name]}
        assert not torn, f"after kill {kill}"
    assert killed >= 8
    assert hatch(*call(bucket), *network).end() == 0, Path("said").read_text("utf-8")
    assert contents(bucket / "out") == expected and contents(bucket / "in") == before
    assert hatch(*call(bucket), "--json", *network).end() == 0
    assert '"already_there": 24' in Path("data").read_text("utf-8")
    assert os.listdir("temporary") == []  # those of the killed runs are removed as well


@pytest.mark.long
def test_the_first_ctrl_c_finishes_what_is_in_flight_and_the_second_stops(
    through: _Proxy, bucket: Url, expected, hatch, network
) -> None:
    is_slow = threading.Event()
    put: list[float] = []

    def answer(method: str) -> str:
        if method == "PUT":
            put.append(time.monotonic())
            if is_slow.is_set():
                return "busy"
        return "pass"

    through.answer = answer
    run = hatch(*call(bucket), *network)
    while len(put) < 3:
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGINT)
    assert run.end() == 130
    made = contents(bucket / "out")
    assert 0 < len(made) < 24 and all(expected[name] == data for name, data in made.items())
    assert os.listdir("temporary") == []
    is_slow.set()
    before = len(put)
    run = hatch(*call(bucket), *network)
    while len(put) < before + 2:
        time.sleep(0.01)
    began = time.monotonic()
    os.kill(run.pid, signal.SIGINT)
    time.sleep(0.3)
    os.kill(run.pid, signal.SIGINT)
    assert run.end() == 130 and time.monotonic() - began < 5
    is_slow.clear()
    assert hatch(*call(bucket), *network).end() == 0
    assert contents(bucket / "out") == expected
