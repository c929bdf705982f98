"""`denoise clean` on many files: lists, presets, shards, crops, reports, and dry runs."""

from __future__ import annotations

import io
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.image import from_numpy
from denoiser_cli import app


@pytest.fixture(autouse=True)
def _configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def _listed(names: bytes, monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    with io.TextIOWrapper(io.BytesIO(names)) as pipe, monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", pipe)
        return app.run(words)


@pytest.mark.parametrize("between", [b"\n", b"\0", b"\r\n"])
def test_a_list_from_a_pipe_keeps_folders(call, make_picture, network, monkeypatch, between: bytes) -> None:
    names = [b"imgs/a.png", os.fsencode("imgs/sub/\udcff b.png"), b"imgs/absent.png"]
    for name in names[:2]:
        make_picture(os.fsdecode(name))
    code = _listed(between.join(names) + between, monkeypatch, "--files-from", "-", "--out", "clean", *network)
    assert code == 1
    assert Path("clean/imgs/a.png").exists() and Path("clean/imgs/sub/\udcff b.png").exists()


def test_a_list_in_a_file(call, make_picture, network) -> None:
    make_picture("imgs/a.png")
    Path("list.txt").write_text("imgs/a.png\nimgs/absent.png\n", encoding="utf-8")
    answer = call("--files-from", "list.txt", "--out", "clean", *network)
    assert answer.code == 1 and "imgs/absent.png: no such file." in answer.err
    answer = call("--files-from", "nowhere.txt", "--out", "clean")
    assert answer.code == 2 and answer.err.startswith("nowhere.txt: cannot read the list")


def test_a_preset_is_saved_and_used_and_flags_go_before_it(call, make_picture, network) -> None:
    make_picture("a.png")
    answer = call("--save-preset", "night", "--strength", "0", "--format", "tiff")
    assert answer.code == 0 and answer.err.endswith("night.toml\n")
    assert call("a.png", "--out", "one", "--preset", "night", *network).code == 0
    assert (imageio.read(Path("one/a.tif")).pixels == imageio.read(Path("a.png")).pixels).all()
    assert call("a.png", "--out", "two", "--preset", "night", "--format", "png", *network).code == 0
    assert Path("two/a.png").exists()
    wrong = call("a.png", "--out", "x", "--preset", "day")
    assert wrong.code == 2 and "day: no such preset." in wrong.err and "Saved presets: night" in wrong.err


def test_masks_work_with_files_folders_and_pipes(call, make_picture, network, monkeypatch) -> None:
    source = imageio.read(make_picture("imgs/a.png")).pixels
    mask = np.zeros((24, 24), np.uint8)
    mask[:, 12:] = 255
    imageio.write(from_numpy(mask), Path("masks/a.png.png"))
    assert call("imgs", "--out", "clean", "--mask", "masks", *network).code == 0
    assert call("imgs/a.png", "--out", "b.png", "--mask", "masks/a.png.png", *network).code == 0
    for made in (Path("clean/a.png"), Path("b.png")):
        assert (imageio.read(made).pixels[:, :12] == source[:, :12]).all()
        assert (imageio.read(made).pixels[:, 12:] != source[:, 12:]).any()
    with io.TextIOWrapper(io.BytesIO(Path("imgs/a.png").read_bytes())) as pipe, monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", pipe)
        assert call("-", "--out", "c.png", "--mask", "masks/a.png.png", *network).code == 0
        refused = call("-", "--out", "d.png", "--mask", "masks", *network)
        assert refused.code == 2 and "no name for a folder of masks" in refused.err
        refused = call("-", "--out", "d.png", "--sidecars", *network)
        assert refused.code == 2 and "do not work with pipes" in refused.err
    assert Path("c.png").read_bytes() == Path("b.png").read_bytes()


def test_flags_win_over_sidecars_and_sidecars_over_presets(call, make_picture, network) -> None:
    make_picture("imgs/a.png")
    make_picture("imgs/b.png")
    Path("imgs/a.png.denoise.toml").write_text('strength = 0.5\nformat = "tiff"\n', encoding="utf-8")
    assert call("--save-preset", "none", "--strength", "0").code == 0
    assert call("imgs", "--out", "one", "--sidecars", "--preset", "none", *network).code == 0
    assert (imageio.read(Path("one/a.tif")).pixels != imageio.read(Path("imgs/a.png")).pixels).any()
    assert (imageio.read(Path("one/b.png")).pixels == imageio.read(Path("imgs/b.png")).pixels).all()
    words = ("imgs/a.png", "--sidecars", "--strength", "0", *network)
    assert call(*words).code == 0  # beside it, in the format of its sidecar
    assert (imageio.read(Path("imgs/a-clean.tif")).pixels == imageio.read(Path("imgs/a.png")).pixels).all()


def test_the_dry_run_prints_reasons_and_other_shards(call, make_picture, network) -> None:
    for name in ("a", "b", "c", "d"):
        make_picture(f"imgs/{name}.png")
    call("imgs", "--out", "clean", *network)
    make_picture("imgs/b.png", side=30)
    answer = call("imgs", "--out", "clean", "--dry-run", *network)
    assert "imgs/b.png -> clean/b.png (again: the source has changed)" in answer.out.splitlines()
    assert "imgs/a.png: already done, clean/a.png" in answer.out.splitlines()
    planned = [
        json.loads(line)
        for line in call("imgs", "--out", "clean", "--dry-run", "--json", *network).out.splitlines()
    ]
    assert [line["again"] for line in planned if line["event"] == "planned"] == ["the source has changed"]
    answer = call("imgs", "--out", "other", "--dry-run", "--shard", "1/2", *network)
    assert "in other shards" in answer.err


def test_it_stops_after_so_many_errors(call, make_picture, network) -> None:
    for name in ("a", "b", "c", "d", "e", "f"):
        make_picture(f"imgs/{name}.png")
    for name in ("a", "b"):
        Path(f"imgs/{name}.png").write_bytes(b"broken")
    answer = call("imgs", "--out", "clean", "--max-errors", "2", *network)
    assert answer.code == 1
    assert answer.err.splitlines()[-1].startswith("Stopped (2 failed, the limit of --max-errors) with ")
    assert call("imgs", "--out", "clean", "--max-errors", "3", *network).err.count("failed, listed above") == 1


def test_a_crop_and_a_report(call, make_picture, network) -> None:
    make_picture("imgs/a.png", side=40)
    make_picture("imgs/small.png", side=10)
    answer = call("imgs", "--out", "clean", "--crop", "5,6,20,10", "--report", "report.csv", *network)
    assert answer.code == 1 and "small.png: the crop 5,6,20,10 is outside the image (10 x 10 pixels)." in answer.err
    picture = imageio.read(Path("clean/a.png"))
    assert (picture.width, picture.height) == (20, 10)
    assert Path("report.csv").read_text("utf-8").count("\n") == 3


def test_a_pipe_takes_a_crop_and_no_shard(call, make_picture, network, monkeypatch, capsys) -> None:
    data = make_picture("a.png", side=40).read_bytes()
    assert _listed(data, monkeypatch, "-", "--out", "b.png", "--crop", "0,0,8,4", *network) == 0
    assert imageio.read(Path("b.png")).height == 4
    assert _listed(data, monkeypatch, "-", "--out", "c.png", "--shard", "1/2") == 2
    assert "they do not work with pipes" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--shard 3/2", "--shard must be I/N with I from 1 to N, for example 2/8, not '3/2'."),
        ("--crop 1,2", "--crop must be x,y,width,height in whole pixels"),
        ("--report r.txt", "--report must end in .csv or .json, not 'r.txt'."),
        ("--jobs 0", "--jobs must be between 1 and 64, not 0."),
        ("--max-errors -1", "--max-errors must be between 0 and"),
        ("--skip-clean 99", "--skip-clean must be between 0 and 75, not 99.0."),
        ("--preset ../x", "'../x' is not a valid preset name."),
        ("--files-from nowhere", "nowhere: cannot read the list"),
    ],
)
def test_mistakes_are_answered_with_an_example(call, make_picture, words: str, message: str) -> None:
    make_picture("imgs/a.png")
    answer = call("imgs", "--out", "clean", *words.split())
    assert answer.code == 2 and answer.err.startswith(message) and len(answer.err.splitlines()) == 2
    assert not Path("clean").exists()


def test_nothing_left_to_do_loads_no_torch(tmp_path: Path, make_picture, network, monkeypatch) -> None:
    import subprocess

    monkeypatch.chdir(tmp_path)
    make_picture("imgs/a.png")
    assert app.run(["imgs", "--out", "clean", "-q", *network]) == 0
    program = (
        "import sys; from denoiser_cli.app import run; code = run(sys.argv[1:]); print('torch' in sys.modules)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, "imgs", "--out", "clean", "-q", *network],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert ended.stdout == "False\n"
