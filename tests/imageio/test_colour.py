"""Only CMYK and Lab are converted; other images keep values and profile."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image as PillowImage
from PIL import ImageCms

from denoiser import imageio
from denoiser.imageio import colour

Array = np.ndarray[Any, Any]
RELATIVE = ImageCms.Intent.RELATIVE_COLORIMETRIC


@pytest.fixture(scope="module")
def ink() -> bytes:
    """A real profile of four inks, which libvips carries."""
    return bytes(pyvips.Operation.call("profile_load", "cmyk"))


def wide_profile() -> bytes:
    """sRGB under another name, so that nothing here may take it for sRGB."""
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace(b"s\0R\0G\0B", b"w\0i\0d\0e")


@pytest.mark.parametrize(("format", "words"), [("JPEG", {"quality": 100}), ("TIFF", {})])
def test_cmyk_is_converted_by_its_profile(photo: Array, ink: bytes, format: str, words: dict[str, int]) -> None:
    file = io.BytesIO()
    PillowImage.fromarray(photo).convert("CMYK").save(file, format, icc_profile=ink, **words)

    picture = imageio.read_bytes(file.getvalue(), "a")

    stored = PillowImage.open(file)
    expected = ImageCms.profileToProfile(
        stored,
        ImageCms.ImageCmsProfile(io.BytesIO(ink)),
        ImageCms.createProfile("sRGB"),
        RELATIVE,
        outputMode="RGB",
    )
    assert np.abs(np.asarray(expected).astype(int) - picture.pixels).max() <= 1
    assert picture.profile is None, "the profile of the inks does not fit sRGB"
    assert picture.notes == ("CMYK was converted to sRGB with its profile",)
    assert picture.origin is not None
    assert picture.origin.mode == "cmyk"


@pytest.mark.parametrize("profile", [None, b"no profile at all" * 20])
@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_cmyk_without_a_usable_profile_is_converted_with_a_note(
    photo: Array, format: str, profile: bytes | None
) -> None:
    file = io.BytesIO()
    PillowImage.fromarray(photo).convert("CMYK").save(file, format, icc_profile=profile)
    picture = imageio.read_bytes(file.getvalue(), "a")
    assert "with a generic profile" in picture.notes[-1]
    dark, bright = photo.mean(axis=2) < 40, photo.mean(axis=2) > 200
    assert picture.pixels[dark].mean() < 90 < 160 < picture.pixels[bright].mean(), "the inks are inverted"


def test_deep_ink_keeps_its_depth(photo: Array, ink: bytes) -> None:
    four = np.asarray(PillowImage.fromarray(photo).convert("CMYK"))
    deep = pyvips.Image.new_from_array(four.astype(np.uint16) * 257, interpretation="cmyk")
    deep.set_type(pyvips.GValue.blob_type, "icc-profile-data", ink)
    shallow = pyvips.Image.new_from_array(four, interpretation="cmyk")
    shallow.set_type(pyvips.GValue.blob_type, "icc-profile-data", ink)
    sixteen = imageio.read_bytes(deep.tiffsave_buffer(), "a.tif")
    eight = imageio.read_bytes(shallow.tiffsave_buffer(), "a.tif")
    assert sixteen.bits == 16
    assert np.abs(sixteen.pixels / 257 - eight.pixels).max() < 1.5


@pytest.mark.parametrize("format", ["png", "jpeg", "tiff", "webp", "avif"])
def test_wide_gamut_images_keep_their_values_and_profile(photo: Array, format: str) -> None:
    profile = wide_profile()
    file = io.BytesIO()
    PillowImage.fromarray(photo).save(file, "PNG", icc_profile=profile)
    picture = imageio.read_bytes(file.getvalue(), "a.png")
    assert np.array_equal(picture.pixels, photo)
    assert imageio.read_bytes(imageio.encode(picture, format), "b").profile == profile


def test_srgb_is_recognised_by_its_name() -> None:
    assert colour.is_srgb(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    assert not colour.is_srgb(wide_profile())


def test_cmyk_is_recognised_by_its_header(ink: bytes) -> None:
    assert colour.is_cmyk(ink)
    assert not colour.is_cmyk(wide_profile())
    assert not colour.is_cmyk(b"")
