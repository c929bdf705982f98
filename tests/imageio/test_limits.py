"""The limits name themselves."""

from __future__ import annotations

import pytest

from denoiser.errors import ImageTooLarge
from denoiser.imageio import limits


def test_pixels_up_to_the_limit_pass() -> None:
    limits.refuse_pixels(10, 10, 100)
    with pytest.raises(ImageTooLarge, match="has 101x1 pixels, more than the limit of 100"):
        limits.refuse_pixels(101, 1, 100)


def test_a_file_may_hold_any_picture_at_the_limit() -> None:
    limits.refuse_bytes(500_000_000 * 16, 500_000_000)
    with pytest.raises(ImageTooLarge, match="10,000,000,000 bytes"):
        limits.refuse_bytes(10_000_000_000, 500_000_000)
