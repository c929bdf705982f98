"""Workers read and write objects of a store themselves, also one that is busy for a while."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from denoiser import storage
from denoiser.batch import Settings, carry_out, plan_folder
from denoiser.cluster import carry_out as carry_out_on_cluster
from denoiser.events import Event, FileDone
from denoiser.options import ClusterOptions, DenoiseOptions
from denoiser.storage import Url

Maker = Callable[..., Path]


class _Proxy(ThreadingHTTPServer):
    """Passes requests on to a server on loopback, or answers 503 while it is busy."""

    busy_until = 0.0
    refused = 0

    def __init__(self, address: str) -> None:
        super().__init__(("127.0.0.1", 0), _Passing)
        self.target = address.removeprefix("http://")

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Passing(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Proxy

    def _pass_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if time.monotonic() < self.server.busy_until:
            self.server.refused += 1
            self._answer(503, {}, b"<Error><Code>SlowDown</Code></Error>")
            return
        connection = http.client.HTTPConnection(self.server.target)
        connection.request(self.command, self.path, body, dict(self.headers))
        answer = connection.getresponse()
        kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP_BY_HOP}
        self._answer(answer.status, kept, answer.read())
        connection.close()

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        length = (
            {} if self.command == "HEAD" and "Content-Length" in headers else {"Content-Length": str(len(body))}
        )
        for name, value in (headers | length).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Silent."""


_HOP_BY_HOP = {"connection", "transfer-encoding", "server", "date"}


@pytest.fixture
def proxy(s3_server: str, bucket: Url, use_s3: Callable[[str], None]) -> Iterator[_Proxy]:
    """A store that can be busy, in front of the one of *bucket*."""
    server = _Proxy(s3_server)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    use_s3(server.address)
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def contents(folder: Url) -> dict[str, bytes]:
    names = [info.name for info in storage.listed(folder) if not info.name.startswith(".denoise")]
    return {name: storage.read_bytes(Url(folder / name)) for name in names}


@pytest.mark.long
def test_a_store_that_is_busy_for_a_while(
    bucket: Url, proxy: _Proxy, tmp_path: Path, make_picture: Maker, tiny_weights: Path
) -> None:
    for number in range(12):
        path = make_picture(tmp_path / f"{number}.png", 48)
        storage.publish(path, Url(bucket / f"in/sub/{path.name}"))
    settings = Settings(DenoiseOptions(model=str(tiny_weights), device="cpu", precision="fp32"))

    def listener(event: Event) -> None:
        if isinstance(event, FileDone) and not proxy.busy_until:
            proxy.busy_until = time.monotonic() + 6

    plan = plan_folder(str(bucket / "in"), str(bucket / "cluster"), settings)
    cluster = ClusterOptions(cluster="local", workers=2)
    report = carry_out_on_cluster(plan, settings, cluster, listener=listener)
    assert (report.done, report.failures, report.left) == (12, (), 0) and proxy.refused > 2
    again = plan_folder(str(bucket / "in"), str(bucket / "cluster"), settings)
    assert len(again.already_there) == 12 and not again.jobs
    carry_out(plan_folder(str(bucket / "in"), str(bucket / "alone"), settings), settings)
    assert contents(Url(bucket / "cluster")) == contents(Url(bucket / "alone"))
