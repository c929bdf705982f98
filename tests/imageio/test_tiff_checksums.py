"""A deflated TIFF whose data were changed is refused, also where its decoder saw nothing."""

from __future__ import annotations

import io
import random
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

from denoiser import imageio
from denoiser.errors import UnreadableImage
from denoiser.imageio import tiff_checksums

Array = np.ndarray[Any, Any]


def deflated(photo: Array, **words: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, photo, compression="zlib", photometric="rgb", **words)
    return file.getvalue()


@pytest.mark.parametrize("words", [{}, {"predictor": True}, {"tile": (32, 48)}, {"rowsperstrip": 7}])
def test_whole_files_pass(photo: Array, words: dict[str, Any]) -> None:
    assert np.array_equal(imageio.read_bytes(deflated(photo, **words), "a.tif").pixels, photo)


def test_other_packings_are_none_of_its_business(photo: Array) -> None:
    for compression in ("raw", "tiff_lzw"):
        file = io.BytesIO()
        PillowImage.fromarray(photo).save(file, "TIFF", compression=compression)
        tiff_checksums.check(file.getvalue(), photo.nbytes)


@pytest.mark.parametrize("tile", [None, (32, 32)])
def test_no_changed_byte_of_the_data_passes(photo: Array, tile: tuple[int, int] | None) -> None:
    whole = deflated(photo, tile=tile)
    page = tifffile.TiffFile(io.BytesIO(whole)).pages[0]
    rng = random.Random(3)
    for _ in range(150):
        place, size = rng.choice(list(zip(page.dataoffsets, page.databytecounts, strict=True)))
        damaged = bytearray(whole)
        damaged[place + rng.randrange(size)] ^= 1 << rng.randrange(8)
        with pytest.raises(UnreadableImage):
            imageio.read_bytes(bytes(damaged), "a.tif")


def test_a_bomb_is_not_unpacked_to_its_end(photo: Array) -> None:
    bomb = deflated(np.zeros((3000, 3000, 3), np.uint8), rowsperstrip=3000)
    damaged = bytearray(bomb)
    damaged[-200:] = bytes(200)  # the sum lies far beyond what a small picture can need
    tiff_checksums.check(bytes(damaged), picture_bytes=1000)
