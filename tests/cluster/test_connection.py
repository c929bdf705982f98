from __future__ import annotations

import ipaddress
import os
import re
import signal
import tempfile
from pathlib import Path

import pytest

from denoiser.cluster.connection import Need, connected, has_gpus, import_ray, refuse_no_room, room
from denoiser.errors import MissingCluster, UsageError
from denoiser.options import ClusterOptions

NODE = {"CPU": 8.0, "GPU": 2.0, "memory": 1e9}


@pytest.mark.parametrize(
    ("need", "resources", "workers"),
    [
        (Need(1), NODE, 8),
        (Need(3), NODE, 2),
        (Need(4, 1), NODE, 2),
        (Need(5, 1), NODE, 1),
        (Need(1, 1), {"CPU": 64.0}, 0),
        (Need(1), {"memory": 1e9}, 0),
    ],
)
def test_workers_on_a_node(need: Need, resources: dict[str, float], workers: int) -> None:
    assert need.fits(resources) == workers


def test_a_cluster_of_this_machine_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    folders: list[str] = []
    make = tempfile.mkdtemp
    monkeypatch.setattr(tempfile, "mkdtemp", lambda **words: folders.append(make(**words)) or folders[-1])
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with connected(ClusterOptions(cluster="local", workers=3)) as ray:
        assert room(ray, Need(1)) == 3 and not has_gpus(ray)
        refuse_no_room(ray, ClusterOptions(cluster="local"), Need(3))
        with pytest.raises(UsageError, match="4 cores does not fit"):
            refuse_no_room(ray, ClusterOptions(cluster="local"), Need(4))
        refuse_no_room(ray, ClusterOptions(cluster="auto"), Need(4))
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers
        (node,) = ray.nodes()
        assert ipaddress.ip_address(node["NodeManagerAddress"]).is_loopback, "not visible in the network"
        with connected(ClusterOptions(cluster="auto")) as same:
            assert same.is_initialized()
        assert ray.is_initialized()
    assert not import_ray().is_initialized()
    assert len(folders) == 1 and not Path(folders[0]).exists()
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9", "[::1]:9"])
def test_no_cluster_at_the_address(address: str) -> None:
    expected = f"^{re.escape(address)}: no Ray cluster can be reached"
    with pytest.raises(MissingCluster, match=expected), connected(ClusterOptions(cluster=address)):
        pass


def test_usage_is_not_reported() -> None:
    import_ray()
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
