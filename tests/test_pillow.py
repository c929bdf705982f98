"""Pillow opens and saves latent files like those of its own formats."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image, UnidentifiedImageError

import denoiser.pillow
from denoiser import decode, encode


@pytest.fixture
def photo() -> Image.Image:
    y, x = np.mgrid[0:150, 0:200]
    values = np.stack([128 + 60 * np.sin(x / 17) * np.cos(y / (23 - 5 * c)) for c in range(3)], axis=2)
    noise = np.random.default_rng(0).normal(0, 3, values.shape)
    return Image.fromarray((values + noise).clip(0, 255).astype(np.uint8))


@pytest.fixture
def saved(photo, tmp_path):
    """A latent file of the shipped codec."""
    path = tmp_path / "a.dlf"
    photo.save(path, quality=40)
    return path


def test_saving_gives_the_bytes_of_encode(photo, saved) -> None:
    assert saved.read_bytes() == encode(photo, quality=40)
    data = io.BytesIO()
    photo.save(data, "DLF", lossless=True, progressive=True)  # options of other formats are ignored
    assert np.array_equal(np.asarray(Image.open(data)), np.asarray(photo))


def test_size_and_mode_are_known_before_pixels_are_decoded(saved, monkeypatch) -> None:
    monkeypatch.setattr(denoiser.pillow, "decode", lambda *_, **__: pytest.fail("decoded too early"))
    with Image.open(saved) as image:
        assert (image.format, image.mode, image.size) == ("DLF", "RGB", (200, 150))
        assert image.get_format_mimetype() == "image/x-denoise-latent"


def test_the_pixels_are_those_of_decode(saved) -> None:
    with Image.open(saved) as image:
        assert np.array_equal(np.asarray(image), decode(saved).pixels)
        assert image.getpixel((3, 4)) == tuple(decode(saved).pixels[4, 3])
        assert image.format == "DLF"


def test_a_draft_is_decoded_at_a_smaller_size(saved) -> None:
    with Image.open(saved) as image:
        image.draft(None, (60, 40))
        assert image.size == (100, 75)
        assert np.array_equal(np.asarray(image), decode(saved, scale="1/2").pixels)
        assert image.draft(None, (10, 10)) is None
    with Image.open(saved) as image:
        image.thumbnail((40, 40))
        assert image.size == (40, 30)


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "I;16"])
def test_modes_stay(mode: str, photo) -> None:
    if mode == "I;16":
        picture = Image.fromarray(np.arange(60 * 70, dtype=np.uint16).reshape(60, 70))
    else:
        picture = photo.resize((70, 60)).convert(mode)
    data = io.BytesIO()
    picture.save(data, "DLF", lossless=True)
    back = Image.open(data)
    assert back.mode == mode
    back.load()
    assert back.mode == mode and np.array_equal(np.asarray(back), np.asarray(picture))


def test_metadata_is_kept(photo) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a boat"
    data = io.BytesIO()
    photo.save(data, "DLF", exif=exif.tobytes(), dpi=(300, 300), lossless=True)
    back = Image.open(data)
    assert back.getexif()[0x010E] == "a boat" and back.info["dpi"] == (300, 300)


def test_damage_is_an_oserror_and_other_files_are_left_to_pillow(saved, tmp_path) -> None:
    data = saved.read_bytes()
    (tmp_path / "cut.dlf").write_bytes(data[:-20])
    with pytest.raises(OSError, match="cut"):
        Image.open(tmp_path / "cut.dlf")
    (tmp_path / "no.dlf").write_bytes(b"nothing")
    with pytest.raises(UnidentifiedImageError):
        Image.open(tmp_path / "no.dlf")


def test_the_plug_in_imports_no_torch() -> None:
    code = "import sys, denoiser.pillow; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
