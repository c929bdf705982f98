"""Messages of `denoise watch`; tests/reliability/test_watch.py runs it."""

from __future__ import annotations

import json
from pathlib import Path


def test_words_that_are_missing_are_named(call) -> None:
    none = call("watch")
    assert none.code == 2 and none.err.splitlines() == [
        "No folder to watch given.",
        "  For example: denoise watch ./in --out ./clean",
    ]
    Path("in").mkdir()
    assert call("watch", "in").err.startswith("--out is missing")
    assert call("watch", "in", "--out", "out", "--interval", "0").code == 2
    nowhere = call("watch", "nowhere", "--out", "out")
    assert (nowhere.code, nowhere.err.splitlines()[0]) == (2, "nowhere: no such folder.")
    assert not Path("out").exists()


def test_the_folder_itself_is_no_place_for_outputs(call) -> None:
    Path("in").mkdir()
    assert call("watch", "in", "--out", "in").code == 5
    assert call("watch", "in", "--out", ".").code == 5
    assert list(Path("in").iterdir()) == []


def test_one_look_in_words_and_for_programs(call, make_picture, network) -> None:
    make_picture("in/sub/a.png")
    words = ("watch", "in", "--out", "out", "--once", "--interval", "0.1", *network)
    first = call(*words)
    assert (first.code, first.out) == (0, "")
    done, last = first.err.splitlines()
    assert done.startswith("in/sub/a.png -> out/sub/a.png (0.00 MP, ") and last.startswith("1 file cleaned in ")
    make_picture("in/b.png")
    again = call(*words, "--json")
    events = [json.loads(line) for line in again.out.splitlines()]
    kinds = [event["event"] for event in events if event["event"] != "tile_done"]
    assert kinds == ["started", "file_skipped", "file_started", "file_done", "finished"]
    assert events[1]["reason"] == "done already" and events[-1]["already_there"] == 1 and again.err == ""
