"""`denoise estimate`: a line for each image, in three voices."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest

from denoiser import estimate_noise, imageio


@pytest.fixture
def two(make_picture) -> None:
    make_picture("imgs/a.png", side=64, seed=1)
    make_picture("imgs/sub/b, c.png", side=80, seed=2)


def test_a_table_for_people(call, two) -> None:
    answer = call("estimate", "imgs")
    head, *lines = answer.out.splitlines()
    assert answer.code == 0 and answer.err == "" and head.split()[:3] == ["luma", "chroma", "kind"]
    truth = estimate_noise(imageio.read(Path("imgs/a.png")))
    assert lines[0] == f"{truth.luma:6.2f} {truth.chroma:7.2f} {truth.kind:5.2f}  imgs/a.png: {truth.reason}"
    assert len(lines) == 2 and "imgs/sub/b, c.png" in lines[1]


def test_json_holds_the_levels(call, two) -> None:
    lines = [json.loads(line) for line in call("estimate", "imgs", "--json").out.splitlines()]
    assert [line["path"] for line in lines] == ["imgs/a.png", "imgs/sub/b, c.png"]
    truth = estimate_noise(imageio.read(Path("imgs/a.png"))).as_values()
    assert {key: lines[0][key] for key in truth} == truth and lines[0]["levels"]


def test_csv_can_be_read_back(call, two) -> None:
    rows = list(csv.DictReader(call("estimate", "imgs", "--csv").out.splitlines()))
    assert [row["path"] for row in rows] == ["imgs/a.png", "imgs/sub/b, c.png"]
    assert float(rows[0]["luma"]) == estimate_noise(imageio.read(Path("imgs/a.png"))).luma


def test_a_broken_file_is_named_and_the_others_are_told(call, two) -> None:
    Path("imgs/aa.png").write_bytes(b"no picture")
    answer = call("estimate", "imgs", "--csv")
    assert answer.code == 1 and answer.err.startswith("imgs/aa.png")
    assert len(answer.out.splitlines()) == 3
    (error,) = [
        line for line in map(json.loads, call("estimate", "imgs", "--json").out.splitlines()) if "event" in line
    ]
    assert error["event"] == "error" and error["kind"] == "UnsupportedFormat"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "No image or folder given."),
        (["nowhere"], 2, "nowhere: "),
        (["empty"], 3, "empty: no image found."),
        (["imgs", "--csv", "--json"], 2, "Choose only one of --csv and --json."),
    ],
)
def test_mistakes(call, two, words, code, message) -> None:
    Path("empty").mkdir()
    answer = call("estimate", *words)
    assert answer.code == code and answer.err.startswith(message)


def test_a_pipe_is_estimated_like_a_file(call, make_picture, monkeypatch: pytest.MonkeyPatch) -> None:
    data = make_picture("a.png", side=64).read_bytes()
    of_file = json.loads(call("estimate", "a.png", "--json").out)
    with io.TextIOWrapper(io.BytesIO(data)) as pipe, monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", pipe)
        of_pipe = json.loads(call("estimate", "-", "--json").out)
    assert of_pipe == of_file | {"path": "-"}
    two = call("estimate", "-", "a.png")
    assert two.code == 2 and two.err.startswith("A pipe holds a single image.")
