"""What a new user gets wrong, and the one or two lines that answer it; nothing is written by any of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from denoiser_cli import app

# words of the call, exit code, the line that names the cause, a part of the line that says what to do
MISTAKES = [
    ("nowhere --out clean", 2, "nowhere: no such file or folder.", "Check the spelling"),
    ("imgs/nope.jpg --out clean", 2, "imgs/nope.jpg: no such file or folder.", "Check the spelling"),
    ("sample imgs --out clean", 2, "sample: no such file or folder.", "Did you mean `denoise samples`?"),
    ("imgs", 2, "--out is missing: where should the clean pictures go?", "denoise ./imgs --out ./clean"),
    ("--out clean", 2, "No picture and no folder is named.", "denoise ./imgs --out ./clean"),
    ("imgs clean", 2, "--out is missing: where should the clean pictures go?", "--out ./clean"),
    ("imgs --output clean", 2, "No such option '--output'. Did you mean '--out'?", "`denoise clean --help`"),
    ("imgs --out", 2, "Option '--out' requires an argument.", "--help` shows the calls"),
    ("imgs --out clean --strength 2", 2, "--strength lies between 0 and 1, not 2.0.", "`denoise clean --help`"),
    ("imgs --out clean --format gif", 2, "Invalid value for '--format'", "`denoise clean --help`"),
    ("empty --out clean", 3, "empty: no picture found.", "Read are PNG, JPEG"),
    ("texts --out clean", 3, "texts: no picture found (1 file of other kinds).", "Read are PNG, JPEG"),
    ("pipe.png --out clean", 3, "pipe.png: no picture found (pipe.png: a pipe, not a file).", "Read are"),
    ("imgs --out imgs", 5, "imgs: is the input folder itself; no input is ever written to.", "--out ./clean"),
    ("imgs/a.png --out imgs/a.png", 5, "imgs/a.png: is an input itself, or a link to one;", "--out ./clean"),
    ("imgs/a.png --out imgs", 5, "imgs/a.png: is an input itself, or a link to one;", "--out ./clean"),
    ("imgs/a.png --out linked.png", 5, "linked.png: is an input itself, or a link to one;", "--out ./clean"),
    ("imgs --out hard", 5, "hard/a.png: is an input itself, or a link to one;", "--out ./clean"),
    ("imgs --out linked", 5, "linked: is the input folder itself;", "--out ./clean"),
    ("twins --out clean", 5, "twins/a.bmp and twins/a.png would both become clean/a.png.", "rename one"),
    ("imgs --out file", 2, "file: is a file, and the outputs need a folder.", "--out ./clean"),
    ("imgs --out b.png", 2, "--out b.png names one file, and a folder is to be cleaned.", "Name a folder"),
    ("imgs/a.png --out b.gif", 2, "b.gif: the name ends in '.gif', which names no format", "write b.gif/"),
    ("imgs/a.png --out b.bmp", 2, "b.bmp: BMP is read and not written here.", "--out b.png"),
    ("imgs --out clean --model nope", 4, "No weights named 'nope'", "`denoise models` lists"),
    ("imgs --out clean --model n.safetensors", 4, "n.safetensors: no such weights file.", "`denoise models` lists"),
]


@pytest.mark.parametrize(("words", "code", "cause", "hint"), MISTAKES, ids=[words for words, *_ in MISTAKES])
def test_a_mistake_is_answered_in_two_lines(
    folder: Path, make_picture, capsys: pytest.CaptureFixture[str], words: str, code: int, cause: str, hint: str
) -> None:
    original = make_picture("imgs/a.png").read_bytes()
    for name in ("empty", "texts", "twins", "hard"):
        Path(name).mkdir()
    Path("texts/a.txt").write_bytes(b"words")
    Path("file").write_bytes(b"mine")
    os.mkfifo("pipe.png")
    os.symlink("imgs/a.png", "linked.png")
    os.symlink("imgs", "linked")
    os.link("imgs/a.png", "hard/a.png")
    make_picture("twins/a.png")
    Path("twins/a.bmp").write_bytes(b"BM")
    before = sorted(Path().rglob("*"))
    assert app.run(words.split()) == code
    said = capsys.readouterr()
    lines = said.err.splitlines()
    assert said.out == ""
    assert len(lines) == 2 and lines[0].startswith(cause) and lines[1].startswith("  ") and hint in lines[1]
    assert "Traceback" not in said.err
    assert sorted(Path().rglob("*")) == before
    assert Path("imgs/a.png").read_bytes() == original and Path("file").read_bytes() == b"mine"
