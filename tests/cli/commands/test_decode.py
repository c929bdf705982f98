"""`denoise decode`: images are decoded completely, or not at all."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PilImage

from denoiser import imageio
from denoiser.codec.decode import Decoder
from denoiser.image import Cicp, Image, from_numpy
from denoiser_cli import app

EXACT = ("--lossless",)


@pytest.fixture
def latents(call, make_picture) -> Path:
    """A folder with two latent files of exact pixels."""
    make_picture("imgs/a.png", side=40)
    make_picture("imgs/sub/b.jpg", side=30)
    assert call("encode", "imgs", "--out", "latents", *EXACT).code == 0
    return Path("latents")


def test_a_tree_is_decoded_to_png_and_then_done(call, latents: Path) -> None:
    answer = call("decode", latents, "--out", "back")
    assert answer.code == 0 and answer.err.startswith("2 files decoded, ")
    for name, again in (("a.png", "a.png"), ("sub/b.jpg", "sub/b.png")):
        before, after = imageio.read(Path("imgs") / name), imageio.read(Path("back") / again)
        assert np.array_equal(before.pixels, after.pixels)
    assert call("decode", latents, "--out", "back").err.startswith("Nothing to do: 2 files already done")
    assert (Path("back/a.png").stat().st_mtime_ns) == (latents / "a.dlf").stat().st_mtime_ns


def test_format_depth_and_region_are_obeyed(call, latents: Path) -> None:
    words = ("--format", "tiff", "--depth", "16", "--region", "5,7,20,10")
    assert call("decode", latents / "a.dlf", "--out", "part", *words).code == 0
    part, whole = imageio.read(Path("part/a.tif")), imageio.read(Path("imgs/a.png"))
    assert part.bits == 16
    assert np.array_equal(part.pixels, whole.pixels[7:17, 5:25].astype(np.uint16) * 257)
    assert call("decode", latents / "a.dlf", "--out", "c.jpg", "--jpeg-quality", "50").code == 0
    assert Path("c.jpg").read_bytes()[:2] == b"\xff\xd8"


@pytest.mark.parametrize(
    "words", [{"quality": 71, "subsampling": 2}, {"qtables": [[9] * 64, [5] * 64], "subsampling": 1}]
)
@pytest.mark.parametrize("lossless", [True, False])
def test_a_jpeg_gets_its_tables_and_subsampling_back(
    call, make_picture, codec, words: dict[str, Any], lossless: bool
) -> None:
    make_picture("a.png", side=70)
    with PilImage.open("a.png") as picture:
        picture.convert("RGB").save("a.jpg", **words)
    assert call("encode", "a.jpg", "--out", "a.dlf", *(EXACT if lossless else codec)).code == 0
    codec = () if lossless else codec
    assert call("decode", "a.dlf", "--out", "b.jpg", *codec).code == 0
    assert call("decode", "a.dlf", "--out", "c.jpg", "--quality", "30", *codec).code == 0
    assert tables_in("a.jpg") == tables_in("b.jpg") != tables_in("c.jpg")
    assert call("encode", "a.jpg", "--out", "d.dlf", "--strip", *(EXACT if lossless else codec)).code == 0
    assert call("decode", "d.dlf", "--out", "d.jpg", *codec).code == 0
    assert tables_in("d.jpg") != tables_in("a.jpg")


def tables_in(name: str) -> tuple[Any, Any]:
    """Tables and sampling factors, as Pillow reads them."""
    picture: Any
    with PilImage.open(name) as picture:
        return picture.quantization, picture.layer


def test_lossy_images_are_similar(call, make_picture, tmp_path: Path, codec) -> None:
    make_picture("a.png", side=130)
    assert call("encode", "a.png", "--out", "a.dlf", "-Q", "90", *codec).code == 0
    assert call("decode", "a.dlf", "--out", "b.png", *codec).code == 0
    assert imageio.read(Path("b.png")).pixels.shape == (130, 130, 3)
    assert call("decode", "a.dlf", "--out", "c.png", "--region", "60,9,70,30", *codec).code == 0
    whole, part = imageio.read(Path("b.png")).pixels, imageio.read(Path("c.png")).pixels
    assert np.array_equal(whole[9:39, 60:130], part)


def test_hdr_is_refused_before_decoding_where_it_cannot_be_stored(
    call, make_picture, codec, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_picture("a.png")
    imageio.write(Image(imageio.read(Path("a.png")).pixels, cicp=Cicp(9, 18)), Path("hlg.png"))
    assert call("encode", "hlg.png", "--out", "hlg.dlf", *codec).code == 0
    monkeypatch.setattr(Decoder, "decode", None)
    for out in ("a.jpg", "-"):
        answer = call("decode", "hlg.dlf", "--out", out, "--format", "jpg", *codec)
        assert answer.code != 0 and "JPEG cannot store these colours (BT.2020 with HLG)" in answer.err


def test_a_damaged_file_is_reported_and_not_decoded(call, latents: Path) -> None:
    data = bytearray((latents / "a.dlf").read_bytes())
    data[len(data) // 2] ^= 1
    (latents / "a.dlf").write_bytes(data)
    answer = call("decode", latents, "--out", "back")
    assert answer.code == 1
    assert "latents/a.dlf: corrupt: the checksum of the EXAC chunk does not match." in answer.err
    assert sorted(path.name for path in Path("back").rglob("*.png")) == ["b.png"]


def test_a_region_outside_of_the_image_fails_that_file(call, latents: Path) -> None:
    answer = call("decode", latents, "--out", "back", "--region", "25,25,10,10")
    assert answer.code == 1
    assert "latents/sub/b.dlf: the region 25,25,10,10 reaches beyond its 30 x 30 pixels." in answer.err
    assert Path("back/a.png").exists()


def test_weights_that_are_not_here_are_named(call, make_picture, codec) -> None:
    make_picture("a.png", side=130)
    assert call("encode", "a.png", "--out", "a.dlf", *codec).code == 0
    answer = call("decode", "a.dlf", "--out", "b.png")
    assert answer.code == 4 and not Path("b.png").exists()
    assert "weights" in answer.err and "not" in answer.err


def test_through_pipes(call, latents: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO((latents / "a.dlf").read_bytes())))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(out, write_through=True))
    assert app.run(["decode", "-", "--out", "-"]) == 0
    back = imageio.read_bytes(out.getvalue(), "piped")
    assert np.array_equal(back.pixels, imageio.read(Path("imgs/a.png")).pixels)


def test_grain_needs_a_denoised_file(call, latents: Path) -> None:
    answer = call("decode", latents / "a.dlf", "--out", "b.png", "--grain", "1")
    assert answer.code == 0
    assert "no grain is added: the file has no noise model" in answer.err


def test_float_becomes_a_tiff(call, tmp_path: Path, codec) -> None:
    values = np.random.default_rng(2).random((130, 130, 3), np.float32)
    imageio.write(Image(values), tmp_path / "a.tif")
    assert call("encode", "a.tif", "--out", "l", *codec).code == 0
    assert call("decode", "l", "--out", "back", *codec).code == 0
    assert imageio.read(Path("back/a.tif")).pixels.dtype == np.float32


def test_alpha_is_preserved_bit_for_bit(call, tmp_path: Path, codec) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (130, 130, 4), np.uint8)
    imageio.write(from_numpy(pixels), tmp_path / "a.png")
    assert call("encode", "a.png", "--out", "l", *codec).code == 0
    assert call("decode", "l", "--out", "back", *codec).code == 0
    alpha = imageio.read(Path("back/a.png")).alpha
    assert alpha is not None and np.array_equal(alpha, pixels[:, :, 3])
