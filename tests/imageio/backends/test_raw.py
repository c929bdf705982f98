"""Camera RAW, developed from a DNG that is made here."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import tifffile

from denoiser import imageio
from denoiser.errors import ImageTooLarge, UnreadableImage
from denoiser.options import ReadOptions

Array = np.ndarray[Any, Any]


def negative(photo: Array) -> bytes:
    """A small DNG: one number a pixel behind red, green and blue filters."""
    linear = (np.float64(photo) / 255) ** 2.2 * 60_000
    sensor = np.zeros(photo.shape[:2], np.uint16)
    for row, column, channel in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
        sensor[row::2, column::2] = linear[row::2, column::2, channel]
    tags: list[tuple[int, Any, int, Any]] = [
        (33421, "H", 2, (2, 2)),
        (33422, "B", 4, (0, 1, 1, 2)),
        (50706, "B", 4, (1, 4, 0, 0)),
        (50708, "s", 0, "Camera"),
        (50717, "I", 1, 60_000),
        (50721, "2i", 9, (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)),
        (50728, "2I", 3, (1, 1, 1, 1, 1, 1)),
        (50778, "H", 1, 21),
    ]
    file = io.BytesIO()
    tifffile.imwrite(file, sensor, photometric=32803, extratags=tags, metadata=None)
    return file.getvalue()


def test_camera_raw_is_developed_to_sixteen_bits_and_written_as_tiff(photo: Array) -> None:
    pytest.importorskip("rawpy")
    picture = imageio.read_bytes(negative(photo), "a.dng")
    assert (picture.bits, picture.channels, picture.width, picture.height) == (16, 3, 128, 96)
    assert picture.origin is not None
    assert picture.origin.mode == "raw"
    assert any("camera RAW" in note for note in picture.notes)
    green = picture.pixels[8:-8, 8:-8, 1].ravel().astype(float)  # guessed between filters, with another curve
    assert np.corrcoef(green, photo[8:-8, 8:-8, 1].ravel())[0, 1] > 0.9
    back = imageio.read_bytes(imageio.encode(picture, "tiff"), "a.tif")
    assert np.array_equal(back.pixels, picture.pixels)


def test_camera_raw_refusals(photo: Array) -> None:
    pytest.importorskip("rawpy")
    with pytest.raises(ImageTooLarge):
        imageio.read_bytes(negative(photo), "a.dng", ReadOptions(max_pixels=100))
    with pytest.raises(UnreadableImage, match="unsupported camera"):
        imageio.read_bytes(b"II*\0\x08\0\0\0" + bytes(500), "a.dng")
