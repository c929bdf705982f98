"""From and to Pillow: every mode, upright, with profile and metadata."""

from __future__ import annotations

import dataclasses
import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from PIL import ImageCms, ImageOps

import denoiser
from denoiser import imageio
from denoiser.errors import UsageError
from denoiser.image import Cicp, Image, Metadata, from_numpy
from denoiser.imageio import pillow_bridge
from denoiser.imageio.containers import exif

Array = np.ndarray[Any, Any]
EXACT = ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "La", "RGBa"]


def converted(photo: Array, mode: str) -> PillowImage.Image:
    picture = PillowImage.fromarray(photo)
    if mode == "PA":
        return picture.quantize(20).convert("PA")
    if mode in ("La", "RGBa"):
        return picture.convert("LA" if mode == "La" else "RGBA").convert(mode)
    return picture.convert(mode)


@pytest.mark.parametrize("mode", EXACT)
def test_every_exact_mode_is_converted_like_in_pillow(photo: Array, mode: str) -> None:
    source = converted(photo, mode)
    picture = denoiser.from_pil(source)
    expected = np.asarray((source.convert("LA") if mode == "La" else source).convert("RGBA"))
    assert np.array_equal(np.broadcast_to(picture.pixels, expected[:, :, :3].shape), expected[:, :, :3])
    if picture.alpha is not None:
        assert np.array_equal(picture.alpha, expected[:, :, 3])


@pytest.mark.parametrize("mode", ["YCbCr", "HSV"])
def test_other_ways_to_say_rgb(photo: Array, mode: str) -> None:
    source = converted(photo, mode)
    assert np.array_equal(denoiser.from_pil(source).pixels, np.asarray(source.convert("RGB")))


def test_deep_grey_and_float(photo: Array) -> None:
    deep = photo[:, :, 0].astype(np.uint16) * 257
    assert np.array_equal(denoiser.from_pil(PillowImage.fromarray(deep)).pixels[:, :, 0], deep)
    wide = PillowImage.fromarray(deep.astype(np.int32))
    assert wide.mode == "I"
    assert denoiser.from_pil(wide).bits == 16
    real = (photo[:, :, 0] / np.float32(100) - 1).astype(np.float32)
    assert np.array_equal(denoiser.from_pil(PillowImage.fromarray(real)).pixels[:, :, 0], real)
    with pytest.raises(UsageError, match="between 0 and 65535"):
        denoiser.from_pil(PillowImage.fromarray(np.full((3, 3), -1, np.int32)))


@pytest.mark.parametrize("mode", ["CMYK", "LAB"])
def test_ink_and_lab_become_srgb_with_a_note(photo: Array, mode: str) -> None:
    source = PillowImage.fromarray(photo)
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        source = ImageCms.profileToProfile(source, srgb, lab, outputMode="LAB")
    else:
        source = source.convert("CMYK")
    picture = denoiser.from_pil(source)
    assert np.abs(picture.pixels.astype(int) - photo).mean() < 3
    assert picture.notes == (f"{mode} was converted to sRGB",)


@pytest.mark.parametrize("kind", ["grey8", "grey+alpha8", "rgb8", "rgba8", "grey16", "grey32"])
def test_there_and_back_is_exact_where_pillow_has_the_mode(kinds: dict[str, Image], kind: str) -> None:
    back = denoiser.from_pil(denoiser.to_pil(kinds[kind]))
    assert np.array_equal(back.pixels, kinds[kind].pixels)
    assert (back.alpha is None) == (kinds[kind].alpha is None)
    if back.alpha is not None and kinds[kind].alpha is not None:
        assert np.array_equal(back.alpha, kinds[kind].alpha)


@pytest.mark.parametrize(
    ("kind", "mode"), [("rgb16", "RGB"), ("rgba16", "RGBA"), ("rgb32", "RGB"), ("grey+alpha16", "LA")]
)
def test_deep_colour_is_rounded_to_what_pillow_has(kinds: dict[str, Image], kind: str, mode: str) -> None:
    out = denoiser.to_pil(kinds[kind])
    assert out.mode == mode
    exact = np.clip(kinds[kind].pixels / kinds[kind].white, 0, 1) * 255
    channels = kinds[kind].channels
    got = np.asarray(out).astype(float)[:, :, :channels]
    assert np.abs(got - exact).max() <= 0.5 + 1e-3


def test_profile_metadata_and_orientation_travel(photo: Array) -> None:
    picture = PillowImage.fromarray(photo)
    exif = picture.getexif()
    exif[0x0112] = 6
    file = io.BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture.save(file, "PNG", exif=exif, icc_profile=profile, dpi=(300, 300))
    taken = denoiser.from_pil(PillowImage.open(file))
    assert (taken.height, taken.width) == (128, 96)
    assert taken.profile == profile
    assert taken.metadata.resolution == pytest.approx((300, 300), rel=1e-3)
    given = denoiser.to_pil(taken)
    assert given.info["icc_profile"] == profile
    assert given.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("cicp", [Cicp(9, 16), Cicp(12, 18), Cicp(12, 13), Cicp(9, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_code_points_become_a_profile(photo: Array, cicp: Cicp, channels: int) -> None:
    image = Image(photo[:, :, :channels], cicp=cicp)
    given = denoiser.to_pil(image)
    profile = ImageCms.ImageCmsProfile(io.BytesIO(given.info["icc_profile"]))
    assert profile.profile.xcolor_space.strip() == ("GRAY" if channels == 1 else "RGB")
    back = denoiser.from_pil(given)
    assert back.cicp == (cicp if cicp.transfer in (16, 18) else None)
    assert back.profile == given.info["icc_profile"]


def test_colours_that_mean_srgb_need_no_profile(photo: Array) -> None:
    for cicp in (None, Cicp(1, 13), Cicp(99, 16), Cicp(9, 16, full_range=False)):
        assert "icc_profile" not in denoiser.to_pil(Image(photo, cicp=cicp)).info


def test_the_pillow_image_may_change_afterwards(photo: Array) -> None:
    source = PillowImage.fromarray(photo.copy())
    picture = denoiser.from_pil(source)
    source.paste((0, 0, 0), (0, 0, 50, 50))
    assert np.array_equal(picture.pixels, photo)


@pytest.mark.parametrize("number", range(1, 9))
def test_upright_is_what_pillow_makes_of_it(number: int) -> None:
    pixels = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    picture = PillowImage.fromarray(pixels)
    exif = picture.getexif()
    exif[0x0112] = number
    file = io.BytesIO()
    picture.save(file, "PNG", exif=exif)
    expected = np.asarray(ImageOps.exif_transpose(PillowImage.open(file)))
    assert np.array_equal(pillow_bridge.upright(pixels, number), expected)
    assert pillow_bridge.turned(pixels, number).flags.c_contiguous
    assert pillow_bridge.swaps_sides(number) == (expected.shape != pixels.shape)


@pytest.mark.parametrize("number", [0, 9, -1, 65_535])
def test_a_number_without_a_meaning_turns_nothing(number: int) -> None:
    pixels = np.arange(6).reshape(2, 3)
    assert np.array_equal(pillow_bridge.upright(pixels, number), pixels)


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
        renewed = pillow_bridge.renewed(picture).exif
        assert renewed is not None
        small = held(renewed)
        assert max(small.shape) == 160
        assert small.shape[0] == round(160 * 96 / 128)
        assert abs(small.mean() - values.mean() / picture.white * 255) < 3


def test_a_written_file_has_the_thumbnail(photo: Array) -> None:
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
    assert pillow_bridge.renewed(picture) is picture.metadata
    assert pillow_bridge.renewed(from_numpy(photo)) == Metadata()
