from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as pillow
from PIL import ImageCms

from denoiser import imageio
from denoiser.errors import ImageTooLarge, UnreadableImage
from denoiser.image import Image, from_numpy
from denoiser.options import ReadOptions

Array = np.ndarray[Any, Any]


def _near(small: Image, photo: Array, *, by: float = 6.0) -> None:
    """That *small* shows the same as *photo*."""
    whole = pillow.fromarray(photo).resize((small.width, small.height), pillow.Resampling.LANCZOS)
    assert np.abs(small.pixels.astype(float) - np.asarray(whole).astype(float)).mean() < by


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.tif", "a.webp", "a.avif"])
def test_a_preview_is_small(tmp_path: Path, photo: Array, name: str) -> None:
    imageio.write(from_numpy(photo), tmp_path / name)
    small = imageio.preview(tmp_path / name, 32)
    assert (small.width, small.height, small.channels, small.bits) == (32, 24, 3, 8)
    _near(small, photo)


def test_a_large_jpeg_is_decoded_small(tmp_path: Path, photo: Array) -> None:
    large = np.repeat(np.repeat(photo, 12, axis=0), 12, axis=1)
    imageio.write(from_numpy(large), tmp_path / "a.jpg")
    small = imageio.preview(tmp_path / "a.jpg", 64)
    assert (small.width, small.height) == (64, 48)
    _near(small, photo)


def test_a_small_image_is_not_enlarged(tmp_path: Path, photo: Array) -> None:
    imageio.write(from_numpy(photo), tmp_path / "a.png")
    assert np.array_equal(imageio.preview(tmp_path / "a.png", 500).pixels, photo)


@pytest.mark.parametrize("kind", ["grey8", "grey+alpha8", "rgba8", "grey16", "rgb16", "rgba16", "rgb32"])
def test_every_kind_can_be_looked_at(tmp_path: Path, kinds: dict[str, Image], kind: str) -> None:
    imageio.write(kinds[kind], tmp_path / "a.tif")
    small = imageio.preview(tmp_path / "a.tif", 32)
    assert small.bits == 8
    assert (small.alpha is not None) == ("a" in kind.removeprefix("grey"))
    again = imageio.shrunk(imageio.read(tmp_path / "a.tif"), 32)
    assert np.abs(small.pixels.astype(int) - again.pixels.astype(int)).max() <= 1


def test_deep_values_are_not_dark(tmp_path: Path, photo: Array) -> None:
    deep = from_numpy(photo.astype(np.uint16) * 4, bits=10)
    imageio.write(deep, tmp_path / "a.avif")
    _near(imageio.preview(tmp_path / "a.avif", 32), photo)
    _near(imageio.shrunk(deep, 32), photo)


def test_it_is_upright(tmp_path: Path, photo: Array) -> None:
    exif = pillow.Exif()
    exif[0x0112] = 6
    pillow.fromarray(np.rot90(photo)).save(tmp_path / "a.jpg", exif=exif, quality=95)
    small = imageio.preview(tmp_path / "a.jpg", 32)
    assert (small.width, small.height) == (32, 24)
    _near(small, photo)


def test_colours_are_turned_into_those_of_screens(tmp_path: Path) -> None:
    lab = pillow.new("LAB", (40, 40), (150, 180, 200))
    target = ImageCms.createProfile("sRGB")
    rgb = ImageCms.profileToProfile(lab, ImageCms.createProfile("LAB"), target, outputMode="RGB")
    cmyk = pillow.new("CMYK", (40, 40), (0, 200, 200, 0))
    cmyk.save(tmp_path / "ink.jpg")
    red, green, _ = (int(v) for v in imageio.preview(tmp_path / "ink.jpg", 16).pixels[8, 8])
    assert red > green + 60
    data = io.BytesIO()
    rgb.save(data, "PNG")
    (tmp_path / "b.png").write_bytes(data.getvalue())
    assert imageio.preview(tmp_path / "b.png", 16).pixels[8, 8].tolist() == pytest.approx(
        rgb.getpixel((8, 8)), abs=1
    )


def test_formats_of_other_backends_are_shown_as_well(tmp_path: Path, photo: Array) -> None:
    pillow.fromarray(photo).save(tmp_path / "a.bmp")
    _near(imageio.preview(tmp_path / "a.bmp", 32), photo)


def test_what_shows_nothing_is_named(tmp_path: Path, photo: Array) -> None:
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(UnreadableImage, match=r"a\.jpg"):
        imageio.preview(tmp_path / "a.jpg", 32)
    with pytest.raises(UnreadableImage, match=r"none\.png"):
        imageio.preview(tmp_path / "none.png", 32)
    imageio.write(from_numpy(photo), tmp_path / "cut.jpg")
    data = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(UnreadableImage, match=r"cut\.jpg"):
        imageio.preview(tmp_path / "cut.jpg", 32)
    imageio.write(from_numpy(photo), tmp_path / "b.png")
    with pytest.raises(ImageTooLarge):
        imageio.preview(tmp_path / "b.png", 32, ReadOptions(max_pixels=100))
