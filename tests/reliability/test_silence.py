"""The main jobs use no network: a connection beyond loopback ends the program; where possible there is none."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_FORBIDDEN = """
import os, sys
def forbid(event, arguments):
    if event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "::1"):
            os.write(2, f"connected to {address}".encode())
            os._exit(99)
    elif event in ("socket.getaddrinfo", "socket.gethostbyname") and arguments[0] not in ("localhost", "127.0.0.1"):
        os.write(2, f"looked up {arguments[0]}".encode())
        os._exit(99)
sys.addaudithook(forbid)
"""


@pytest.fixture(scope="module")
def cut_off() -> list[str]:
    """A program that runs another without any network, where the system allows that."""
    unshare = shutil.which("unshare")
    if unshare and subprocess.run([unshare, "-n", "true"], capture_output=True, check=False).returncode == 0:
        return [unshare, "-n"]
    return []


@pytest.fixture(scope="module")
def silent(cut_off: list[str], open_hatchery: Callable[..., Any]) -> Any:
    """Where runs of the program come from that are watched since Python began."""
    return open_hatchery(below=cut_off, before=_FORBIDDEN)


def test_the_guard_guards(denoise, silent) -> None:
    tried = denoise(before="import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=1)", of=silent)
    assert tried.returncode == 99 and "192.0.2.1" in tried.stderr


def test_the_main_jobs_pass_without_a_network(folder: Path, denoise, network, silent) -> None:
    calls = (
        ["samples", "imgs", "--originals", "originals"],
        ["imgs", "--out", "clean", *network],
        ["compare", "imgs", "clean", "--reference", "originals", "--out", "sheet.png"],
        ["models", network[1]],
    )
    for words in calls:
        ended = denoise(*words, of=silent)
        assert ended.returncode == 0, ended.stderr
    assert len(list(Path("clean").glob("[!.]*"))) == 5 and Path("sheet.png").exists()
