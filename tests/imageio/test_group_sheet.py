"""Contact sheets of groups: every thumbnail at its place, and none of no group."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser import imageio
from denoiser.errors import UnusableData
from denoiser.image import from_numpy
from denoiser.imageio.group_sheet import Group, group_sheet


def _thumbnail(colour: tuple[int, int, int], height: int = 96) -> bytes:
    return imageio.encode(from_numpy(np.full((height, 128, 3), colour, np.uint8)), "webp")


def test_groups_are_below_each_other_and_wrap_after_eight_images() -> None:
    red, blue = _thumbnail((255, 0, 0)), _thumbnail((0, 0, 255), 128)
    sheet = group_sheet(
        [Group("1", (red,) * 9, ("a",) * 9), Group("2", (blue,) * 2, ("a very long name.jpg",) * 2)]
    )
    is_red, is_blue = ((sheet.pixels == colour).all(2) for colour in ((255, 0, 0), (0, 0, 255)))
    assert is_red.sum() == 9 * 96 * 128 and is_blue.sum() == 2 * 128 * 128
    assert np.flatnonzero(is_red.any(1)).max() < np.flatnonzero(is_blue.any(1)).min()
    rows = np.diff(np.flatnonzero(is_red.any(1)))
    assert (rows > 1).sum() == 1, "nine images need two rows"


def test_no_group_has_no_sheet() -> None:
    with pytest.raises(UnusableData, match="No similar images"):
        group_sheet([])
