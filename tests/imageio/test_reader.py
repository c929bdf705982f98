"""Reading: metadata, notes, and messages of errors."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image as PillowImage

from denoiser import imageio
from denoiser.errors import UnreadableImage, UnsupportedFormat
from denoiser.image import from_numpy
from denoiser.options import ReadOptions

Array = np.ndarray[Any, Any]


def animated(photo: Array, format: str, **words: Any) -> bytes:
    frames = [PillowImage.fromarray(np.roll(photo, 9 * number, axis=1)) for number in range(3)]
    file = io.BytesIO()
    frames[0].save(file, format, save_all=True, append_images=frames[1:], **words)
    return file.getvalue()


@pytest.mark.parametrize(
    ("format", "words"),
    [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True}), ("MPO", {"quality": 95}), ("AVIF", {"quality": 100})],
)
def test_the_first_of_several_images_is_used_with_a_note_or_all_rejected(
    photo: Array, format: str, words: dict[str, Any]
) -> None:
    data = animated(photo, format, **words)
    picture = imageio.read_bytes(data, "a")
    assert picture.origin is not None
    assert picture.origin.frames == 3
    assert any("first of 3 images" in note for note in picture.notes)
    assert np.abs(picture.pixels.astype(int) - photo).mean() < 3
    with pytest.raises(UnreadableImage, match="contains 3 images") as caught:
        imageio.read_bytes(data, "a", ReadOptions(frames="refuse"))
    assert "--frames first" in caught.value.hint


@pytest.mark.parametrize("format", ["png", "jpeg", "tiff", "webp", "avif"])
def test_a_probe_has_format_and_size(photo: Array, format: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{format}"
    imageio.write(from_numpy(photo), path)
    assert imageio.probe(path) == imageio.ImageHeader(format, 128, 96, 1)


def test_a_probe_has_the_upright_size_and_decodes_nothing(photo: Array, tmp_path: Path) -> None:
    picture = PillowImage.fromarray(photo)
    exif = picture.getexif()
    exif[0x0112] = 8
    picture.save(tmp_path / "a.jpg", exif=exif)
    picture.save(tmp_path / "a.bmp")
    code = (
        "import sys; from pathlib import Path; from denoiser import imageio;"
        "print(imageio.probe(Path('a.jpg')), imageio.probe(Path('a.bmp')), sep='\\n');"
        "print([name for name in ('PIL', 'pyvips', 'torch') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        "ImageHeader(format='jpeg', width=96, height=128, frames=1)",
        "ImageHeader(format='bmp', width=128, height=96, frames=1)",
        "[]",
    ]


def test_importing_the_package_loads_no_backend() -> None:
    code = "import sys, denoiser.imageio; print([n for n in ('PIL', 'pyvips', 'numpy') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_reading_does_not_change_a_file_and_returns_its_times(photo: Array, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    PillowImage.fromarray(photo).save(path)
    os.utime(path, ns=(1_000_000_000, 2_000_000_000))
    path.chmod(0o444)
    before = path.read_bytes()
    os.utime(path, ns=(1_000_000_000, 2_000_000_000))
    picture = imageio.read(path)
    assert picture.origin is not None
    assert picture.origin.times_ns == (1_000_000_000, 2_000_000_000)
    assert path.read_bytes() == before
    assert path.stat().st_mtime_ns == 2_000_000_000


@pytest.mark.parametrize(
    ("values", "words", "reason"),
    [
        (np.zeros((9, 9), np.int16), {}, "samples of type short"),
        (np.zeros((9, 9), np.uint32), {}, "samples of type uint"),
        (np.zeros((9, 9), np.float64), {}, "of an unsupported kind"),
        (np.zeros((9, 9, 5), np.uint8), {"photometric": "rgb"}, "has 5 channels"),
    ],
)
def test_odd_kinds_of_tiff_are_called_by_name(values: Array, words: dict[str, Any], reason: str) -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, values, **words)
    with pytest.raises(UnsupportedFormat, match=reason):
        imageio.read_bytes(file.getvalue(), "a.tif")


def test_half_floats_planes_apart_and_white_at_zero_are_understood(photo: Array) -> None:
    real = (photo / np.float32(255) * 2 - 0.5).astype(np.float32)
    for values, words, expected in (
        (real.astype(np.float16), {"photometric": "rgb"}, real.astype(np.float16).astype(np.float32)),
        (np.moveaxis(real, 2, 0).copy(), {"photometric": "rgb", "planarconfig": "separate"}, real),
        (photo[:, :, 0].copy(), {"photometric": "miniswhite"}, 255 - photo[:, :, :1]),
        (real, {"photometric": "rgb", "tile": (32, 32)}, real),
        (real, {"photometric": "rgb", "bigtiff": True, "byteorder": ">"}, real),
    ):
        file = io.BytesIO()
        tifffile.imwrite(file, values, **words)
        assert np.array_equal(imageio.read_bytes(file.getvalue(), "a.tif").pixels, expected), words


def test_premultiplied_colours_become_straight_with_a_note(photo: Array) -> None:
    deep = photo.astype(np.uint16) * 257
    alpha = np.full(deep.shape[:2], 32_768, np.uint16)
    file = io.BytesIO()
    tifffile.imwrite(file, np.dstack([deep // 2, alpha]), photometric="rgb", extrasamples=[1])
    picture = imageio.read_bytes(file.getvalue(), "a.tif")
    assert np.abs(picture.pixels.astype(int) - deep).max() <= 3
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, alpha)
    assert any("straight alpha" in note for note in picture.notes)


@pytest.mark.parametrize(("factor", "word"), [(255, "1.0 is treated as white"), (np.nan, "NaN"), (3, None)])
def test_unusual_values_of_float_images_are_noted(photo: Array, factor: float, word: str | None) -> None:
    values = (photo / np.float32(255)).astype(np.float32)
    values[3, 3] *= np.float32(factor)
    values[0] *= np.float32(factor if factor == factor else 1)
    file = io.BytesIO()
    tifffile.imwrite(file, values, photometric="rgb")
    notes = imageio.read_bytes(file.getvalue(), "a.tif").notes
    assert [note for note in notes if word and word in note] or (word is None and notes == ())


def test_warnings_reach_neither_stderr_nor_the_log(photo: Array, capfd: pytest.CaptureFixture[str]) -> None:
    file = io.BytesIO()
    PillowImage.fromarray(photo).save(file, "TIFF", compression="tiff_lzw")
    data = bytearray(file.getvalue())
    data[len(data) // 2 : len(data) // 2 + 300] = b"\xff" * 300  # codes that LZW has not come to yet
    with pytest.raises(UnreadableImage):
        imageio.read_bytes(bytes(data), "a.tif")
    for name in ("JPEG", "PNG"):
        file = io.BytesIO()
        PillowImage.fromarray(photo).save(file, name)
        with pytest.raises(UnreadableImage):
            imageio.read_bytes(file.getvalue()[:-50], "a")
    assert capfd.readouterr() == ("", "")


def test_the_same_file_gives_the_same_pixels_each_time(photo: Array) -> None:
    for format in ("jpeg", "webp", "avif"):
        data = imageio.encode(from_numpy(np.tile(photo, (5, 5, 1))), format)
        first = imageio.read_bytes(data, "a").pixels
        assert all(np.array_equal(imageio.read_bytes(data, "a").pixels, first) for _ in range(5))


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
