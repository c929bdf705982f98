"""Reducing images for export: in linear light, with the curve of the profile, and with the size in the metadata."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags
from PIL import Image as PillowImage

from denoiser import imageio
from denoiser.errors import UsageError
from denoiser.image import Cicp, Image
from denoiser.imageio import colour, containers, sizing
from denoiser.options import WriteOptions, size_of

HALF = WriteOptions(size="50%")


def checks(white: int, dtype: Any, channels: int = 3) -> np.ndarray:
    """Black and white pixels in turn."""
    squares = np.indices((120, 160)).sum(axis=0) % 2 * white
    return np.repeat(squares[:, :, np.newaxis], channels, axis=2).astype(dtype)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("", (4000, 3001)),
        ("2000", (2000, 1500)),
        ("4000", (4000, 3001)),
        ("9000", (4000, 3001)),
        ("50%", (2000, 1500)),
        ("12.5%", (500, 375)),
        ("1", (1, 1)),
        ("0.001%", (1, 1)),
    ],
)
def test_the_long_edge_or_a_percentage(size: str, expected: tuple[int, int]) -> None:
    assert size_of(WriteOptions(size=size), 4000, 3001) == expected


@pytest.mark.parametrize("size", ["0", "0%", "101%", "-5", "big", "50 %", "1e3"])
def test_other_sizes_are_errors(size: str) -> None:
    with pytest.raises(UsageError, match="size must be like 2048"):
        WriteOptions(size=size)


@pytest.mark.parametrize(
    ("bits", "white", "dtype"), [(8, 255, np.uint8), (16, 65_535, np.uint16), (32, 1, np.float32)]
)
def test_fine_texture_keeps_its_brightness(bits: int, white: int, dtype: Any) -> None:
    small = sizing.reduced(Image(checks(white, dtype)), HALF, bits)
    assert (small.width, small.height, small.bits) == (80, 60, bits)
    middle = small.pixels[10:-10, 10:-10] / white
    assert middle.mean() == pytest.approx(0.7354, abs=0.002)  # half the light in sRGB, not 0.5


def test_the_profile_gives_the_curve() -> None:
    linear, gamma = Cicp(1, 8), Cicp(1, 4)
    for cicp, expected in ((linear, 0.5), (gamma, 0.5 ** (1 / 2.2))):
        image = Image(checks(255, np.uint8), profile=colour.profile_of(cicp, 3))
        small = sizing.reduced(image, HALF, 8)
        assert small.pixels[10:-10, 10:-10].mean() / 255 == pytest.approx(expected, abs=0.003)
    grey = Image(checks(255, np.uint8, 1), profile=colour.profile_of(linear, 1))
    assert sizing.reduced(grey, HALF, 8).pixels[10:-10, 10:-10].mean() / 255 == pytest.approx(0.5, abs=0.003)


@pytest.mark.parametrize(
    "profile", [b"", b"no profile", bytes(200), (colour.profile_of(Cicp(1, 8), 3) or b"")[:180]]
)
def test_a_corrupt_profile_counts_as_srgb(profile: bytes) -> None:
    small = sizing.reduced(Image(checks(255, np.uint8), profile=profile), HALF, 8)
    assert small.pixels[10:-10, 10:-10].mean() / 255 == pytest.approx(0.7354, abs=0.003)


@pytest.mark.parametrize("value", [0, 1, 7, 128, 254, 255])
@pytest.mark.parametrize("profile", [None, colour.profile_of(Cicp(12, 13), 3), colour.profile_of(Cicp(9, 1), 3)])
def test_flat_colours_stay_as_they_are(value: int, profile: bytes | None) -> None:
    small = sizing.reduced(Image(np.full((40, 50, 3), value, np.uint8), profile=profile), HALF, 8)
    assert np.unique(small.pixels).tolist() == [value]


def test_float_values_beyond_white_survive() -> None:
    values = np.full((40, 50, 3), 3.5, np.float32)
    values[:, :25] = -0.25
    small = sizing.reduced(Image(values), HALF, 32).pixels
    assert small[:, -1].tolist() == pytest.approx(np.full((20, 3), 3.5), abs=1e-3)
    assert small[:, 0].tolist() == pytest.approx(np.full((20, 3), -0.25), abs=1e-3)


def test_transparent_pixels_have_no_weight() -> None:
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:, :20] = 200
    alpha = np.zeros((40, 40), np.uint8)
    alpha[:, :20] = 255
    small = sizing.reduced(Image(pixels, alpha=alpha), WriteOptions(size="25%"), 8)
    assert small.alpha is not None and small.alpha[5, 0] == 255 and small.alpha[5, -1] == 0
    assert (small.pixels[small.alpha > 200] == 200).all()


def test_more_bits_keep_the_precision_of_the_mean() -> None:
    ramp = np.tile(np.arange(100, 108, dtype=np.uint8), (64, 8))[:, :, np.newaxis]
    small = sizing.reduced(Image(ramp), WriteOptions(size="50%"), 16)
    assert small.pixels.dtype == np.uint16 and (small.pixels % 257 != 0).any()


def test_an_image_that_is_small_enough_is_the_same() -> None:
    image = Image(checks(255, np.uint8))
    assert sizing.reduced(image, WriteOptions(size="160"), 8) is image
    assert sizing.reduced(image, WriteOptions(), 16) is image


def test_the_metadata_has_the_new_size() -> None:
    picture = PillowImage.fromarray(checks(255, np.uint8))
    exif = picture.getexif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifImageWidth] = 160
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExifImageHeight] = 120
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" exif:PixelXDimension="160"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )
    file = io.BytesIO()
    picture.save(file, "JPEG", exif=exif, xmp=xmp)
    image = imageio.read_bytes(file.getvalue(), "a.jpg")
    for format in ("jpeg", "png", "tiff"):
        back = imageio.read_bytes(imageio.encode(image, format, WriteOptions(size="100")), "a")
        assert (back.width, back.height) == (100, 75)
        assert back.metadata.xmp is not None and b'PixelXDimension="100"' in back.metadata.xmp
        with PillowImage.open(io.BytesIO(imageio.encode(image, format, WriteOptions(size="100")))) as opened:
            inner = opened.getexif().get_ifd(ExifTags.IFD.Exif)
        assert (inner[ExifTags.Base.ExifImageWidth], inner[ExifTags.Base.ExifImageHeight]) == (100, 75)
        assert containers.exif.is_block(back.metadata.exif or b"")
