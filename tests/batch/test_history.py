"""Records of many runs are merged: the newest line counts, truncated lines are skipped."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from denoiser.batch.history import History, read_history, read_on
from denoiser.batch.manifest import FOLDER, Made, Manifest, SourceFile, Stamp, lines_from
from denoiser.batch.series import as_record
from denoiser.batch.settings import Settings
from denoiser.errors import UnreadableImage
from denoiser.estimation.estimate import NoiseEstimate
from denoiser.estimation.series import fit_series

NOISE = NoiseEstimate(2.0, 3.0, 0.5, np.full((1, 1), 2.0, np.float32), "some")
SOURCE = SourceFile(Path("in/a.png"), Stamp(10, 20), "s")


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("out")


@pytest.fixture
def start(out: Path) -> Iterator[Callable[[], Manifest]]:
    """Starts runs, and lets go of them in the end."""
    manifests = []

    def run() -> Manifest:
        manifest = Manifest(out, Settings())
        manifest.start("weights", {"model": "m", "device": "cpu", "precision": "fp32", "version": "1", "tile": 512})
        manifests.append(manifest)
        return manifest

    yield run
    for manifest in manifests:
        manifest.close({})


def made(size: int = 30) -> Made:
    return Made(Stamp(size, 40), "d", 1.5, {"seconds": 1.0})


def test_a_life_of_an_output(out: Path, start) -> None:
    manifest = start()
    target = out / "sub" / "a.png"
    manifest.begun(target, SOURCE)
    past = read_history(out).of("sub/a.png")
    assert past is not None and (past.state, past.done, past.source_stamp) == ("begun", None, Stamp(10, 20))
    manifest.done(target, SOURCE, made())
    manifest.close({"done": 1, "failed": 0, "left": 0})
    history = read_history(out)
    past = history.of("sub/a.png")
    assert past is not None and past.done is not None and past.made == Stamp(30, 40)
    assert past.source == "../in/a.png" and history.by_source == {"../in/a.png": "sub/a.png"}
    assert (past.done["digest"], past.done["options"]) == ("weights", Settings().key)
    assert [run["model"] for run in history.runs] == ["m"] and history.interrupted == set()


def test_of_several_lines_the_newest_wins_whatever_file_it_is_in(out: Path, start) -> None:
    first, second = start(), start()
    target = out / "a.png"
    first.done(target, SOURCE, made(1))
    second.done(target, SOURCE, made(2))
    first.failed(target, SOURCE, UnreadableImage("broken"))
    past = read_history(out).of("a.png")
    assert past is not None and past.state == "failed" and past.made == Stamp(2, 40)
    first.done(target, SOURCE, made(3))
    past = read_history(out).of("a.png")
    assert past is not None and past.state == "done" and past.made == Stamp(3, 40)


@pytest.mark.parametrize(
    "spoilt",
    [
        b"",
        b"\n\n",
        b"\xff\xfe\x00 no text\n",
        b"[1, 2]\n",
        b'{"state": "done", "at": "soon"}\n',
        b'{"state": "done", "at": 99, "target": "a.png"}\n',
        b'{"state": "begun", "at": 99, "target": ["a"], "source": "x", "source_size": 1, "source_mtime_ns": 1}\n',
        b'{"state": "dancing", "at": 99, "target": "a.png"}\n',
        b"[" * 100_000 + b"\n",
        b'{"state": "done", "at": 9999999999999999999, "target": "a.png", "source": "x", "sou',  # torn
    ],
)
def test_what_is_no_record_is_passed_over(out: Path, start, spoilt: bytes) -> None:
    manifest = start()
    manifest.done(out / "a.png", SOURCE, made())
    (file,) = (out / FOLDER).iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole + spoilt)
    past = read_history(out).of("a.png")
    assert past is not None and past.state == "done" and past.made == Stamp(30, 40)
    manifest.failed(out / "a.png", SOURCE, UnreadableImage("broken"))  # and it spoils nothing that follows
    past = read_history(out).of("a.png")
    assert past is not None and past.state == "failed"


def test_files_of_a_later_version_are_left_alone(out: Path, start) -> None:
    manifest = start()
    manifest.done(out / "a.png", SOURCE, made())
    (file,) = (out / FOLDER).iterdir()
    file.write_bytes(file.read_bytes().replace(b'"v":1', b'"v":2'))
    history = read_history(out)
    assert history.pasts == {} and history.runs == []


def test_no_folder_no_history(out: Path) -> None:
    assert read_history(out).pasts == {}
    out.mkdir()
    (out / FOLDER).write_bytes(b"a file in the way")
    assert read_history(out).pasts == {}


_BEGIN_AND_WAIT = """
import sys
from pathlib import Path
from denoiser.batch.manifest import Manifest, SourceFile, Stamp
from denoiser.batch.settings import Settings
manifest = Manifest(Path("out"), Settings())
manifest.start("weights", {})
manifest.begun(Path("out/a.png"), SourceFile(Path("in/a.png"), Stamp(10, 20)))
print("ready", flush=True)
sys.stdin.read()
"""


def test_only_files_of_interrupted_runs_are_suspects(out: Path) -> None:
    command = [sys.executable, "-c", _BEGIN_AND_WAIT]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        history = read_history(out)
        past = history.of("a.png")
        assert past is not None and past.state == "begun" and not history.is_suspect(past)
    finally:
        process.kill()
        process.communicate()
    history = read_history(out)
    past = history.of("a.png")
    assert past is not None and history.is_suspect(past)


def test_a_run_that_ended_in_good_order_leaves_no_suspects(out: Path, start) -> None:
    manifest = start()
    manifest.begun(out / "a.png", SOURCE)
    manifest.close({"done": 0, "failed": 0, "left": 1})
    history = read_history(out)
    past = history.of("a.png")
    assert past is not None and not history.is_suspect(past) and not manifest.is_open


def test_records_begin_anew_where_somebody_removed_them(out: Path, start) -> None:
    manifest = start()
    (file,) = (out / FOLDER).iterdir()
    file.unlink()
    (out / FOLDER).rmdir()
    manifest.done(out / "a.png", SOURCE, made())
    history = read_history(out)
    assert len(history.runs) == 1 and history.of("a.png") is not None


def test_names_of_any_bytes_come_back(out: Path, start) -> None:
    manifest = start()
    name = "\udcff\n\x1b🐈.png"
    manifest.done(out / name, SourceFile(Path("in") / name, Stamp(1, 2)), made())
    past = read_history(out).of(name)
    assert past is not None and past.source == f"../in/{name}"
    (file,) = (out / FOLDER).iterdir()
    assert file.read_bytes().isascii()


def test_every_key_is_documented(out: Path, start, pytestconfig: pytest.Config) -> None:
    manifest = start()
    target = out / "a.png"
    manifest.begun(target, SOURCE)
    manifest.done(target, SOURCE, made())
    manifest.failed(target, SOURCE, UnreadableImage("broken"))
    manifest.crashed(target, SOURCE, "SIGSEGV")
    manifest.looking(target, SOURCE)
    manifest.looked(target, SOURCE)
    manifest.series("a camera", as_record(fit_series([NOISE]), 1))
    manifest.close({"done": 1, "failed": 1, "left": 0})
    (file,) = (out / FOLDER).iterdir()
    lines: list[dict[str, Any]] = [json.loads(line) for line in file.read_text().splitlines()]
    assert [line for _, line in lines_from(file)] == lines
    page = (pytestconfig.rootpath / "docs" / "manifest.md").read_text("utf-8")
    documented = {
        (key, state) for keys, states, *_ in _table(page, "key") for key in _words(keys) for state in _words(states)
    }
    written = {(key, line["state"]) for line in lines for key in line if key not in ("state", "at")}
    assert written == documented
    assert {line["state"] for line in lines} == {
        state for cell, *_ in _table(page, "state") for state in _words(cell)
    }


def _table(page: str, first: str) -> list[list[str]]:
    """The cells of the table whose first column has that head."""
    body = page[page.index(f"| {first} |") :].split("\n\n")[0]
    return [row.strip("| ").split(" | ") for row in body.splitlines()[2:]]


def _words(cell: str) -> list[str]:
    return [word.strip(" `") for word in cell.split(",")]


def test_reading_on_gives_the_same_as_reading_again(out: Path, start) -> None:
    first, history = start(), History()
    for number in range(6):
        manifest = first if number % 2 else start()
        target = out / f"{number // 2}.png"
        manifest.begun(target, SOURCE)
        read_on(out, history)
        manifest.done(target, SOURCE, made(number))
        if number == 3:
            manifest.close({})
        read_on(out, history)
        anew = read_history(out)
        assert (history.pasts, history.runs, history.interrupted, history.by_source) == (
            anew.pasts,
            anew.runs,
            anew.interrupted,
            anew.by_source,
        )


def test_an_incomplete_line_is_read_once_it_is_complete(out: Path, start) -> None:
    start().begun(out / "a.png", SOURCE)
    history = History()
    read_on(out, history)
    (path,) = history.files
    whole = path.read_bytes()
    with path.open("ab") as file:
        file.write(whole.splitlines(keepends=True)[1].replace(b"a.png", b"b.png")[:-5])
    read_on(out, history)
    assert set(history.pasts) == {"a.png"}
    path.write_bytes(whole + whole.splitlines(keepends=True)[1].replace(b"a.png", b"b.png"))
    read_on(out, history)
    assert set(history.pasts) == {"a.png", "b.png"}


def test_a_slim_history_knows_what_is_done(out: Path, start) -> None:
    start().done(out / "a.png", SOURCE, made())
    slim = History(slim=True)
    read_on(out, slim)
    past, full = slim.of("a.png"), read_history(out).of("a.png")
    assert past is not None and past.done is not None and full is not None and full.done is not None
    assert past.made == full.made and "facts" not in past.done
    assert {name: full.done[name] for name in past.done} == past.done


def test_who_died_looking_at_a_file_makes_it_suspect_until_somebody_has_looked(out: Path, start) -> None:
    words = "from pathlib import Path; from denoiser.batch.manifest import *"
    run = (
        "m = Manifest(Path('out'), Settings()); m.start('w', {}); s = SourceFile(Path('in/a.png'), Stamp(10, 20))\n"
        "m.looking(Path('out/b.png'), s); m.looked(Path('out/b.png'), s); m.looking(Path('out/a.png'), s)\n"
        "import os; os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", f"{words}\n{run}"], check=False, timeout=60)
    history = read_history(out)
    assert history.is_dangerous("a.png") and not history.is_dangerous("b.png") and not history.is_dangerous("c.png")
    past = history.of("a.png")
    assert past is not None and history.is_suspect(past) and past.done is None
    manifest = start()
    manifest.looking(out / "a.png", SOURCE)
    assert not read_history(out).is_dangerous("a.png")  # its run lives
    manifest.looked(out / "a.png", SOURCE)
    manifest.close({})
    assert not read_history(out).is_dangerous("a.png")


def test_the_newest_line_on_a_series_counts(out: Path, start) -> None:
    for level in (1.0, 2.0):
        start().series("a camera", {"noise": level})
    history = read_history(out)
    assert history.series["a camera"]["noise"] == 2.0 and not history.pasts
