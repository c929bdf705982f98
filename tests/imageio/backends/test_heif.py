"""HEIC at its own depth; truncated files are errors."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from denoiser import imageio
from denoiser.errors import ImageTooLarge, UnreadableImage, UnsupportedFormat
from denoiser.options import ReadOptions

Array = np.ndarray[Any, Any]


def heic(samples: Array, mode: str) -> bytes:
    pillow_heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    height, width = samples.shape[:2]
    pillow_heif.from_bytes(mode, (width, height), samples.tobytes()).save(file, quality=95)
    return file.getvalue()


def test_heic_is_read_at_its_depth_and_written_as_avif(photo: Array) -> None:
    picture = imageio.read_bytes(heic(photo.astype(np.uint16) * 257, "RGB;16"), "a.heic")
    assert picture.bits == 10
    assert np.abs(picture.pixels / 1023 - photo / 255).mean() < 0.01
    back = imageio.read_bytes(imageio.encode(picture, "avif"), "a.avif")
    assert back.bits == 10
    assert np.abs(back.pixels.astype(float) - picture.pixels).mean() < 8


def test_heic_of_other_kinds(photo: Array) -> None:
    grey = imageio.read_bytes(heic(photo[:, :, 0].copy(), "L"), "a.heic")
    assert (grey.channels, grey.bits) == (1, 8)
    both = imageio.read_bytes(heic(np.dstack([photo, photo[:, :, 0]]), "RGBA"), "a.heic")
    assert both.alpha is not None


def test_heic_that_is_cut_is_refused(photo: Array) -> None:
    whole = heic(photo, "RGB")
    for keep in (60, len(whole) // 2, len(whole) - 1):
        with pytest.raises(UnreadableImage):
            imageio.read_bytes(whole[:keep], "a.heic")
    with pytest.raises(ImageTooLarge):
        imageio.read_bytes(whole, "a.heic", ReadOptions(max_pixels=100))


@pytest.mark.parametrize("kind", [b"unci", b"j2k1", b"jpeg", b"mski", b"abcd"])
def test_a_kind_of_image_that_libheif_cannot_decode_is_named(photo: Array, kind: bytes) -> None:
    other = heic(photo, "RGB").replace(b"\0\0hvc1", b"\0\0" + kind)
    with pytest.raises(UnsupportedFormat, match=kind.decode() + "|nsupported"):
        imageio.read_bytes(other, "a.heic")


def test_another_image_is_never_read_instead_of_the_main_image(photo: Array) -> None:
    pillow_heif = pytest.importorskip("pillow_heif")
    file = io.BytesIO()
    both = pillow_heif.from_pillow(PillowImage.fromarray(photo))
    both.add_from_pillow(PillowImage.fromarray(photo[::-1].copy()))
    both.save(file, quality=95)
    assert imageio.read_bytes(file.getvalue(), "a.heic").origin
    other = file.getvalue().replace(b"\0\0hvc1", b"\0\0unci", 1)  # the first item is the main image
    with pytest.raises(UnsupportedFormat, match="'unci'"):
        imageio.read_bytes(other, "a.heic")
