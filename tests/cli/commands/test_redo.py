"""`denoise redo` on the command line."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import numpy as np

from denoiser import imageio
from denoiser.image import from_numpy


def make_mask(path: Path, side: int) -> None:
    imageio.write(from_numpy(np.linspace(0, 255, side * side).astype(np.uint8).reshape(side, side)), path)


def test_an_output_is_made_again_and_compared(call, network, make_picture, tmp_path):
    make_picture("a.png", side=64)
    model = network[1]
    assert call("a.png", "--out", "b.png", *network).code == 0
    answer = call("redo", "b.png", "--from", "a.png", "--model", model, "--out", "c.png")
    assert answer.code == 0
    assert "b.png: identical pixels." in answer.err
    assert (tmp_path / "c.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert call("redo", "b.png", "--from", "a.png", "--model", model, "-q").err == ""


def test_another_source_ends_with_1_and_json_has_everything(call, network, make_picture):
    make_picture("a.png", side=64)
    make_picture("other.png", side=64, seed=9)
    assert call("a.png", "--out", "b.png", *network).code == 0
    answer = call("redo", "b.png", "--from", "other.png", "--model", network[1], "--json")
    said = json.loads(answer.out)
    assert answer.code == 1
    assert said["same"] is False and said["differing"] > 0.5
    assert said["ticket"]["model"] == "denoiser-tiny" and said["ticket"]["device"] == "cpu"
    answer = call("redo", "b.png", "--from", "other.png", "--model", network[1])
    assert answer.err.endswith("% of the pixels differ.\n")


def test_another_version_of_torch_is_named_where_pixels_differ(call, network, make_picture, monkeypatch):
    make_picture("a.png", side=64)
    make_picture("other.png", side=64, seed=9)
    monkeypatch.setattr("denoiser.batch.processing_record.version_of_torch", lambda: "1.0")
    assert call("a.png", "--out", "b.png", *network).code == 0
    words = ("redo", "b.png", "--model", network[1], "--from")
    here = metadata.version("torch")
    assert f"differ; it was made with torch 1.0; torch {here} is installed." in call(*words, "other.png").err
    assert "b.png: identical pixels." in call(*words, "a.png").err


def test_words_that_do_not_fit_are_refused_before_anything_is_read(call, network, make_picture):
    make_picture("a.png", side=64)
    assert call("redo", "b.png").code == 2
    assert call("a.png", "--out", "b.png", *network, "--no-ticket").code == 0
    answer = call("redo", "b.png", "--from", "a.png")
    assert answer.code == 2 and "has no processing record" in answer.err
    assert call("redo", "b.png", "--from", "a.png", "--out", "a.png").code == 5
    make_picture("c.png")
    answer = call("redo", "b.png", "--from", "a.png", "--out", "c.png")
    assert answer.code == 2 and "already exists" in answer.err


def test_the_mask_of_an_output_is_given_again(call, network, make_picture, tmp_path):
    make_picture("a.png", side=64)
    make_mask(tmp_path / "mask.png", 64)
    assert call("a.png", "--out", "b.png", "--mask", "mask.png", *network).code == 0
    words = ("redo", "b.png", "--from", "a.png", "--model", network[1])
    assert "b.png: identical pixels." in call(*words, "--mask", "mask.png").err
    answer = call(*words)
    assert answer.code == 2
    assert "b.png: was made with a mask (SHA-256 " in answer.err
