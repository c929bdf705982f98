"""`denoise segment`: the files that are written, and unreadable ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from denoiser import imageio

pytest.importorskip("sklearn")


def test_a_folder_gets_labels_and_overlays(call, make_picture) -> None:
    make_picture("imgs/a.png", side=40)
    make_picture("imgs/deep/b.jpg", side=50, seed=1)
    answer = call("segment", "imgs", "--clusters", "3", "--out", "labels")
    assert answer.code == 0 and "2 files segmented" in answer.err
    assert imageio.read(Path("labels/a.png")).pixels.max() <= 2
    assert imageio.read(Path("labels/deep/b-overlay.jpg")).width == 50


def test_an_unreadable_file_is_listed_and_the_rest_is_segmented(call, make_picture) -> None:
    make_picture("imgs/a.png", side=40)
    Path("imgs/broken.png").write_bytes(b"no image")
    answer = call("segment", "imgs", "--out", "labels")
    assert answer.code == 1
    assert answer.err.count("imgs/broken.png") == 1
    assert Path("labels/a.png").exists()


def test_the_input_folder_is_refused(call, make_picture) -> None:
    make_picture("imgs/a.png")
    answer = call("segment", "imgs", "--out", "imgs")
    assert answer.code == 5
    assert answer.err.splitlines()[0] == "imgs: is the input folder itself; inputs are never overwritten."
