from __future__ import annotations

from pathlib import Path

import pytest

from denoiser_gui.model import captions
from denoiser_gui.model.open_photos import OpenPhoto, PhotoStatus


def _photo(**facts: object) -> OpenPhoto:
    return OpenPhoto(1, Path("/p/a.jpg"), "a.jpg", **facts)  # type: ignore[arg-type]


def test_the_caption_shows_status_or_noise() -> None:
    assert captions.beside_the_name(_photo()) == ""
    assert captions.beside_the_name(_photo(sigma=11.26)) == "σ 11.3"
    assert captions.beside_the_name(_photo(sigma=11.26, stage=PhotoStatus.SAVED)) == "saved"
    assert captions.beside_the_name(_photo(sigma=11.26, stage=PhotoStatus.FAILED)) == "failed"


def test_the_full_caption_contains_all_facts() -> None:
    said = captions.in_full(
        _photo(
            sigma=3.0, stage=PhotoStatus.FAILED, saved_as=Path("/q/a.jpg"), problem="It is broken.", hint="Mend it."
        )
    )
    assert said.splitlines() == [
        "a.jpg", "failed", "measured noise: σ 3.0", "saved as /q/a.jpg", "It is broken.", "Mend it.",
    ]  # fmt: skip


def test_paths_in_the_home_folder_are_shortened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home-of/me")
    assert captions.short_path(Path("/home-of/me/Pictures/a.jpg")) == "~/Pictures/a.jpg"
    assert captions.short_path(Path("/elsewhere/a.jpg")) == "/elsewhere/a.jpg"


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.34, "0.3 s"), (8.0, "8.0 s"), (42.4, "42 s"), (125, "2:05 min"), (11_400, "3:10 h")]
)
def test_durations(seconds: float, said: str) -> None:
    assert captions.duration(seconds) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.5, "1 s left"), (13, "15 s left"), (340, "6 min left"), (7260, "2:01 h left")]
)
def test_time_left_is_rounded(seconds: float, said: str) -> None:
    assert captions.time_left(seconds) == said
