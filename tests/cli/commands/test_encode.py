"""`denoise encode`: outputs, messages, resumed runs, and pipes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.codec import container
from denoiser.image import Image, from_numpy
from denoiser.options import ReadOptions
from denoiser_cli import app

EXACT = ("--lossless",)


def test_a_tree_is_encoded_and_then_found_done(call, make_picture, codec) -> None:
    for name in ("imgs/a.png", "imgs/sub/b.jpg"):
        make_picture(name, side=100)
    first = call("encode", "imgs", "--out", "latents", *codec)
    assert (first.code, first.out) == (0, "")
    lines = first.err.splitlines()
    assert lines[0].startswith("2 files encoded, 0.0 MP in ") and lines[0].endswith(": latents")
    size = sum(path.stat().st_size for path in Path("latents").rglob("*.dlf"))
    picture = sum(container.picture_bytes(container.read(path)) for path in Path("latents").rglob("*.dlf"))
    parts = f"({picture:,} picture, {size - picture:,} metadata)"
    assert 0 < picture < size
    assert lines[1] == f"{size:,} bytes {parts}, {size * 8 / 20_000:.2f} bits per pixel."
    second = call("encode", "imgs", "--out", "latents", *codec)
    assert second.err == "Nothing to do: 2 files already done in latents (use --overwrite to replace).\n"
    names = sorted(path.as_posix() for path in Path("latents").rglob("[ab].*"))
    assert names == ["latents/a.dlf", "latents/sub/b.dlf"]


def test_other_options_are_refused_and_overwrite_replaces(call, make_picture, codec) -> None:
    make_picture("imgs/a.png", side=100)
    assert call("encode", "imgs", "--out", "latents", "-Q", "30", *codec).code == 0
    small = Path("latents/a.dlf").read_bytes()
    again = call("encode", "imgs", "--out", "latents", "-Q", "90", *codec)
    assert again.code == 5 and again.err.startswith("latents/a.dlf: was made with other options.\n")
    assert Path("latents/a.dlf").read_bytes() == small
    assert call("encode", "imgs", "--out", "latents", "-Q", "90", "--overwrite", *codec).code == 0
    assert container.read(Path("latents/a.dlf")).step == 57
    assert len(small) < Path("latents/a.dlf").stat().st_size


def test_one_file_to_one_file_with_the_times_of_its_source(call, make_picture) -> None:
    source = make_picture("a.png")
    assert call("encode", "a.png", "--out", "b.dlf", *EXACT).code == 0
    assert Path("b.dlf").stat().st_mtime_ns == source.stat().st_mtime_ns
    assert not Path(".denoise").exists()


def test_json_has_size_and_quality_of_each_file(call, make_picture, codec) -> None:
    make_picture("imgs/a.png", side=100)
    lines = [json.loads(line) for line in call("encode", "imgs", "--out", "l", "--json", *codec).out.splitlines()]
    assert [line["event"] for line in lines] == ["started", "file_started", "tile_done", "file_done", "finished"]
    facts = lines[3]["facts"]
    assert facts["bytes"] == Path("l/a.dlf").stat().st_size == facts["picture_bytes"] + facts["metadata_bytes"]
    assert facts["picture_bytes"] == container.picture_bytes(container.read(Path("l/a.dlf")))
    assert facts["quality"] == 60.3 and facts["bits_per_pixel"] == round(facts["bytes"] * 8 / 10_000, 4)


def test_the_size_that_denoising_saves_is_reported(call, tmp_path: Path, codec) -> None:
    ramp = np.linspace(60, 190, 160)[:, np.newaxis, np.newaxis]
    noise = np.random.default_rng(1).normal(0, 15, (160, 160, 3))
    imageio.write(from_numpy(np.clip(ramp + noise, 0, 255).astype(np.uint8)), tmp_path / "a.png")
    answer = call("encode", "a.png", "--out", "l", "--denoise", "15", "--report", "r.json", "-v", *codec)
    assert answer.code == 0, answer.err
    row = json.loads(Path("r.json").read_text())[0]
    assert row["noise_luma"] == 15 and row["bytes"] == Path("l/a.dlf").stat().st_size
    assert row["picture_bytes"] + row["metadata_bytes"] == row["bytes"]
    assert row["metadata_bytes"] > 154, "the noise model is not the picture"
    saved = row["noisy_bytes"] - row["bytes"]  # random weights may make clean pictures the longer ones
    assert f"{abs(saved):,} bytes {'fewer' if saved >= 0 else 'more'} (" in answer.err
    assert f"(0.03 MP, {row['bytes']:,} bytes)" in answer.err
    file = container.read(Path("l/a.dlf"))
    assert file.cleaned and file.noise is not None


def test_what_cannot_be_read_or_kept_is_named_and_the_others_are_made(call, make_picture, tmp_path: Path) -> None:
    make_picture("imgs/a.png")
    (tmp_path / "imgs/b.png").write_bytes(b"no picture")
    imageio.write(Image(np.full((9, 9, 3), 0.5, np.float32)), tmp_path / "imgs/c.tif")
    answer = call("encode", "imgs", "--out", "latents", *EXACT)
    assert answer.code == 1
    assert "imgs/b.png is not an image" in answer.err
    assert "imgs/c.tif" in answer.err and "float pixels" in answer.err
    assert [path.name for path in Path("latents").glob("*.dlf")] == ["a.dlf"]


def test_an_impossible_target_is_an_error_with_a_possible_one(call, make_picture, codec) -> None:
    make_picture("a.png", side=100)
    answer = call("encode", "a.png", "--out", "b.dlf", "--target-size", "80", *codec)
    assert answer.code == 1 and not Path("b.dlf").exists()
    assert "in 80 bytes: it takes at least" in answer.err


def test_through_a_pipe_and_back(call, make_picture, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make_picture("a.png")
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(source.read_bytes())))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, write_through=True))
    assert app.run(["encode", "-", "--out", "-", *EXACT]) == 0
    file = container.read_bytes(out.getvalue(), "piped", ReadOptions())
    assert file.is_exact and (file.width, file.height) == (24, 24)


def test_missing_weights_are_an_error(call, make_picture) -> None:
    make_picture("a.png")
    answer = call("encode", "a.png", "--out", "l", "--model", "nowhere.safetensors")
    assert answer.code == 4 and answer.err.startswith("nowhere.safetensors: no such weights file.")
