"""HEIC, JPEG XL and camera RAW: read when their extra is there, and else refused with the line to type."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import ImageCms

from denoiser import imageio
from denoiser.errors import ImageTooLarge, UnreadableImage, UnwritableImage
from denoiser.image import Image, from_numpy
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


@pytest.mark.parametrize("kind", ["grey8", "rgb8", "rgba8", "grey+alpha8"])
def test_jpeg_xl_gives_back_every_bit(kinds: dict[str, Image], kind: str) -> None:
    pytest.importorskip("imagecodecs")
    pytest.importorskip("pillow_jxl")
    back = imageio.read_bytes(imageio.encode(kinds[kind], "jxl"), "a.jxl")
    assert same(back, kinds[kind])
    assert back.profile is None, "sRGB needs no profile"


@pytest.mark.parametrize("kind", ["grey16", "rgb16", "rgba16", "rgb32"])
def test_deep_jpeg_xl_is_read_with_its_profile_and_written_where_that_stays_true(
    kinds: dict[str, Image], kind: str
) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    pytest.importorskip("pillow_jxl")
    deep = kinds[kind]
    samples = deep.pixels if deep.alpha is None else np.dstack([deep.pixels, deep.alpha])
    linear = imageio.read_bytes(bytes(imagecodecs.jpegxl_encode(samples.squeeze(), lossless=True)), "a.jxl")
    assert np.array_equal(linear.pixels, deep.pixels)
    assert linear.profile is not None
    back = imageio.read_bytes(imageio.encode(linear, "jxl"), "b.jxl")
    assert same(back, linear)
    assert back.profile == linear.profile
    with pytest.raises(UnwritableImage, match="false colours") as caught:
        imageio.encode(deep, "jxl")  # these numbers mean sRGB, and the file would say that they are linear
    assert "--format tiff" in caught.value.hint


def same(one: Image, other: Image) -> bool:
    alphas = (one.alpha is None) == (other.alpha is None)
    if one.alpha is not None and other.alpha is not None:
        alphas = np.array_equal(one.alpha, other.alpha)
    return alphas and one.bits == other.bits and np.array_equal(one.pixels, other.pixels)


def test_jpeg_xl_refuses_a_profile_that_it_would_lose(photo: Array) -> None:
    pytest.importorskip("imagecodecs")
    pytest.importorskip("pillow_jxl")
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert imageio.encode(from_numpy(photo, profile=srgb), "jxl")
    wide = from_numpy(photo, profile=srgb.replace(b"s\0R\0G\0B", b"w\0i\0d\0e"))
    with pytest.raises(UnwritableImage, match="a profile of its own"):
        imageio.encode(wide, "jxl")


def test_jpeg_xl_that_is_cut_is_refused(photo: Array) -> None:
    pytest.importorskip("imagecodecs")
    pytest.importorskip("pillow_jxl")
    whole = imageio.encode(from_numpy(photo), "jxl")
    for keep in (20, len(whole) // 2, len(whole) - 1):
        with pytest.raises(UnreadableImage):
            imageio.read_bytes(whole[:keep], "a.jxl")
    with pytest.raises(ImageTooLarge):
        imageio.read_bytes(whole, "a.jxl", ReadOptions(max_pixels=100))


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
    with pytest.raises(UnreadableImage, match="unknown camera"):
        imageio.read_bytes(b"II*\0\x08\0\0\0" + bytes(500), "a.dng")


@pytest.mark.parametrize(
    ("suffix", "package", "extra", "head"),
    [
        (".heic", "pillow_heif", "heif", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"),
        (".jxl", "imagecodecs", "jxl", b"\xff\x0a" + bytes(40)),
        (".dng", "rawpy", "raw", b"II*\0\x08\0\0\0" + bytes(40)),
    ],
)
def test_without_the_extra_the_line_to_type_is_given(
    suffix: str, package: str, extra: str, head: bytes, tmp_path: Path
) -> None:
    (tmp_path / f"a{suffix}").write_bytes(head)
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"  # as if it were not installed
        "from pathlib import Path; from denoiser import imageio; from denoiser.errors import MissingExtra\n"
        f"try: imageio.read(Path('a{suffix}'))\n"
        "except MissingExtra as error: print(error.message, '|', error.hint, '|', error.exit_code)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert f"a{suffix} is " in done.stdout
    assert f"{package} is not installed" in done.stdout
    assert f"pip install 'denoiser-studio[{extra}]'" in done.stdout
    assert done.stdout.rstrip().endswith("| 4")
