"""The thumbnail shows the picture as it is now, upright, and appears only where one was."""

from __future__ import annotations

import dataclasses
import io
import struct
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from denoiser import imageio
from denoiser.image import Metadata, from_numpy
from denoiser.imageio import thumbnail
from denoiser.imageio.containers import exif

Array = np.ndarray[Any, Any]


def block_with(small: bytes) -> bytes:
    """EXIF of two directories, the second with this thumbnail at its end."""
    first = struct.pack("<HHHIII", 1, 0x0112, 3, 1, 1, 26)
    second = struct.pack("<HHHIIHHIII", 2, 0x0201, 4, 1, 56, 0x0202, 4, 1, len(small), 0)
    return b"II*\0\x08\0\0\0" + first + second + small


def held(block: bytes) -> Array:
    """The thumbnail in a block, found by its own markers."""
    return np.asarray(PillowImage.open(io.BytesIO(block[block.index(b"\xff\xd8\xff") :])))


def test_it_is_made_anew_from_the_pixels(photo: Array) -> None:
    old = io.BytesIO()
    PillowImage.new("RGB", (160, 120), "red").save(old, "JPEG")
    block = block_with(old.getvalue())
    assert exif.has_thumbnail(block)
    large = np.tile(photo, (9, 9, 1))
    for values in (
        large,
        large.astype(np.uint16) * 257,
        (large / np.float32(255)).astype(np.float32),
        large[:, :, :1],
    ):
        picture = dataclasses.replace(from_numpy(values), metadata=Metadata(exif=block))
        renewed = thumbnail.renewed(picture).exif
        assert renewed is not None
        small = held(renewed)
        assert max(small.shape) == 160
        assert small.shape[0] == round(160 * 96 / 128)
        assert abs(small.mean() - values.mean() / picture.white * 255) < 3


def test_it_comes_out_of_a_written_file(photo: Array) -> None:
    old = io.BytesIO()
    PillowImage.new("RGB", (160, 120), "red").save(old, "JPEG")
    picture = dataclasses.replace(from_numpy(photo), metadata=Metadata(exif=block_with(old.getvalue())))
    for format in ("jpeg", "png", "webp", "avif"):
        block = imageio.read_bytes(imageio.encode(picture, format), "a").metadata.exif
        assert block is not None
        assert np.abs(held(block).mean(axis=(0, 1)) - photo.mean(axis=(0, 1))).max() < 4


def test_none_is_put_where_none_was(photo: Array) -> None:
    plain = b"II*\0\x08\0\0\0" + struct.pack("<HHHIII", 1, 0x0112, 3, 1, 1, 0)
    picture = dataclasses.replace(from_numpy(photo), metadata=Metadata(exif=plain))
    assert thumbnail.renewed(picture) is picture.metadata
    assert thumbnail.renewed(from_numpy(photo)) == Metadata()
