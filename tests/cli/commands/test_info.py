"""`denoise info`: the content of a latent file, as text and JSON."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from denoiser import imageio
from denoiser.image import from_numpy


def test_each_file_is_a_block_with_its_size_and_quality(call, make_picture, codec) -> None:
    make_picture("imgs/a.png", side=130)
    make_picture("imgs/b.png", side=3)
    assert call("encode", "imgs", "--out", "l", *codec).code == 0
    answer = call("info", "l")
    assert answer.code == 0
    lines = answer.out.splitlines()
    size = Path("l/a.dlf").stat().st_size
    assert lines[0] == "l/a.dlf"
    assert lines[1] == "  image      130 x 130, 0.02 MP, colour, 8 bit"
    assert lines[2] == (
        f"  encoding   quality 60.3 (step 38 of 63), {size:,} bytes, {size * 8 / 16_900:.3f} bits per pixel"
    )
    assert lines[3].startswith("  weights    ") and "not installed; 1 tile" in lines[3]
    assert "l/b.dlf" in lines and "  made from  png" in lines
    assert "  metadata   15 bytes" in lines, "the chunk with the source"
    assert "lossless" in answer.out, "the small picture takes fewer bytes so"


def test_json_has_every_value(call, tmp_path: Path) -> None:
    imageio.write(from_numpy(np.zeros((5, 7, 2), np.uint16)), tmp_path / "a.png")
    assert call("encode", "a.png", "--out", "a.dlf", "--lossless", "--thumbnail").code == 0
    values = json.loads(call("info", "a.dlf", "--json").out)
    assert (values["event"], values["source"], values["width"], values["height"]) == ("latent", "a.dlf", 7, 5)
    assert (values["channels"], values["bits"], values["alpha"], values["exact"]) == (1, 16, True, True)
    assert values["quality"] is None and values["weights"] is None and values["thumbnail"] is True
    assert values["bytes"] == Path("a.dlf").stat().st_size == sum(values["chunks"].values())
    assert values["picture_bytes"] == values["chunks"]["header"] + values["chunks"]["EXAC"]
    assert values["picture_bytes"] + values["metadata_bytes"] == values["bytes"]
    assert values["metadata_bytes"] > values["chunks"]["thmb"]


def test_what_is_damaged_or_no_latent_file_is_named(call, make_picture) -> None:
    make_picture("a.png")
    assert call("encode", "a.png", "--out", "a.dlf", "--lossless").code == 0
    Path("b.dlf").write_bytes(Path("a.dlf").read_bytes()[:-3])
    answer = call("info", "a.dlf", "b.dlf", "a.png")
    assert answer.code == 1
    assert answer.out.count("lossless") == 1
    assert "b.dlf: truncated" in answer.err and "a.png is not a latent file." in answer.err
    assert call("info", "b.dlf", "--json").out.startswith('{"event": "file_failed", "source": "b.dlf"')
