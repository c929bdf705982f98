"""A file of records is locked while its process is alive; its lines are read from any position."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from denoiser.batch.manifest import is_locked, lines_from, locked_if_free


def test_a_file_is_locked_by_one_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = locked_if_free(path)
    assert held is not None and is_locked(path) and locked_if_free(path) is None
    held.close()
    again = locked_if_free(path)
    assert again is not None
    again.close()
    assert not is_locked(path)


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    words = f"from pathlib import Path; from denoiser.batch.manifest import *; locked_if_free(Path({str(path)!r}))"
    subprocess.run([sys.executable, "-c", f"{words}; import os; os.kill(os.getpid(), 9)"], check=False, timeout=60)
    held = locked_if_free(path)
    assert held is not None
    held.close()


def test_lines_are_read_from_where_one_stopped(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(b'{"a":1}\nnonsense\n[2]\n{"b":2}\n{"c":')
    (first, words), (second, other) = lines_from(path, 0)
    assert (words, other) == ({"a": 1}, {"b": 2})
    assert list(lines_from(path, first)) == [(second, {"b": 2})]
    assert list(lines_from(path, second)) == []
    assert [line for _, line in lines_from(path)] == [{"a": 1}, {"b": 2}]
