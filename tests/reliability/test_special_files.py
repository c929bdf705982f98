"""Trees hold more than files: pipes, sockets, devices, rings of links are skipped, named, and hang nothing."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress
from pathlib import Path

PASSED = {
    "dead.png": "a broken link",
    "device.png": "a device, not a file",
    "pipe.png": "a pipe, not a file",
    "ring.png": "a broken link",
    "socket.png": "a socket, not a file",
    "up": "the same folder as imgs, processed once",
}


def test_everything_special_is_named_and_the_pictures_are_clean(
    folder: Path, make_picture, denoise, network
) -> None:
    make_picture("imgs/a.png")
    make_picture("imgs/sub/b.png")
    os.mkfifo("imgs/pipe.png")
    os.symlink("/dev/zero", "imgs/device.png")
    os.symlink("nowhere", "imgs/dead.png")
    os.symlink("ring.png", "imgs/ring.png")
    os.symlink("..", "imgs/sub/up")
    expected = dict(PASSED)
    with suppress(PermissionError):  # only the administrator may make one
        os.mknod("imgs/zero.png", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
        expected["zero.png"] = "a device, not a file"
    os.chdir("imgs")  # the path of a socket is at most about 100 bytes
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
        os.chdir("..")
        ended = denoise("imgs", "--out", "clean", *network)
    assert ended.returncode == 0
    named = [line for line in ended.stderr.splitlines() if line.startswith("Skipped ")]
    found = dict(line.removeprefix("Skipped ").split(": ", 1) for line in named)
    assert {Path(path).name: reason for path, reason in found.items()} == expected
    assert sorted(path.as_posix() for path in Path("clean").rglob("*.png")) == ["clean/a.png", "clean/sub/b.png"]


def test_one_that_is_named_itself_is_answered_at_once(folder: Path, denoise, network) -> None:
    os.mkfifo("pipe.png")
    for words in (["pipe.png", "--out", "clean"], ["pipe.png", "--out", "-"], ["/dev/zero", "--out", "clean"]):
        ended = denoise(*words, *network)
        assert ended.returncode in (1, 3)
        assert "a pipe, not a file" in ended.stderr or "a device" in ended.stderr
        assert "Traceback" not in ended.stderr
