from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from denoiser.estimation import NoiseEstimate
from denoiser_gui.model import captions
from denoiser_gui.model.open_photos import OpenPhoto, PhotoStatus


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
