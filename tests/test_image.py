"""A picture is complete when built, and its arrays are never changed."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage

from denoiser.errors import UsageError
from denoiser.image import Image, JpegTables, Metadata, Origin, from_numpy

DEPTHS = [(np.uint8, 8, 255.0), (np.uint16, 16, 65535.0), (np.float32, 32, 1.0)]


def pixels(dtype: Any = np.uint8, channels: int = 3, height: int = 4, width: int = 6) -> Any:
    return np.arange(height * width * channels).reshape(height, width, channels).astype(dtype)


@pytest.mark.parametrize(("dtype", "bits", "white"), DEPTHS)
@pytest.mark.parametrize("channels", [1, 3])
def test_what_a_picture_says_of_itself(dtype: Any, bits: int, white: float, channels: int) -> None:
    image = Image(pixels(dtype, channels))
    assert (image.height, image.width, image.channels) == (4, 6, channels)
    assert (image.bits, image.white) == (bits, white)
    assert image.megapixels == pytest.approx(24e-6)
    assert image.notes == ()
    assert image.metadata == Metadata()


@pytest.mark.parametrize(
    ("dtype", "bits", "white"),
    [(np.uint8, 1, 1), (np.uint8, 7, 127), (np.uint16, 9, 511), (np.uint16, 10, 1023), (np.uint16, 12, 4095)],
)
def test_a_depth_between(dtype: Any, bits: int, white: float) -> None:
    assert Image(pixels(dtype), bits=bits).white == white


@pytest.mark.parametrize(
    ("dtype", "bits"),
    [(np.uint8, 9), (np.uint8, -1), (np.uint16, 8), (np.uint16, 17), (np.uint16, -3), (np.float32, 16)],
)
def test_a_depth_that_does_not_fit_is_refused(dtype: Any, bits: int) -> None:
    with pytest.raises(UsageError, match=f"{bits} bits do not fit into {np.dtype(dtype)}"):
        Image(pixels(dtype), bits=bits)


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.int16, np.int32, np.uint32, np.bool_, ">u2", complex])
def test_a_type_that_no_depth_is_stored_in_is_refused(dtype: Any) -> None:
    with pytest.raises(UsageError, match="must be uint8, uint16 or float32"):
        Image(pixels().astype(dtype))


@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 2), (4, 6, 4), (0, 6, 3), (4, 0, 1), (4, 6, 0), (1, 4, 6, 3), ()])
def test_a_shape_that_is_no_picture_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="must be"):
        Image(np.zeros(shape, np.uint8))


@pytest.mark.parametrize(
    "alpha",
    [np.zeros((4, 5), np.uint8), np.zeros((6, 4), np.uint8), np.zeros((4, 6, 1), np.uint8), np.zeros((4, 6))],
)
def test_alpha_that_does_not_fit_is_refused(alpha: Any) -> None:
    with pytest.raises(UsageError, match="Alpha"):
        Image(pixels(), alpha=alpha)


def test_the_arrays_are_shared_and_read_only() -> None:
    source, alpha = pixels(), np.full((4, 6), 9, np.uint8)
    image = Image(source, alpha=alpha)
    assert np.shares_memory(image.pixels, source)
    assert image.alpha is not None
    for array in (image.pixels, image.alpha):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
    source[0, 0, 0] = 77  # the caller's own array stays the caller's to write
    assert source.flags.writeable


def test_a_picture_is_frozen_and_equal_to_itself_only() -> None:
    image = Image(pixels())
    with pytest.raises(dataclasses.FrozenInstanceError):
        image.bits = 3  # type: ignore[misc]
    assert image == image, "arrays are not compared"
    assert image != Image(pixels())
    assert len({image, image}) == 1


def test_with_pixels_keeps_everything_else() -> None:
    origin = Origin("jpeg", "rgb", jpeg=JpegTables(((1,) * 64,), ((2, 2), (1, 1), (1, 1))), notes=("a note",))
    image = Image(
        pixels(np.uint16),
        alpha=np.ones((4, 6), np.uint16),
        bits=10,
        profile=b"icc",
        metadata=Metadata(exif=b"II", resolution=(300.0, 300.0)),
        origin=origin,
    )
    other = image.with_pixels(pixels(np.uint16) + np.uint16(1))
    assert other.pixels[0, 0, 0] == 1
    assert not other.pixels.flags.writeable
    for field in dataclasses.fields(Image):
        if field.name not in ("pixels", "alpha"):
            assert getattr(other, field.name) is getattr(image, field.name)
    assert np.array_equal(other.alpha, image.alpha)
    assert other.notes == ("a note",)


def test_with_pixels_refuses_another_depth_or_size() -> None:
    image = Image(pixels(), alpha=np.ones((4, 6), np.uint8))
    with pytest.raises(UsageError, match="are uint8, not float32"):
        image.with_pixels(pixels(np.float32))
    with pytest.raises(UsageError, match="Alpha"):
        image.with_pixels(pixels(width=5))


@pytest.mark.parametrize(
    ("shape", "channels", "alpha"),
    [
        ((4, 6), 1, False),
        ((4, 6, 1), 1, False),
        ((4, 6, 2), 1, True),
        ((4, 6, 3), 3, False),
        ((4, 6, 4), 3, True),
    ],
)
@pytest.mark.parametrize(("dtype", "bits", "white"), DEPTHS)
def test_from_numpy_takes_every_layout(
    shape: tuple[int, ...], channels: int, alpha: bool, dtype: Any, bits: int, white: float
) -> None:
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    image = from_numpy(array, profile=b"icc")
    assert (image.channels, image.bits, image.profile) == (channels, bits, b"icc")
    stack = array.reshape(4, 6, -1)
    assert np.array_equal(image.pixels, stack[:, :, :channels])
    if alpha:
        assert np.array_equal(image.alpha, stack[:, :, -1])
    else:
        assert image.alpha is None


@pytest.mark.parametrize("shape", [(6,), (4, 6, 5), (4, 6, 0), (1, 4, 6, 3)])
def test_from_numpy_refuses_what_is_no_picture(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="An image array"):
        from_numpy(np.zeros(shape, np.uint8))


def test_from_numpy_knows_depths_between() -> None:
    assert from_numpy(np.zeros((2, 2), np.uint16), bits=12).white == 4095


# --- in programs and notebooks ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "text"),
    [
        (Image(pixels()), "<Image 6x4 RGB, 8 bits>"),
        (Image(pixels(channels=1), alpha=pixels()[:, :, 0]), "<Image 6x4 grey with alpha, 8 bits>"),
        (Image(pixels(np.uint16), bits=10), "<Image 6x4 RGB, 10 bits>"),
        (Image(pixels(), origin=Origin(format="jpeg", mode="rgb")), "<Image 6x4 RGB, 8 bits from jpeg>"),
    ],
)
def test_the_text_of_an_image_is_one_short_line(image: Image, text: str) -> None:
    assert repr(image) == text


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_numpy_sees_the_pixels(dtype: Any) -> None:
    image = Image(pixels(dtype))
    seen = np.asarray(image)
    assert np.shares_memory(seen, image.pixels) and not seen.flags.writeable
    assert seen.dtype == dtype and np.array_equal(seen, image.pixels)
    copied = np.array(image)
    copied[:] = 0  # a copy belongs to the caller
    assert image.pixels.any()
    assert np.asarray(image, dtype=np.float64).dtype == np.float64
    with pytest.raises(ValueError, match="copy"):
        np.asarray(image, dtype=np.float64, copy=False)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_notebook_shows_the_image(dtype: Any, channels: int) -> None:
    values = np.linspace(0, 1, 4 * 6 * channels).reshape(4, 6, channels)
    white = 1 if dtype is np.float32 else np.iinfo(dtype).max
    image = from_numpy((values * white).astype(dtype), profile=b"a profile")
    shown = PillowImage.open(io.BytesIO(image._repr_png_()))
    assert shown.mode == {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channels]
    assert shown.info["icc_profile"] == b"a profile"
    assert np.asarray(shown).reshape(values.shape) == pytest.approx(values * 255, abs=1)


def test_a_notebook_shows_a_large_image_small() -> None:
    wide = Image(np.zeros((3, 5000, 1), np.float32))
    assert PillowImage.open(io.BytesIO(wide._repr_png_())).size == (1000, 1)
    odd = Image(np.full((2, 2, 3), np.nan, np.float32))
    assert not np.asarray(PillowImage.open(io.BytesIO(odd._repr_png_()))).any()
