"""The exit code says what happened."""

from __future__ import annotations

from pathlib import Path

import pytest

from denoiser.batch import Report
from denoiser.errors import DenoiserError, MissingExtra, UnreadableImage
from denoiser.events import FileFailed

BROKEN = UnreadableImage("broken")
NO_HEIC = MissingExtra("is HEIC", extra="heif")


@pytest.mark.parametrize(
    ("done", "errors", "cancelled", "code"),
    [
        (3, [], False, 0),
        (0, [], False, 0),
        (3, [BROKEN], False, 1),
        (0, [BROKEN], False, 1),
        (3, [NO_HEIC], False, 1),
        (0, [NO_HEIC, NO_HEIC], False, 4),
        (0, [NO_HEIC, BROKEN], False, 1),
        (3, [], True, 130),
        (3, [BROKEN], True, 130),
    ],
)
def test_exit_codes(done: int, errors: list[DenoiserError], cancelled: bool, code: int) -> None:
    failures = tuple(FileFailed(Path("a.png"), error) for error in errors)
    assert Report(done=done, failures=failures, cancelled=cancelled).exit_code == code
