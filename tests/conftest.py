"""What holds for every test: no network, no unexpected log line, no display, and the code of this checkout."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import ipaddress
import logging
import os
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ["QT_QPA_PLATFORM"] = "offscreen"  # before any test imports Qt
_cache = tempfile.TemporaryDirectory()  # of this process and those that it starts
os.environ["DENOISE_CACHE"] = _cache.name

DATA_VARIABLE = "DENOISE_DATA"


def _why_there_is_no_qt() -> str:
    """Why Qt cannot be loaded, as on a bare server; nothing where it can."""
    os.environ["PYTEST_QT_API"] = "pyside6"
    try:
        importlib.import_module("denoiser_gui.qt")
    except ImportError as error:
        return str(error)
    return ""


_NO_QT = _why_there_is_no_qt()
pytest_plugins = [] if _NO_QT else ["pytestqt.plugin"]


def pytest_report_header() -> list[str]:
    """Says that the window is left out, and why."""
    return (
        [f"the widgets of the desktop app are NOT tested: {_NO_QT} (README.md names the packages)"]
        if _NO_QT
        else []
    )


def pytest_sessionstart(session: pytest.Session) -> None:
    """Refuses to test another copy of the package: a green run would say nothing about this one."""
    spec = importlib.util.find_spec("denoiser")
    found = Path(spec.origin).resolve() if spec and spec.origin else None
    if found is None or not found.is_relative_to(session.config.rootpath.resolve()):
        raise pytest.UsageError(
            f"The tests would run on {found or 'no package'}: install this checkout with `pip install -e '.[dev]'`."
        )


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skips what needs pictures from outside where nobody says where they are."""
    if item.get_closest_marker("data") and not os.environ.get(DATA_VARIABLE):
        pytest.skip(f"needs a folder of pictures: set {DATA_VARIABLE}")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The folder that DENOISE_DATA names; for tests marked `data`."""
    folder = Path(os.environ[DATA_VARIABLE])
    if not folder.is_dir():
        pytest.fail(f"{DATA_VARIABLE} is set to {folder}, which is no folder.")
    return folder


@pytest.fixture(autouse=True)
def _no_unexpected_log_lines(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fails a test that logs at WARNING or above, unless `@pytest.mark.logs(…)` expects it; then it must come."""
    yield
    records = [*caplog.get_records("setup"), *caplog.get_records("call")]
    lines = [f"{r.levelname} {r.name}: {r.getMessage()}" for r in records if r.levelno >= logging.WARNING]
    marker = request.node.get_closest_marker("logs")
    patterns: tuple[str, ...] = marker.args if marker else ()
    unexpected = [line for line in lines if not any(re.search(pattern, line) for pattern in patterns)]
    missing = [pattern for pattern in patterns if not any(re.search(pattern, line) for line in lines)]
    assert not unexpected, f"unexpected log lines (mend the cause, or mark the test with logs(...)): {unexpected}"
    assert not missing, f"expected log lines did not come: {missing}"


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuses every connection that would leave this machine, and every look-up of a foreign name."""
    monkeypatch.setattr(socket.socket, "connect", _guarded(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", _guarded(socket.socket.connect_ex))
    look_up = socket.getaddrinfo

    def guarded_look_up(host: Any, *args: Any, **keywords: Any) -> Any:
        _refuse_foreign(host)
        return look_up(host, *args, **keywords)

    monkeypatch.setattr(socket, "getaddrinfo", guarded_look_up)


def _guarded(connect: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _refuse_foreign(address[0])
        return connect(self, address)

    return guarded


def _refuse_foreign(host: str | bytes | None) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if not name or name == "localhost":
        return
    try:
        foreign = not ipaddress.ip_address(name).is_loopback
    except ValueError:
        foreign = True
    if foreign:
        # pytest.fail is no Exception: code under test that forgives OSError cannot forgive this
        pytest.fail(f"connection to {name} refused: no test and no job may use the network")


def _let_openvino_compute_fp32(weights: str) -> None:
    """Store a verdict for these weights, as on most machines; a child process would take seconds to find it."""
    from unittest.mock import patch

    from denoiser.engine import verdict
    from denoiser.models import catalog

    found = verdict.Verdict(True, "fp32", "as always in tests")
    if verdict.is_openvino_installed():
        with patch.object(verdict, "_checked", lambda _entry: (found, True)):
            verdict.stored_verdict(catalog.find(weights, "cpu"))


@pytest.fixture(scope="session", autouse=True)
def openvino_computes_fp32() -> None:
    """The networks of most users: of OpenVINO, in fp32."""
    for weights in ("fast", "best"):
        _let_openvino_compute_fp32(weights)


@pytest.fixture
def tiny_weights(tmp_path: Path) -> Path:
    """A small denoiser with random weights and its card, as a file of its own: real, quick, and no good."""
    import torch
    from safetensors.torch import save_file

    from denoiser.models.card import Card, card_as_toml
    from denoiser.networks import registry
    from denoiser.networks.conditioning import Denoiser

    settings = {"widths": [8, 8, 8], "blocks": [1, 1, 1, 1, 1]}
    network = registry.build(Denoiser, "dense-autoencoder-1", settings)
    generator = torch.Generator().manual_seed(0)
    tensors = {
        name: torch.randn(value.shape, generator=generator) * 0.3 / value[0].numel() ** 0.5
        for name, value in network.state_dict().items()
    }
    # Half of the values change, by a step of 8 bits on average and six at most: each tile, told level and strength
    # shows. At 0.2 the engine rightly refuses what becomes of a clean photo.
    tensors["tail.weight"] *= 0.1
    path = tmp_path / "weights" / "denoiser-tiny.safetensors"
    path.parent.mkdir()
    save_file(tensors, path)
    card = Card(
        name="denoiser-tiny",
        summary="Random weights for tests.",
        task="denoiser",
        architecture="dense-autoencoder-1",
        settings=settings,
        halo=32,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        parameters=sum(value.numel() for value in tensors.values()),
        licence="Apache-2.0",
    )
    path.with_suffix(".toml").write_text(card_as_toml(card), encoding="utf-8")
    _let_openvino_compute_fp32(str(path))
    return path


@pytest.fixture(scope="session")
def tiny_network() -> Any:
    """A codec before it is exported, tiny and real: a transform coder of a bundled photo, never trained."""
    import torch
    from skimage import data

    from denoiser.networks.codec.latent_codec import LatentCodec

    torch.manual_seed(0)
    network = LatentCodec(width=192, blocks=(1, 1), latents=64, hyper=8, features=16)
    photo = torch.from_numpy(data.astronaut()).permute(2, 0, 1)[None].float() / 255
    crops = torch.nn.functional.unfold(photo, 64, stride=32).reshape(3, 64, 64, -1).permute(3, 0, 1, 2)
    network.begin_with(crops.contiguous())
    # New passes predict zero. Give them random weights, so that tests depend on features and symbols.
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for one in (*network.index_passes, *network.mean_passes):
            last = getattr(one.leave, "conv", one.leave)
            last.weight.copy_(torch.randn(last.weight.shape, generator=generator) * 0.05)
    return network.eval()


@pytest.fixture(scope="session")
def tiny_codec(tiny_network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The path of its weights, as training exports them, with the card beside them."""
    from denoiser.training import recipe
    from denoiser.training.codec import CODING
    from denoiser.training.export import write_weights

    text = """
[network]
architecture = "latent-codec-1"
width = 192
blocks = [1, 1]
latents = 64
hyper = 8
features = 16
halo = 64
[noise]
white = 1.0
camera = 0.0
shaped = 0.0
clean = 0.0
[[stage]]
until = 1.0
patch = 64
batch = 1
loss = "rate-distortion"
"""
    path = tmp_path_factory.mktemp("weights") / "tiny-codec.safetensors"
    plan = recipe.parse(text, "tiny-codec")
    return write_weights(
        path, tiny_network, CODING, plan, summary="A codec for tests.", training={"recipe": "none"}
    )


_CRASHING = """
import os, sys
sys.path[:] = [place for place in sys.path if place != os.path.dirname(__file__)]
from denoiser.imageio import reader
decode = reader._read
def crash(file, options):
    if bytes(file.data) == {data!r}:
        {action}
    return decode(file, options)
reader._read = crash
"""


@pytest.fixture
def crashing_decoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[bytes, str], None]:
    """`crashing_decoder(data, action)`: whichever Python process starts now and reads such a file does *action*."""

    def plant(data: bytes, action: str) -> None:
        place = tmp_path / "planted"
        place.mkdir(exist_ok=True)
        (place / "sitecustomize.py").write_text(_CRASHING.format(data=data, action=action), encoding="utf-8")
        before = os.environ.get("PYTHONPATH")
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, (str(place), before))))

    return plant


@pytest.fixture
def tiny_recipe() -> str:
    """A recipe for a network that trains in seconds: two stages, all kinds of noise."""
    return """
[network]
architecture = "dense-autoencoder-1"
widths = [8, 8, 8]
blocks = [1, 1, 1, 1, 1]
halo = 32

[noise]
white = 0.5
camera = 0.3
shaped = 0.1
clean = 0.1

[[stage]]
until = 0.5
patch = 32
batch = 4
loss = "charbonnier"

[[stage]]
until = 1.0
patch = 48
batch = 2
loss = "log-mse"
"""


_S3_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of a server on loopback that speaks the protocol of S3 and keeps objects in memory."""
    command = [sys.executable, "-c", _S3_SERVER]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, text=True, **pipes) as server:
        assert server.stdin is not None and server.stdout is not None
        yield f"http://127.0.0.1:{server.stdout.readline().strip()}"
        server.stdin.close()  # ends it


@pytest.fixture
def use_s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """`use_s3(address)`: s3:// is that server, here and in child processes, with credentials that it accepts."""
    from denoiser import storage

    def use(address: str) -> None:
        words = {"ENDPOINT_URL": address, "ACCESS_KEY_ID": "AKIATESTING", "SECRET_ACCESS_KEY": "hush-hush"}
        words |= {"DEFAULT_REGION": "us-east-1", "EC2_METADATA_DISABLED": "true"}
        words |= {"CONFIG_FILE": os.devnull, "SHARED_CREDENTIALS_FILE": os.devnull}
        for name, value in words.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        storage._system.cache_clear()

    yield use
    storage._system.cache_clear()


@pytest.fixture
def bucket(s3_server: str, use_s3: Callable[[str], None]) -> Any:
    """The URL of an empty bucket on that server."""
    from denoiser import storage

    use_s3(s3_server)
    url = storage.Url(f"s3://bucket-{os.urandom(6).hex()}")
    storage._opened(url)[0].mkdir(url.name)
    return url
