"""`denoise samples`: the same photos each time, free to use, and nothing overwritten."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from denoiser import imageio
from denoiser.metrics import psnr
from denoiser_cli.commands.samples import CREDITS_NAME, SAMPLES


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from denoiser_cli import app

    folder = tmp_path_factory.mktemp("samples")
    assert app.run(["samples", str(folder / "imgs"), "--originals", str(folder / "originals"), "-q"]) == 0
    return folder


def test_photos_of_several_formats_and_depths(written: Path) -> None:
    pictures = {sample.name: imageio.read(written / "imgs" / sample.name) for sample in SAMPLES}
    assert {path.name for path in (written / "imgs").iterdir()} == {*pictures, CREDITS_NAME}
    assert {picture.bits for picture in pictures.values()} == {8, 16}
    assert {Path(name).suffix for name in pictures} == {".jpg", ".png"}
    assert {picture.channels for picture in pictures.values()} == {1, 3}


def test_the_noise_is_what_is_said(written: Path) -> None:
    for sample in SAMPLES:
        noisy = imageio.read(written / "imgs" / sample.name)
        clean = imageio.read((written / "originals" / sample.name).with_suffix(".png"))
        found = psnr(noisy.pixels / noisy.white, clean.pixels / clean.white, white=1.0)
        if sample.noise == "white":
            expected = 20 * np.log10(255 / sample.amount)
            assert expected - 0.6 < found < expected + 1.5  # JPEG adds a little, clipping takes some away
        else:
            assert 18 < found < 30


def test_the_credits_name_every_photo_and_its_freedom(written: Path) -> None:
    words = (written / "imgs" / CREDITS_NAME).read_text(encoding="utf-8")
    for sample in SAMPLES:
        assert f"{sample.name}: {sample.credit}" in words
        assert "CC0" in sample.credit or "Public domain" in sample.credit


def test_the_same_bytes_each_time(call, written: Path) -> None:
    assert call("samples", "again").code == 0
    for path in (written / "imgs").iterdir():
        assert (Path("again") / path.name).read_bytes() == path.read_bytes()


def test_nothing_is_overwritten(call) -> None:
    Path("imgs").mkdir()
    Path("imgs/camera.png").write_bytes(b"mine")
    answer = call("samples", "imgs")
    assert answer.code == 2
    assert answer.err.startswith("imgs/camera.png: already exists")
    assert [path.name for path in Path("imgs").iterdir()] == ["camera.png"]


def test_without_the_extra_it_says_which(call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    monkeypatch.setattr("denoiser_cli.commands.samples.find_spec", lambda name: None)
    answer = call("samples", "imgs")
    assert answer.code == 4
    assert "pip install 'denoiser-studio[demo]'" in answer.err
    assert not Path("imgs").exists()
