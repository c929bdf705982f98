"""`denoise restore`: a file, a folder with masks, and what goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.image import from_numpy

MODEL = ("--device", "cpu", "--steps", "2")


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    pixels = np.zeros((24, 24), np.uint8)
    pixels[10:12] = 255
    imageio.write(from_numpy(pixels), tmp_path / "mask.png")
    return tmp_path / "mask.png"


def test_a_file_is_restored_where_the_mask_is_white(call, make_picture, mask: Path, tmp_path: Path) -> None:
    source = make_picture("a.png")
    answer = call("restore", source, "--mask", mask, "--out", "b.png", *MODEL)
    assert answer.code == 0 and "1 file restored" in answer.err
    before, after = imageio.read(source).pixels, imageio.read(tmp_path / "b.png").pixels
    changed = (before != after).any(axis=2)
    assert changed[10:12].mean() > 0.9 and not changed[:10].any() and not changed[12:].any()


def test_a_second_call_refuses_and_overwrite_replaces(call, make_picture, mask: Path) -> None:
    words = ("restore", make_picture("a.png"), "--mask", mask, "--out", "b.png", *MODEL)
    assert call(*words).code == 0
    assert call(*words).code == 5
    assert call(*words, "--overwrite").code == 0


def test_a_mask_of_another_size_fails_the_image_only(call, make_picture, mask: Path) -> None:
    make_picture("imgs/a.png")
    make_picture("imgs/large.png", side=30)
    answer = call("restore", "imgs", "--mask", mask, "--out", "out", "--json", *MODEL)
    assert answer.code == 1
    failed = [line for line in map(json.loads, answer.out.splitlines()) if line["event"] == "file_failed"]
    assert [line["message"] for line in failed] == [
        "imgs/large.png: The mask has 24 x 24 pixels, the image 30 x 30."
    ]
    assert Path("out/a.png").exists() and not Path("out/large.png").exists()
