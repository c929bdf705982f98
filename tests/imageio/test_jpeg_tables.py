"""The tables of a JPEG are read exactly and used for the output."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from denoiser import imageio
from denoiser.imageio import jpeg_tables
from denoiser.imageio.containers.jpeg import FRAMES, walk
from denoiser.options import WriteOptions

Array = np.ndarray[Any, Any]
ODD = [[min(255, 3 + 2 * row + 5 * column) for row in range(8) for column in range(8)], list(range(1, 65))]


def jpeg(array: Array, **words: Any) -> bytes:
    file = io.BytesIO()
    PillowImage.fromarray(array).save(file, "JPEG", **words)
    return file.getvalue()


def as_stored(data: bytes) -> tuple[dict[int, list[int]], list[tuple[int, int, int, int]], bool]:
    """Pillow's own reading of tables, factors and kind."""
    picture: Any = PillowImage.open(io.BytesIO(data))
    return picture.quantization, picture.layer, bool(picture.info.get("progressive"))


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("tables", [{"quality": 30}, {"quality": 97}, {"qtables": ODD}, {"qtables": ODD[:1]}])
def test_the_next_jpeg_has_the_same_tables_and_factors(
    photo: Array, tables: dict[str, Any], subsampling: int, progressive: bool
) -> None:
    source = jpeg(photo, subsampling=subsampling, progressive=progressive, **tables)
    written = imageio.encode(imageio.read_bytes(source, "a.jpg"), "jpeg")
    assert as_stored(written) == as_stored(source)


@pytest.mark.parametrize("progressive", [False, True])
def test_tables_after_the_frame_header_are_found(photo: Array, progressive: bool) -> None:
    source = jpeg(photo, subsampling=2, progressive=progressive, qtables=ODD)
    tables = [segment for segment in walk(source) if segment.marker == 0xDB]
    frame = next(segment for segment in walk(source) if segment.marker in FRAMES)
    begin, end = tables[0].at - 4, tables[-1].at + tables[-1].size
    assert end == frame.at - 4
    after = frame.at + frame.size
    moved = source[:begin] + source[end:after] + source[begin:end] + source[after:]
    written = imageio.encode(imageio.read_bytes(moved, "a.jpg"), "jpeg")
    assert as_stored(written) == as_stored(source)


def test_grey_too(photo: Array) -> None:
    source = jpeg(photo[:, :, 0].copy(), qtables=ODD[:1])
    written = imageio.encode(imageio.read_bytes(source, "a.jpg"), "jpeg")
    assert as_stored(written) == as_stored(source)


def test_unchanged_pixels_lose_next_to_nothing_the_second_time(photo: Array) -> None:
    first = imageio.read_bytes(jpeg(photo, quality=80, subsampling=0), "a.jpg")
    second = imageio.read_bytes(imageio.encode(first, "jpeg"), "b.jpg")
    assert np.abs(first.pixels.astype(int) - second.pixels).mean() < 0.35


def test_a_given_quality_replaces_the_tables(photo: Array) -> None:
    picture = imageio.read_bytes(jpeg(photo, quality=30, subsampling=2), "a.jpg")
    written = imageio.encode(picture, "jpeg", WriteOptions(quality=90))
    assert as_stored(written)[0] == as_stored(jpeg(photo, quality=90))[0]


def test_a_rotated_image_has_rotated_tables(photo: Array) -> None:
    picture = PillowImage.fromarray(photo)
    exif = picture.getexif()
    exif[0x0112] = 6
    file = io.BytesIO()
    picture.save(file, "JPEG", qtables=ODD, subsampling=1, exif=exif)
    read = imageio.read_bytes(file.getvalue(), "a.jpg")
    assert read.origin is not None
    assert read.origin.jpeg is not None
    assert np.array_equal(np.reshape(read.origin.jpeg.quantisation[0], (8, 8)), np.reshape(ODD[0], (8, 8)).T)
    assert read.origin.jpeg.sampling[0] == (1, 2), "what was halved across is halved down"
    # Pillow cannot write that sampling; full colour is what loses nothing.
    assert as_stored(imageio.encode(read, "jpeg"))[1][0][1:3] == (1, 1)


def test_sixteen_bit_tables_are_read() -> None:
    table = bytes([0x10]) + b"".join(value.to_bytes(2, "big") for value in range(300, 364))
    frame = b"\xff\xc0\x00\x0b\x08\x00\x08\x00\x08\x01\x01\x11\x00"
    data = b"\xff\xd8\xff\xdb" + (len(table) + 2).to_bytes(2, "big") + table + frame + b"\xff\xd9"
    tables = jpeg_tables.read_tables(data)
    assert tables is not None
    assert tables.quantisation[0][:3] == (300, 301, 305), "the zigzag begins across, then down"
    assert sorted(tables.quantisation[0]) == list(range(300, 364))


def test_tables_that_are_not_there_are_none() -> None:
    frame = b"\xff\xc0\x00\x0b\x08\x00\x08\x00\x08\x01\x01\x11\x00"
    assert jpeg_tables.read_tables(b"\xff\xd8" + frame + b"\xff\xd9") is None


@pytest.mark.parametrize("quality", [1, 5, 24, 25, 49, 50, 75, 92, 99, 100])
def test_standard_tables_are_those_of_libjpeg(photo: Array, quality: int) -> None:
    for array, components in ((photo, 3), (photo[:, :, 0].copy(), 1)):
        tables = jpeg_tables.read_tables(jpeg(array, quality=quality))
        assert tables is not None and tables.quantisation == jpeg_tables.standard(quality, components)
        assert jpeg_tables.standard_quality(tables.quantisation) == quality
    assert jpeg_tables.standard_quality(((1,) * 63 + (2,),)) is None
