"""Two runs, or all shards, in one output folder at once: no harm, and each says what it did."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from denoiser_cli import app

Maker = Callable[..., Path]


def _at_once(hatch, calls: Sequence[Sequence[str]]) -> list[int]:
    """The exit codes of calls that are started together."""
    runs = [hatch(*words) for words in calls]
    return [run.end() for run in runs]


def _rows(report: str) -> list[dict[str, Any]]:
    return json.loads(Path(report).read_text("utf-8"))


def _files(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(folder).glob("*.png"))}


def test_two_runs_of_the_same_call(folder: Path, make_picture: Maker, network, hatch, temporaries, capsys) -> None:
    for number in range(12):
        make_picture(f"imgs/{number:02}.png", 30 + number)
    call = ("imgs", "--out", "clean", *network)
    assert _at_once(hatch, [(*call, "--report", f"{number}.json") for number in (1, 2)]) == [0, 0]
    for number in (1, 2):
        rows = _rows(f"{number}.json")
        assert len(rows) == 12 and {row["status"] for row in rows} <= {"done", "done already"}
    assert app.run(["imgs", "--out", "alone", "-q", *network]) == 0
    assert _files("clean") == _files("alone") and len(_files("clean")) == 12
    assert temporaries() == []
    assert app.run(list(call)) == 0 and "12 files already done" in capsys.readouterr().err


def test_all_shards_at_once_make_the_whole(folder: Path, make_picture: Maker, network, hatch, capsys) -> None:
    for number in range(12):
        make_picture(f"imgs/{number:02}.png", 30 + number)
    call = ("imgs", "--out", "clean", *network)
    calls = [(*call, "--shard", f"{part}/3", "--report", f"{part}.json") for part in (1, 2, 3)]
    assert _at_once(hatch, calls) == [0, 0, 0]
    rows = [row for part in (1, 2, 3) for row in _rows(f"{part}.json")]
    assert sorted(Path(row["source"]).name for row in rows) == [f"{number:02}.png" for number in range(12)]
    assert {row["status"] for row in rows} == {"done"}
    assert app.run(["imgs", "--out", "alone", "-q", *network]) == 0
    assert _files("clean") == _files("alone")
    assert app.run(list(call)) == 0 and "12 files already done" in capsys.readouterr().err


def test_two_runs_with_other_wishes_leave_whole_files_of_one_of_them(
    folder: Path, make_picture: Maker, network, hatch
) -> None:
    for number in range(8):
        make_picture(f"imgs/{number}.png", 40)
    one = ("imgs", "--out", "clean", *network)
    other = (*one, "--strength", "0.5")
    assert set(_at_once(hatch, [one, other])) <= {0, 1, 5}
    assert app.run(["imgs", "--out", "alone", "-q", *network]) == 0
    assert app.run(["imgs", "--out", "half", "--strength", "0.5", "-q", *network]) == 0
    clean, alone, half = _files("clean"), _files("alone"), _files("half")
    assert len(clean) == 8 and all(clean[name] in (alone[name], half[name]) for name in clean)
