"""HEIC at its own depth; truncated files are errors."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from denoiser import imageio
from denoiser.errors import ImageTooLarge, UnreadableImage
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
