from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from denoiser.estimation.estimate import NoiseEstimate
from denoiser.image import Origin, from_numpy
from denoiser_gui.model import captions
from denoiser_gui.model.open_photos import OpenPhoto, PhotoStatus
from denoiser_gui.model.pyramid import ImagePyramid, make_pyramid
from denoiser_gui.translation import set_language


def _noise(sigma: float) -> NoiseEstimate:
    return NoiseEstimate(sigma, 0.0, 0.0, np.zeros((1, 1), np.float32), "", grey=True)


def _photo(**facts: object) -> OpenPhoto:
    return OpenPhoto(1, Path("/p/a.jpg"), "a.jpg", **facts)  # type: ignore[arg-type]


def test_the_caption_shows_status_or_noise() -> None:
    assert captions.short_caption(_photo()) == "a.jpg"
    assert captions.short_caption(_photo(noise=_noise(11.26))) == "a.jpg · σ 11.3"
    assert captions.short_caption(_photo(noise=_noise(11.26), status=PhotoStatus.SAVED)) == "a.jpg · saved"
    assert captions.short_caption(_photo(noise=_noise(11.26), status=PhotoStatus.FAILED)) == "a.jpg · failed"


def test_the_full_caption_contains_all_facts() -> None:
    text = captions.full_caption(
        _photo(
            noise=_noise(3.0),
            status=PhotoStatus.FAILED,
            saved_as=Path("/q/a.jpg"),
            problem="It is broken.",
            hint="Mend it.",
        )
    )
    assert text.splitlines() == [
        "a.jpg", "failed", "estimated noise: σ 3.0", "saved as /q/a.jpg", "It is broken.", "Mend it.",
    ]  # fmt: skip


def test_paths_in_the_home_folder_are_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home-of/me")
    assert captions.short_path(Path("/home-of/me/Pictures/a.jpg")) == "~/Pictures/a.jpg"
    assert captions.short_path(Path("/elsewhere/a.jpg")) == "/elsewhere/a.jpg"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.34, "0.3 s"), (8.0, "8.0 s"), (42.4, "42 s"), (125, "2:05 min"), (11_400, "3:10 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert captions.duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.5, "1 s left"), (13, "15 s left"), (340, "6 min left"), (7260, "2:01 h left")]
)
def test_time_left_is_rounded(seconds: float, text: str) -> None:
    assert captions.time_left(seconds) == text


def test_pixel_values() -> None:
    assert captions.pixel_text((128.0, 131.0, 117.0)) == "R 128  G 131  B 117"
    assert captions.pixel_text((65535.0,)) == "K 65535"
    assert captions.pixel_text((0.25, 0.5, 1.5)) == "R 0.2500  G 0.5000  B 1.5000"


def _pyramid(**exif: str) -> ImagePyramid:
    image = dataclasses.replace(
        from_numpy(np.zeros((40, 60, 3), np.uint8)), origin=Origin(format="jpeg", mode="rgb")
    )
    return dataclasses.replace(make_pyramid(1, image), exif=exif, bytes_in_file=14_200_000)


def _estimate(luma: float, chroma: float, kind: float, *, grey: bool = False) -> NoiseEstimate:
    return NoiseEstimate(luma, chroma, kind, np.zeros((1, 1), np.float32), "", grey=grey)


def test_camera_line() -> None:
    pyramid = _pyramid(make="NIKON CORPORATION", model="NIKON D750", iso="6400", exposure="1/125", aperture="2.8")
    assert captions.camera_line(pyramid) == "NIKON\u00a0D750 · ISO\u00a06400 · 1/\u2060125\u00a0s · f/\u20602.8"
    assert captions.camera_line(_pyramid()) == ""
    assert captions.camera_line(_pyramid(make="Canon", model="EOS 5D")) == "Canon\u00a0EOS\u00a05D"
    assert captions.camera_line(_pyramid(aperture="odd")) == ""


def test_dates_of_exif_are_readable() -> None:
    pyramid = _pyramid(lens="50mm", taken="2023:07:14 18:22:01", **{"focal length": "50"})
    assert captions.lens_line(pyramid) == "50mm · 50\u00a0mm · 2023-07-14 18:22"
    assert captions.lens_line(_pyramid(taken="some day")) == "some day"


def test_file_line() -> None:
    assert captions.file_line(_pyramid()) == "60 × 40 · 8 bit · sRGB · JPEG · 14.2 MB"


def test_noise_line() -> None:
    assert captions.noise_line(None) == ""
    assert captions.noise_line(_estimate(0.3, 0.2, 0.9)) == "almost no noise"
    assert captions.noise_line(_estimate(11.3, 8.7, 0.9)) == "noise σ 9.6 (luma 11.3, colour 8.7) · camera-like"
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


def test_long_words_can_be_broken_and_others_are_unchanged() -> None:
    assert captions.breakable("a short sentence, with-hyphens") == "a short sentence, with-hyphens"
    name = "x" * 210 + ".jpg"
    broken = captions.breakable(f"{name} and /home/somebody/photos/a.jpg")
    assert broken.replace("\u200b", "") == f"{name} and /home/somebody/photos/a.jpg"
    assert max(len(piece) for piece in broken.split("\u200b")) <= 30
    assert "home/\u200bsomebody/\u200bphotos/\u200ba" in broken
