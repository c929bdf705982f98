from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from denoiser.estimation import NoiseEstimate
from denoiser.image import Origin, from_numpy
from denoiser_gui.model import captions
from denoiser_gui.model.pyramid import ImagePyramid, make_pyramid
from denoiser_gui.translation import set_language


def _pyramid(**exif: str) -> ImagePyramid:
    image = dataclasses.replace(
        from_numpy(np.zeros((40, 60, 3), np.uint8)), origin=Origin(format="jpeg", mode="rgb")
    )
    return dataclasses.replace(make_pyramid(1, image), exif=exif, bytes_in_file=14_200_000)


def _estimate(luma: float, chroma: float, kind: float, *, grey: bool = False) -> NoiseEstimate:
    return NoiseEstimate(luma, chroma, kind, np.zeros((1, 1), np.float32), "", grey=grey)


def test_camera_line() -> None:
    pyramid = _pyramid(make="NIKON CORPORATION", model="NIKON D750", iso="6400", exposure="1/125", aperture="2.8")
    assert captions.camera_line(pyramid) == "NIKON D750 · ISO 6400 · 1/125 s · f/2.8"
    assert captions.camera_line(_pyramid()) == ""
    assert captions.camera_line(_pyramid(make="Canon", model="EOS 5D")) == "Canon EOS 5D"
    assert captions.camera_line(_pyramid(aperture="odd")) == ""


def test_file_line() -> None:
    assert captions.file_line(_pyramid()) == "60 × 40 · 8 bit · sRGB · JPEG · 14.2 MB"


def test_noise_line() -> None:
    assert captions.noise_line(None) == ""
    assert captions.noise_line(_estimate(0.3, 0.2, 0.9)) == "almost no noise"
    assert captions.noise_line(_estimate(11.3, 8.7, 0.9)) == "noise σ 11.3 luma, 8.7 colour · camera-like"
    assert captions.noise_line(_estimate(11.3, 0, 0.05, grey=True)) == "noise σ 11.3 · white"


@pytest.mark.parametrize(
    ("share", "line"),
    [
        (None, ""),
        (0.0, ""),
        (0.0004, "<0.1 % kept as in the source"),
        (0.003, "0.3 % kept as in the source"),
        (0.25, "25.0 % kept as in the source"),
    ],
)
def test_the_share_kept_as_in_the_source(share: float | None, line: str) -> None:
    assert captions.kept_line(share) == line


def test_the_kept_share_in_chinese() -> None:
    try:
        set_language("zh")
        assert captions.kept_line(0.003) == "0.3 % 的区域保留原图"
    finally:
        set_language("en")


def test_file_sizes() -> None:
    assert captions.in_bytes(999) == "999 bytes"
    assert captions.in_bytes(12_345) == "12 kB"
