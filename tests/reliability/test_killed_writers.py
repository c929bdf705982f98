"""Killed in the middle of a write: no torn file, and what was left is known, removed, and never someone else's."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

from denoiser.atomicfile import PREFIX, SUFFIX, remove_leftovers, whole_file
from denoiser.errors import UnwritableImage

OVERWRITE_FOR_EVER = """
import sys
from pathlib import Path
from denoiser.atomicfile import whole_file
number = 0
print("ready", flush=True)
while True:
    number = number % 250 + 1
    with whole_file(Path(sys.argv[1])) as file:
        for _ in range(40):
            file.write(bytes([number]) * 10_000)
"""

HOLD_HALF_A_FILE = """
import sys
from pathlib import Path
from denoiser.atomicfile import whole_file
with whole_file(Path(sys.argv[1])) as file:
    file.write(b"half")
    file.flush()
    print("ready", flush=True)
    sys.stdin.read()
    file.write(b" whole")
"""


def temporaries(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.startswith(PREFIX) and name.endswith(SUFFIX)]


def start(program: str, path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, str(path)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_a_killed_writer_leaves_no_torn_file(tmp_path: Path) -> None:
    path, moments = tmp_path / "a.bin", random.Random(5)
    path.write_bytes(b"\xff" * 400_000)
    for _ in range(12):
        process = start(OVERWRITE_FOR_EVER, path)
        time.sleep(moments.uniform(0, 0.05))
        kill(process)
        data = path.read_bytes()
        assert len(data) == 400_000
        assert len(set(data)) == 1, "bytes of two writings in one file"
    remove_leftovers(tmp_path)
    assert os.listdir(tmp_path) == ["a.bin"]


def test_what_a_killed_writer_left_is_removed_and_a_living_one_spared(tmp_path: Path) -> None:
    dead, living = start(HOLD_HALF_A_FILE, tmp_path / "dead.bin"), start(HOLD_HALF_A_FILE, tmp_path / "living.bin")
    try:
        assert len(temporaries(tmp_path)) == 2
        assert remove_leftovers(tmp_path) == [], "both are alive"
        kill(dead)
        assert len(remove_leftovers(tmp_path)) == 1
        assert len(temporaries(tmp_path)) == 1
        living.communicate("", timeout=30)
    finally:
        kill(dead)
        kill(living)
    assert living.returncode == 0
    assert (tmp_path / "living.bin").read_bytes() == b"half whole"
    assert os.listdir(tmp_path) == ["living.bin"]


def test_only_our_own_left_overs_are_removed(tmp_path: Path) -> None:
    ours = tmp_path / f"{PREFIX}0123{SUFFIX}"
    others = [tmp_path / f"{PREFIX}notes", tmp_path / f"film{SUFFIX}", tmp_path / "a.jpg"]
    for path in (ours, *others):
        path.write_bytes(b"old")
    link, folder, pipe = (tmp_path / f"{PREFIX}{word}{SUFFIX}" for word in ("link", "folder", "pipe"))
    link.symlink_to(others[-1])
    folder.mkdir()
    os.mkfifo(pipe)
    (folder / ours.name).write_bytes(b"old")
    assert remove_leftovers(tmp_path) == [ours]
    assert sorted(tmp_path.iterdir()) == sorted([*others, link, folder, pipe])
    assert (folder / ours.name).exists(), "folders below are not looked into"


def test_removing_where_there_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"old")
    assert remove_leftovers(tmp_path / "gone") == []
    assert remove_leftovers(tmp_path / "file") == []


def test_removing_beside_busy_writers_takes_nothing_from_them(tmp_path: Path) -> None:
    """A temporary file is born without its lock: whoever removes in that moment must not make the writer fail."""
    done, failures = threading.Event(), []

    def writer(name: str) -> None:
        for number in range(60):
            try:
                with whole_file(tmp_path / name) as file:
                    file.write(f"{name} {number}".encode())
            except UnwritableImage as error:
                failures.append(error)

    def remover() -> None:
        while not done.is_set():
            remove_leftovers(tmp_path)

    writers = [threading.Thread(target=writer, args=(name,)) for name in ("a", "b", "c")]
    sweep = threading.Thread(target=remover)
    for thread in (sweep, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    sweep.join()
    assert failures == []
    assert {path.read_text() for path in tmp_path.iterdir()} == {"a 59", "b 59", "c 59"}
