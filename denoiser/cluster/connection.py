"""Connects to a Ray cluster, or starts one on this machine."""

from __future__ import annotations

import math
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from denoiser.errors import MissingCluster, MissingExtra, UsageError
from denoiser.options import ClusterOptions
from denoiser.storage import Url

LOCAL = "local"
# A cluster on this machine is not visible in its network. Ray replaces 127.0.0.1 by the address of the machine on
# Linux; elsewhere it uses 127.0.0.1 anyway.
_HERE = "127.0.0.2" if sys.platform == "linux" else None
_SECONDS_TO_CONNECT = 10.0
_LONGEST_FOLDER = 30  # bytes of the folder for temporary files; Ray adds 75
_OBJECT_STORE = 80 << 20  # bytes, the least that Ray accepts: only short rows pass through it


@dataclass(frozen=True, slots=True)
class Need:
    """What one worker takes of its node."""

    cpus: int = 1
    gpus: int = 0

    def fits(self, resources: Mapping[str, float]) -> int:
        """Return how many workers fit on a node with these resources."""
        by_cpu = math.floor(resources.get("CPU", 0.0) / self.cpus)
        return min(by_cpu, math.floor(resources.get("GPU", 0.0) / self.gpus)) if self.gpus else by_cpu


def import_ray() -> Any:
    """Import Ray; it does not report usage to its makers, unless the environment asks for that."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # The behaviour of later versions, which Ray announces with a warning: CPU workers of a GPU node see its GPUs.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    try:
        import ray  # takes half a second
    except ImportError as error:
        raise MissingExtra("--cluster needs Ray, which is not installed.", extra="cluster") from error
    return ray


@contextmanager
def connected(options: ClusterOptions) -> Iterator[Any]:
    """Yield Ray, connected as *options* say. A cluster that is started here ends with the block.

    Raises MissingCluster if there is none at the address. A connection that exists already is used, and stays.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield ray
        return
    folder = _short_folder() if options.cluster == LOCAL else None
    with suppress(AttributeError):
        # Lines about lost workers would go to standard output, log_to_driver or not.
        ray._private.worker._worker_logs_enabled = False
    try:
        _refuse_closed_port(options.cluster)
        with _own_signals():
            ray.init(**_arguments(options, folder))
    except (OSError, RuntimeError, ValueError) as error:
        _forget(folder)
        raise MissingCluster(f"{options.cluster}: no Ray cluster can be reached ({_first_line(error)}).") from error
    try:
        yield ray
    finally:
        with _own_signals():
            ray.shutdown()
        _forget(folder)


def room(ray: Any, need: Need) -> int:
    """Return how many workers fit on the nodes that are alive."""
    return sum(need.fits(node["Resources"]) for node in ray.nodes() if node["Alive"])


def refuse_no_room(ray: Any, options: ClusterOptions, need: Need) -> None:
    """Raise UsageError if no worker fits on this machine; other clusters may grow, or become free."""
    if options.cluster == LOCAL and not room(ray, need):
        raise UsageError(
            f"A worker of {need.cpus} cores does not fit on this machine.", hint="Choose fewer --worker-cpus."
        )


def absolute(path: Path) -> Path:
    """Return the path for workers, whose current folder is another one."""
    return path if isinstance(path, Url) else path.absolute()


def has_gpus(ray: Any) -> bool:
    """Return whether a node has a GPU."""
    return bool(ray.cluster_resources().get("GPU", 0.0) >= 1.0)


def _refuse_closed_port(address: str) -> None:
    """Raise OSError if nothing answers at host:port: Ray would try for more than a minute."""
    host, separator, port = address.rpartition("://")[2].rpartition(":")
    if separator and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_CONNECT).close()


def _arguments(options: ClusterOptions, folder: str | None) -> dict[str, Any]:
    quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
    if folder is None:
        return {"address": options.cluster, **quiet}
    cpus = (options.workers or 0) * (
        options.worker_cpus or 1
    ) or None  # more workers than cores are the user's wish
    return {
        "address": LOCAL,
        "num_cpus": cpus,
        "include_dashboard": False,
        "object_store_memory": _OBJECT_STORE,
        "_node_ip_address": _HERE,
        "_temp_dir": folder,
        **quiet,
    }


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keep the handlers of the caller: Ray installs one for SIGTERM."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:  # one that was not set by Python cannot be set again
                signal.signal(number, handler)


def _short_folder() -> str:
    """Create a temporary folder for logs and sockets; names of sockets have at most 107 bytes."""
    usual = tempfile.gettempdir()
    return tempfile.mkdtemp(prefix="ray-", dir=usual if len(usual) <= _LONGEST_FOLDER else "/tmp")


def _forget(folder: str | None) -> None:
    """Remove the logs and sockets of a cluster of this machine."""
    if folder is not None:
        with suppress(OSError):
            shutil.rmtree(folder)


def _first_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    lines = str(error).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
