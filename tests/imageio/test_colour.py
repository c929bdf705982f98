"""Only CMYK and Lab are converted; other images keep values and profile."""

from __future__ import annotations

import dataclasses
import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from PIL import Image as PillowImage
from PIL import ImageCms
from PIL.PngImagePlugin import PngInfo

from denoiser import imageio
from denoiser.errors import UnwritableImage
from denoiser.image import Cicp, Origin, from_numpy
from denoiser.imageio import colour, containers
from denoiser.imageio.containers import png
from denoiser.options import WriteOptions

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


# From Display P3 to sRGB, both linear: the matrix of CSS Color 4.
P3_TO_SRGB = np.array([[1.2249402, -0.2249402, 0], [-0.0420570, 1.0420570, 0], [-0.0196376, -0.0786361, 1.0982736]])
HDR = [Cicp(9, 16), Cicp(9, 18), Cicp(12, 16)]


def linear(values: Array) -> Array:
    values = values / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encoded(values: Array) -> Array:
    values = np.clip(values, 0, 1)
    return np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055) * 255


def shown(pixels: Array, profile: bytes) -> Array:
    """8-bit pixels in sRGB, as a colour-managed program shows them."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    image = PillowImage.fromarray(pixels)
    return np.asarray(
        ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), RELATIVE), dtype=float
    )


def png_of(pixels: Array, **chunks: bytes) -> bytes:
    """A PNG by Pillow with these chunks."""
    info = PngInfo()
    for name, data in chunks.items():
        info.add(name.encode(), data)
    file = io.BytesIO()
    PillowImage.fromarray(pixels).save(file, "PNG", pnginfo=info)
    return file.getvalue()


def chunk_of(data: bytes, name: bytes) -> bytes | None:
    found = [data[chunk.at : chunk.at + chunk.size] for chunk in png.walk(data) if chunk.name == name]
    assert len(found) < 2
    return found[0] if found else None


@pytest.mark.parametrize("format", ["png", "jpeg", "tiff", "webp", "avif"])
def test_display_p3_looks_the_same_in_every_format(photo: Array, format: str) -> None:
    picture = imageio.read_bytes(png_of(photo, cICP=bytes([12, 13, 0, 1])), "a.png")
    assert np.array_equal(picture.pixels, photo)
    written = imageio.encode(picture, format)
    back = imageio.read_bytes(written, "b")
    assert back.profile is not None
    expected = encoded(linear(photo) @ P3_TO_SRGB.T)
    assert np.abs(shown(back.pixels, back.profile) - expected).mean() < (3 if format == "jpeg" else 0.5)
    embedded = PillowImage.open(io.BytesIO(written)).info.get("icc_profile")
    assert (embedded is None) is (format in ("png", "avif")), "code points are sufficient there"
    if format == "png":
        assert chunk_of(written, b"cICP") == bytes([12, 13, 0, 1])


@pytest.mark.parametrize("lossless", [True, False])
def test_pixels_of_an_avif_with_code_points_are_those_of_other_decoders(photo: Array, lossless: bool) -> None:
    origin = Origin("avif", "rgb", lossless=lossless)
    bare = from_numpy(photo)
    written = imageio.encode(dataclasses.replace(bare, cicp=Cicp(9, 16), origin=origin), "avif")
    found = containers.inspect(written, "avif").cicp
    assert found is not None
    assert found[:2] == (9, 16)
    decoded = np.asarray(PillowImage.open(io.BytesIO(written)), dtype=int)
    assert np.abs(decoded - photo).mean() < (0.01 if lossless else 2)
    again = imageio.read_bytes(written, "a.avif")
    assert again.cicp == Cicp(9, 16)
    assert again.profile is None


@pytest.mark.parametrize("cicp", HDR)
def test_hdr_is_kept_where_it_can_be_and_refused_elsewhere(photo: Array, cicp: Cicp) -> None:
    picture = imageio.read_bytes(png_of(photo, cICP=bytes([*cicp[:3], 1])), "a.png")
    assert (picture.cicp, picture.profile) == (cicp, None)
    for format in ("png", "avif", "jxl"):
        assert imageio.read_bytes(imageio.encode(picture, format), "b").cicp == cicp
    for format in ("jpeg", "tiff", "webp"):
        with pytest.raises(UnwritableImage, match=r"cannot store these colours \(.*(PQ|HLG)\)") as caught:
            imageio.encode(picture, format)
        assert "png, avif or jxl" in caught.value.hint


def test_narrow_range_stays_in_png(photo: Array) -> None:
    picture = imageio.read_bytes(png_of(photo, cICP=bytes([9, 16, 0, 0])), "a.png")
    assert chunk_of(imageio.encode(picture, "png"), b"cICP") == bytes([9, 16, 0, 0])
    with pytest.raises(UnwritableImage, match="narrow range"):
        imageio.encode(picture, "avif")


@pytest.mark.parametrize("cicp", [(1, 13), (2, 2), (1, 2)])
def test_code_points_of_srgb_need_no_profile(photo: Array, cicp: tuple[int, int]) -> None:
    picture = imageio.read_bytes(png_of(photo, cICP=bytes([*cicp, 0, 1])), "a.png")
    assert picture.profile is None
    assert PillowImage.open(io.BytesIO(imageio.encode(picture, "jpeg"))).info.get("icc_profile") is None


@pytest.mark.parametrize("strip", [True, False])
def test_gamma_and_primaries_of_png_stay_or_become_a_profile(photo: Array, strip: bool) -> None:
    p3 = struct.pack(">8I", 31_270, 32_900, 68_000, 32_000, 26_500, 69_000, 15_000, 6_000)
    source = png_of(photo, gAMA=struct.pack(">I", 100_000), cHRM=p3, sBIT=b"\5\6\5")
    picture = imageio.read_bytes(source, "a.png")
    expected = encoded(photo / 255 @ P3_TO_SRGB.T)
    assert picture.profile is not None
    assert np.abs(shown(photo, picture.profile) - expected).mean() < 0.5
    written = imageio.encode(picture, "png", WriteOptions(strip=strip))
    for name in (b"gAMA", b"cHRM", b"sBIT"):
        assert chunk_of(written, name) == (None if strip else chunk_of(source, name))
    assert (chunk_of(written, b"iCCP") is None) is not strip
    assert imageio.read_bytes(written, "b.png").profile == picture.profile
    jpeg = PillowImage.open(io.BytesIO(imageio.encode(picture, "jpeg", WriteOptions(strip=strip))))
    assert jpeg.info["icc_profile"] == picture.profile
    assert "JPEG holds no significant bits (sBIT)" in imageio.losses(picture, "jpeg")


def test_gamma_of_a_grey_png_becomes_a_grey_profile(photo: Array) -> None:
    picture = imageio.read_bytes(png_of(photo[:, :, 1].copy(), gAMA=struct.pack(">I", 55_556)), "a.png")
    assert picture.profile is not None
    profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.profile))
    assert profile.profile.xcolor_space == "GRAY"


@pytest.mark.parametrize(
    "chunks",
    [
        {"gAMA": struct.pack(">I", 45_455)},
        {"gAMA": struct.pack(">I", 100_000), "sRGB": b"\0"},
        {"cHRM": struct.pack(">8I", *[31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000])},
        {"cHRM": bytes(32)},
        {"cHRM": struct.pack(">8I", *[30_000, 30_000] * 4)},
        {"cHRM": b"\xff" * 32, "gAMA": b"\xff" * 4},
    ],
)
def test_chunks_that_mean_srgb_or_nothing_need_no_profile(photo: Array, chunks: dict[str, bytes]) -> None:
    assert imageio.read_bytes(png_of(photo, **chunks), "a.png").profile is None


def test_a_preview_has_the_colours_of_the_code_points(photo: Array, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png_of(photo, cICP=bytes([12, 13, 0, 1])))
    small = imageio.preview(path, 128)
    assert np.abs(small.pixels - encoded(linear(photo) @ P3_TO_SRGB.T)).mean() < 1


def test_code_points_are_found_in_profiles() -> None:
    tags = struct.pack(">4sII", b"cicp", 144, 12)
    profile = bytes(128) + struct.pack(">I", 1) + tags + b"cicp\0\0\0\0" + bytes([9, 16, 0, 1])
    assert colour.code_points_in(profile) == Cicp(9, 16)
    for bad in (b"", profile[:140], profile[:-1], b"\xff" * 200):
        assert colour.code_points_in(bad) is None


@pytest.mark.parametrize(
    ("transfer", "signal", "linear"), [(16, 0.508, 0.01), (16, 0.751, 0.1), (18, 0.5, 1 / 12), (18, 0.75, 0.265)]
)
def test_the_curves_of_hdr_profiles(transfer: int, signal: float, linear: float) -> None:
    """BT.2408: 100 cd/m² are 51 % of PQ, 1000 are 75 %; HLG has 1/12 of the peak at 50 %, and 26.5 % at 75 %."""
    profile = colour.hdr_profile_of(Cicp(9, transfer), 3)
    assert profile is not None and colour.code_points_in(profile) == Cicp(9, transfer)
    curve = np.frombuffer(profile[profile.index(b"curv") + 12 :], ">u2", 1024) / 65_535
    assert np.interp(signal, np.linspace(0, 1, 1024), curve) == pytest.approx(linear, rel=0.02)
    assert curve[0] == 0 and curve[-1] == pytest.approx(1, abs=1e-4) and (np.diff(curve) >= 0).all()
