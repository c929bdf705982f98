"""Pillow: JPEG with given tables, BMP, and small images."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from denoiser import imageio
from denoiser.errors import UnreadableImage, UnsupportedFormat, UnwritableImage
from denoiser.image import JpegTables
from denoiser.imageio.backends import pillow

Array = np.ndarray[Any, Any]
ONES = (1,) * 64


def bmp(array: Array) -> bytes:
    file = io.BytesIO()
    PillowImage.fromarray(array).save(file, "BMP")
    return file.getvalue()


def test_bmp_of_each_depth_is_exact(photo: Array) -> None:
    for array in (photo, photo[:, :, 0].copy()):
        assert np.array_equal(imageio.read_bytes(bmp(array), "a.bmp").pixels.squeeze(), array)


def test_bmp_that_is_cut_is_refused_wherever_it_is_cut(photo: Array) -> None:
    whole = bmp(photo)
    for keep in [*range(26, 90), len(whole) // 2, len(whole) - 1]:
        with pytest.raises(UnreadableImage):
            imageio.read_bytes(whole[:keep], "a.bmp")


@pytest.mark.parametrize(
    ("bits", "compression", "masks", "words"),
    [
        (32, 3, (0x3FF00000, 0xFFC00, 0x3FF, 0), "Unsupported BMP bitfields layout"),
        (16, 3, (0xF00, 0xF0, 0xF, 0xF000), "Unsupported BMP bitfields layout"),
        (32, 4, (0, 0, 0, 0), "unsupported compression 4"),
    ],
)
def test_other_kinds_of_bmp_are_unsupported_and_not_corrupt(
    bits: int, compression: int, masks: tuple[int, ...], words: str
) -> None:
    pixels = bytes(8 * 6 * bits // 8)
    header = struct.pack("<IiiHHIIiiII", 56, 8, 6, 1, bits, compression, len(pixels), 0, 0, 0, 0)
    whole = b"BM" + struct.pack("<IHHI", 70 + len(pixels), 0, 0, 70) + header + struct.pack("<4I", *masks) + pixels
    with pytest.raises(UnsupportedFormat, match=words):
        imageio.read_bytes(whole, "a.bmp")


def test_the_limit_of_pillow_on_pixels_is_not_ours(photo: Array, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PillowImage, "MAX_IMAGE_PIXELS", 100)
    assert imageio.read_bytes(bmp(photo), "a.bmp").width == 128
    assert imageio.read_bytes(pillow.encode_jpeg(photo, tables=None, quality=90), "a.jpg").width == 128


def test_tables_are_written_as_given_and_repeats_but_once(photo: Array) -> None:
    tables = JpegTables((ONES, ONES, ONES), ((2, 2), (1, 1), (1, 1)))
    picture: Any = PillowImage.open(io.BytesIO(pillow.encode_jpeg(photo, tables=tables, quality=95)))
    assert picture.quantization == {0: list(ONES)}
    assert picture.layer[0][1:3] == (2, 2)


def test_tables_of_another_number_of_components_are_not_used(photo: Array) -> None:
    ink = JpegTables((ONES,) * 4, ((1, 1),) * 4)
    picture: Any = PillowImage.open(io.BytesIO(pillow.encode_jpeg(photo, tables=ink, quality=95)))
    assert picture.quantization[0] != list(ONES)


def test_a_side_too_long_for_jpeg_is_named() -> None:
    with pytest.raises(UnwritableImage, match="65501x1 pixels, but JPEG allows at most 65500"):
        pillow.encode_jpeg(np.zeros((1, 65_501, 1), np.uint8), tables=None, quality=95)


@pytest.mark.parametrize(
    ("shape", "small"), [((96, 128, 3), (12, 16, 3)), ((5, 900, 1), (1, 16, 1)), ((9, 9, 3), (9, 9, 3))]
)
def test_shrunk_images_fit_and_keep_their_shape(shape: tuple[int, ...], small: tuple[int, ...]) -> None:
    values = np.full(shape, 77, np.uint8)
    shrunken = pillow.shrink(values, 16)
    assert shrunken.shape == small
    assert (shrunken == 77).all()
