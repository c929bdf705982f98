"""Who holds a journal is known to all, and an end of any kind lets go of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from denoiser.batch import journal


def test_a_journal_is_held_by_one(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    held = journal.try_to_hold(path)
    assert held is not None and journal.is_held(path) and journal.try_to_hold(path) is None
    held.release()
    again = journal.try_to_hold(path)
    assert again is not None
    again.release()
    assert not journal.is_held(path)


def test_the_dead_hold_nothing(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    words = (
        f"from denoiser.batch import journal; from pathlib import Path; journal.try_to_hold(Path({str(path)!r}))"
    )
    subprocess.run([sys.executable, "-c", f"{words}; import os; os.kill(os.getpid(), 9)"], check=False, timeout=60)
    held = journal.try_to_hold(path)
    assert held is not None
    held.release()


def test_lines_are_read_from_where_one_stopped(tmp_path: Path) -> None:
    path = tmp_path / "j"
    path.write_bytes(b'{"a":1}\nnonsense\n[2]\n{"b":2}\n{"c":')
    (first, words), (second, other) = journal.lines_from(path, 0)
    assert (words, other) == ({"a": 1}, {"b": 2})
    assert list(journal.lines_from(path, first)) == [(second, {"b": 2})]
    assert list(journal.lines_from(path, second)) == []
    assert list(journal.lines(path)) == [{"a": 1}, {"b": 2}]
