"""`denoise embed`, `map` and `similar`: what they write and print, again with fewer files to read, and failures."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("pandas")

from denoiser import imageio
from denoiser.workbench.embedding import read_table


@pytest.fixture
def folder(make_picture: Callable[..., Path]) -> Path:
    """Two folders with three images of noise each; three.png and six.png are the same image."""
    for number, name in enumerate(("a/one", "a/two", "a/three", "b/four", "b/five", "b/six")):
        make_picture(f"imgs/{name}.png", side=48, seed=2 if name.endswith("six") else number)
    return Path("imgs")


def test_embed_writes_a_table_and_reads_only_what_is_new(call: Callable[..., object], folder: Path) -> None:
    words = ("embed", folder, "--out", "t.parquet", "--layout", "pca", "--json")
    first = json.loads(call(*words, "--clusters", "2").out.splitlines()[-1])
    assert first["event"] == "embedded" and first["images"] == 6 and first["clusters"] == 2
    table = read_table(Path("t.parquet"))
    assert {"x", "y", "cluster"} <= set(table)
    assert table["path"].tolist() == sorted(str(path) for path in folder.rglob("*.png"))
    (folder / "a" / "one.png").unlink()
    (folder / "b" / "new.png").write_bytes((folder / "b" / "four.png").read_bytes())
    lines = call(*words).out.splitlines()
    assert json.loads(lines[-1])["reused"] == 5
    done = [json.loads(line)["source"] for line in lines if '"file_done"' in line]
    assert done == [str(folder / "b" / "new.png")]
    assert len(read_table(Path("t.parquet"))) == 6


def test_embed_names_files_that_cannot_be_read(call: Callable[..., object], folder: Path) -> None:
    broken = folder / "a" / "two.png"
    broken.write_bytes(broken.read_bytes()[:200])
    answer = call("embed", folder, "--out", "t.csv", "--layout", "pca")
    assert answer.code == 1 and "two.png" in answer.err
    assert len(list(csv.reader(Path("t.csv").read_text(encoding="utf-8").splitlines()))) == 6


def test_the_probe_is_printed(call: Callable[..., object], folder: Path) -> None:
    answer = call("embed", folder, "--out", "t.csv", "--layout", "pca", "--probe")
    assert "by 3-fold validation" in answer.out


def test_map_writes_a_page_and_an_image_and_keeps_the_layout_of_a_table(
    call: Callable[..., object], folder: Path
) -> None:
    pytest.importorskip("bokeh")
    call("embed", folder, "--out", "t.parquet", "--layout", "pca")
    assert call("map", "t.parquet", "--out", "kept.html").code == 0
    assert call("map", folder, "--out", "made.html", "--layout", "pca").code == 0
    assert Path("kept.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    kept, made = (imageio.read(Path(f"{name}.png")).pixels for name in ("kept", "made"))
    assert (kept == made).all()
    assert call("map", "t.parquet", "--out", "changed.html", "--layout", "tsne").code == 0
    assert (imageio.read(Path("changed.png")).pixels != kept).any()


def test_similar_prints_and_draws_groups(call: Callable[..., object], folder: Path) -> None:
    answer = call("similar", folder, "--out", "groups.png", "--index", "t.parquet")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0] == "Group 1, 2 duplicates"
    assert {line.split()[-1] for line in lines[1:3]} == {"imgs/a/three.png", "imgs/b/six.png"}
    assert "Nothing was deleted" in answer.err and len(list(folder.rglob("*.png"))) == 6
    assert imageio.read(Path("groups.png")).width > 400
    assert len(read_table(Path("t.parquet"))) == 6
    rows = list(csv.DictReader(io.StringIO(call("similar", folder, "--csv", "--index", "t.parquet").out)))
    assert [row["keep"] for row in rows if row["kind"] == "duplicates"] == ["True", "False"]


def test_a_query_has_its_copy_first(call: Callable[..., object], folder: Path) -> None:
    lines = call("similar", folder, "--query", folder / "b" / "six.png", "--json").out.splitlines()
    found = [json.loads(line) for line in lines if '"similar"' in line]
    assert [one["path"] for one in found[:2]] == ["imgs/b/six.png", "imgs/a/three.png"]
    assert [one["kind"] for one in found[:2]] == ["duplicates"] * 2


def test_the_sheet_must_not_replace_an_image(call: Callable[..., object], folder: Path) -> None:
    before = (folder / "a" / "one.png").read_bytes()
    answer = call("similar", folder, "--out", folder / "a" / "one.png")
    assert answer.code == 5 and "inputs are never overwritten" in answer.err
    assert (folder / "a" / "one.png").read_bytes() == before


def test_the_errors_of_an_autoencoder_and_of_pca_are_printed(call: Callable[..., object], folder: Path) -> None:
    import numpy as np

    from denoiser.workbench.autoencoder import Autoencoder

    images = np.random.default_rng(0).uniform(0, 1, (40, 8, 8)).astype(np.float32)
    Autoencoder(kind="basic", code=3, epochs=1).fit(images).save(Path("a.safetensors"))
    answer = call("embed", folder, "--out", "t.parquet", "--layout", "pca", "--model", "a.safetensors", "--json")
    facts = json.loads(answer.out.splitlines()[-1])
    assert facts["error"] > facts["pca_error"] > 0
    assert len(read_table(Path("t.parquet"))["features"][0]) == 3
