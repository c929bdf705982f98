"""libvips: no guessing of formats, and no hidden warnings."""

from __future__ import annotations

import io
import threading
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image as PillowImage

from denoiser import imageio
from denoiser.errors import UnreadableImage, UnsupportedFormat
from denoiser.image import Image
from denoiser.imageio.backends import libvips

Array = np.ndarray[Any, Any]


def pillow(array: Array, format: str, **words: Any) -> bytes:
    file = io.BytesIO()
    PillowImage.fromarray(array).save(file, format, **words)
    return file.getvalue()


@pytest.mark.parametrize("words", [{}, {"subsampling": 0}, {"subsampling": 1}, {"progressive": True}])
def test_jpeg_has_the_very_pixels_that_pillow_gives(photo: Array, words: dict[str, Any]) -> None:
    data = pillow(photo, "JPEG", quality=85, **words)
    assert np.array_equal(imageio.read_bytes(data, "a").pixels, np.asarray(PillowImage.open(io.BytesIO(data))))


def test_warnings_of_the_last_rows_fail_the_right_file(photo: Array) -> None:
    whole = pillow(photo, "JPEG", quality=95)
    cut = whole[:-40] + b"\xff\xd9"
    wrong: list[str] = []

    def read(data: bytes, good: bool) -> None:
        for _ in range(25):
            try:
                imageio.read_bytes(data, "a.jpg")
            except UnreadableImage:
                if good:
                    wrong.append("a good file was refused")
            else:
                if not good:
                    wrong.append("a cut file passed")

    threads = [threading.Thread(target=read, args=(data, good)) for data, good in ((whole, True), (cut, False)) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == []


def test_an_image_of_one_row_of_blocks_is_checked_too(photo: Array) -> None:
    whole = pillow(photo[:8], "JPEG", quality=95)
    for missing in range(3, 200, 5):
        with pytest.raises(UnreadableImage):
            imageio.read_bytes(whole[: -2 - missing] + b"\xff\xd9", "a.jpg")


def test_nothing_is_kept_between_reads(photo: Array) -> None:
    for _ in range(3):
        imageio.read_bytes(pillow(photo, "PNG"), "a.png")
    assert pyvips.cache_get_max() == 0
    assert pyvips.cache_get_size() == 0


def test_loaders_that_libvips_does_not_trust_are_blocked(photo: Array) -> None:
    assert libvips.encode_png(photo)  # the module is in use
    with pytest.raises(pyvips.Error):
        pyvips.Image.new_from_buffer(b"P6 1 1 255\n\0\0\0" * 9, "", access="sequential").avg()


def test_sixteen_bit_png_is_smaller_than_that_of_libvips_at_level_one(kinds: dict[str, Image]) -> None:
    deep = kinds["rgb16"].pixels
    plain = pyvips.Image.new_from_array(np.ascontiguousarray(deep), interpretation="rgb16")
    assert len(libvips.encode_png(deep)) < 1.05 * len(plain.pngsave_buffer(compression=1))


def test_grey_avif_of_others_is_grey_and_ours_has_equal_channels(photo: Array) -> None:
    grey = photo[:, :, 1].copy()
    picture = imageio.read_bytes(pillow(grey, "AVIF", quality=100), "a.avif")
    assert picture.channels == 1
    assert np.abs(picture.pixels[:, :, 0].astype(int) - grey).max() <= 1


def test_views_that_are_not_contiguous_are_written_as_they_look(photo: Array) -> None:
    for view in (photo[::-1], photo[:, ::-2], photo.swapaxes(0, 1)):
        assert np.array_equal(imageio.read_bytes(libvips.encode_png(view), "a.png").pixels, view)


@pytest.mark.parametrize("format", ["png", "tiff", "webp"])
@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 3), (1, 7, 1), (7, 1, 1)])
def test_the_smallest_images_keep_their_shape(format: str, shape: tuple[int, int, int]) -> None:
    picture = Image(np.full(shape, 90, np.uint8))
    found = imageio.read_bytes(imageio.encode(picture, format), "a")
    assert found.pixels.shape[:2] == shape[:2]
    assert (found.pixels == 90).all()


@pytest.mark.parametrize(
    ("said", "kind", "words"),
    [
        ("tiff2vips: tiled separate planes not supported\n", UnsupportedFormat, "separate planes not supported"),
        ("unable to call X\nimage: bad labq format\n", UnsupportedFormat, "bad labq format"),
        ("magick: Unsupported BMP compression (6)", UnsupportedFormat, "Unsupported BMP compression"),
        ("unable to write to memory\n  \n", UnreadableImage, "truncated: the decoder gave no details"),
        ("pngload: bad adler\nunable to write to memory", UnreadableImage, "is corrupt or truncated: pngload"),
    ],
)
def test_unsupported_files_differ_from_corrupt_ones(said: str, kind: type, words: str) -> None:
    refusal = libvips._refusal(said)
    assert type(refusal) is kind and words in refusal.message
