"""Every kind of image in every format and orientation is preserved."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageOps

from denoiser import imageio
from denoiser.image import Image, Metadata, from_numpy
from denoiser.imageio import formats, pillow_bridge

KINDS = [f"{mode}{bits}" for bits in (8, 16, 32) for mode in ("grey", "grey+alpha", "rgb", "rgba")]
EXACT = [(kind, "png") for kind in KINDS if not kind.endswith("32")] + [(kind, "tiff") for kind in KINDS]


def same(one: Image, other: Image) -> bool:
    alphas = (one.alpha is None) == (other.alpha is None)
    if alphas and one.alpha is not None and other.alpha is not None:
        alphas = np.array_equal(one.alpha, other.alpha)
    return alphas and one.bits == other.bits and np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize(("kind", "format"), EXACT)
def test_png_and_tiff_give_back_every_bit(kinds: dict[str, Image], kind: str, format: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{format}"
    imageio.write(kinds[kind], path)
    back = imageio.read(path)
    assert same(back, kinds[kind])
    assert back.origin is not None
    assert back.origin.mode == kind.rstrip("0123456789")
    assert back.origin.format == format


@pytest.mark.parametrize("kind", ["rgb8", "rgba8"])
def test_lossless_webp_gives_back_every_bit_also_under_full_transparency(
    kinds: dict[str, Image], kind: str
) -> None:
    picture = kinds[kind]
    if picture.alpha is not None:
        picture = dataclasses.replace(picture, alpha=np.where(picture.alpha > 90, 0, picture.alpha))
    assert same(imageio.read_bytes(imageio.encode(picture, "webp"), "a.webp"), picture)


@pytest.mark.parametrize("format", ["webp", "avif"])
def test_grey_stays_grey_in_value_where_the_format_knows_only_colour(kinds: dict[str, Image], format: str) -> None:
    back = imageio.read_bytes(imageio.encode(kinds["grey8"], format), "a")
    assert all(np.array_equal(back.pixels[:, :, c], kinds["grey8"].pixels[:, :, 0]) for c in range(back.channels))


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("alpha", [False, True])
def test_avif_is_exact_at_each_of_its_depths(photo: np.ndarray[Any, Any], bits: int, alpha: bool) -> None:
    values = photo if bits == 8 else photo.astype(np.uint16) << (bits - 8)
    picture = from_numpy(np.dstack([values, values[:, :, :1]]) if alpha else values, bits=bits)
    assert same(imageio.read_bytes(imageio.encode(picture, "avif"), "a.avif"), picture)


@pytest.mark.parametrize("kind", ["grey8", "rgb8"])
def test_jpeg_without_a_source_is_of_quality_95_in_full_colour(kinds: dict[str, Image], kind: str) -> None:
    pixels = kinds[kind].pixels
    back = imageio.read_bytes(imageio.encode(kinds[kind], "jpeg"), "a.jpg")
    file = io.BytesIO()
    PillowImage.fromarray(pixels.squeeze()).save(file, "JPEG", quality=95, subsampling=0)
    assert np.array_equal(back.pixels.squeeze(), np.asarray(PillowImage.open(file)))


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_each_orientation_is_read_upright_and_its_tag_reset(
    photo: np.ndarray[Any, Any], format: str, number: int
) -> None:
    stored = PillowImage.fromarray(photo)
    exif = stored.getexif()
    exif[0x0112] = number
    file = io.BytesIO()
    words: dict[str, Any] = {"WEBP": {"lossless": True}, "JPEG": {"quality": 95, "subsampling": 0}}.get(format, {})
    stored.save(file, format, exif=exif, **words)
    expected = np.asarray(ImageOps.exif_transpose(PillowImage.open(file)).convert("RGB"))

    picture = imageio.read_bytes(file.getvalue(), "a")

    assert np.array_equal(picture.pixels, expected)
    again = imageio.read_bytes(imageio.encode(picture, "png"), "b.png")
    assert np.array_equal(again.pixels, expected), "it was turned a second time"
    assert PillowImage.open(io.BytesIO(imageio.encode(picture, "png"))).getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "format"),
    [("grey16", "png"), ("grey+alpha8", "png"), ("rgba16", "png"), ("rgba16", "tiff"), ("rgba32", "tiff")],
)
def test_alpha_and_depth_turn_with_the_pixels(kinds: dict[str, Image], kind: str, format: str, number: int) -> None:
    tag = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + bytes([number, 0, 0, 0]) + bytes(4)
    stored = dataclasses.replace(kinds[kind], metadata=Metadata(exif=tag))
    back = imageio.read_bytes(imageio.encode(stored, format), "a")
    assert np.array_equal(back.pixels, pillow_bridge.upright(stored.pixels, number))
    if stored.alpha is not None and back.alpha is not None:
        assert np.array_equal(back.alpha, pillow_bridge.upright(stored.alpha, number))
    assert (back.alpha is None) == (stored.alpha is None)


PALETTES = [("PNG", "palette"), ("TIFF", "palette"), ("BMP", "palette")]


@pytest.mark.parametrize(("format", "mode"), PALETTES)
@pytest.mark.parametrize("colours", [2, 9, 200])
def test_palettes_become_full_colour(photo: np.ndarray[Any, Any], format: str, mode: str, colours: int) -> None:
    indexed = PillowImage.fromarray(photo).quantize(colours)
    file = io.BytesIO()
    indexed.save(file, format)
    picture = imageio.read_bytes(file.getvalue(), "a")
    assert picture.origin is not None
    assert picture.origin.mode == mode
    assert np.array_equal(picture.pixels, np.asarray(indexed.convert("RGB")))


def test_transparent_colours_of_palettes_and_greys_become_alpha(photo: np.ndarray[Any, Any]) -> None:
    for picture, transparent in (
        (PillowImage.fromarray(photo).quantize(20), 3),
        (PillowImage.fromarray(photo).convert("L"), 90),
        (PillowImage.fromarray(photo), tuple(int(v) for v in photo[5, 5])),
    ):
        file = io.BytesIO()
        picture.save(file, "PNG", transparency=transparent)
        back = imageio.read_bytes(file.getvalue(), "a.png")
        expected = np.asarray(PillowImage.open(file).convert("RGBA"))
        assert back.alpha is not None
        assert np.array_equal(back.alpha, expected[:, :, 3])
        assert back.alpha.min() == 0
        assert np.array_equal(np.broadcast_to(back.pixels, (*back.alpha.shape, 3)), expected[:, :, :3])


@pytest.mark.parametrize(("format", "words"), [("PNG", {}), ("TIFF", {"compression": "group4"}), ("BMP", {})])
def test_bilevel_becomes_grey(photo: np.ndarray[Any, Any], format: str, words: dict[str, str]) -> None:
    two = PillowImage.fromarray(photo).convert("1")
    file = io.BytesIO()
    two.save(file, format, **words)
    picture = imageio.read_bytes(file.getvalue(), "a")
    assert picture.origin is not None
    assert picture.origin.mode == "bilevel"
    assert np.array_equal(picture.pixels[:, :, 0], np.asarray(two) * np.uint8(255))


def test_all_rows_lead_to_a_format_that_is_written() -> None:
    for row in formats.ROWS.values():
        assert formats.ROWS[row.written_as].depths, f"{row.name} leads nowhere"
