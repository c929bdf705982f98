"""Images as the scorers take them."""

from __future__ import annotations

import pytest
import torch

from denoiser.errors import UnusableData
from denoiser.workbench.anomaly.pixels import Preparation, reduced


def _image(height: int, width: int, value: int = 100) -> torch.Tensor:
    return torch.full((3, height, width), value, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("height", "width", "size"),
    [
        (1000, 1000, (256, 256)),
        (800, 1250, (208, 320)),
        (28, 28, (32, 32)),
        (8, 8, (32, 32)),
        (200, 210, (192, 208)),
    ],
)
def test_large_images_are_reduced_and_small_ones_are_not_enlarged(height: int, width: int, size) -> None:
    assert reduced(_image(height, width), 256).shape == (3, *size)


def test_an_image_that_is_too_narrow_is_refused() -> None:
    with pytest.raises(UnusableData, match="1000 x 100 pixels are too long and narrow"):
        reduced(_image(100, 1000), 256)


def test_brightness_is_evened_out_where_good_images_are_about_equally_bright() -> None:
    good = [reduced(_image(64, 64, value), 64) for value in (95, 100, 105)]
    preparation = Preparation.of(good)
    dark, usual = preparation(_image(64, 64, 90)), preparation(_image(64, 64, 100))
    torch.testing.assert_close(dark, usual, rtol=1e-3, atol=1e-3)
    assert float(preparation(_image(64, 64, 20)).mean()) < 0.1, "a black image stays one"


def test_brightness_is_kept_where_good_images_differ_in_it() -> None:
    preparation = Preparation.of([reduced(_image(64, 64, value), 64) for value in (30, 120, 240)])
    assert preparation.brightness == 0
    assert float(preparation(_image(64, 64, 51)).mean()) == pytest.approx(0.2, abs=1e-3)


def test_images_are_not_larger_than_the_good_ones() -> None:
    preparation = Preparation.of([reduced(_image(64, 96), 256)] * 3)
    assert preparation(_image(640, 960)).shape == (3, 64, 96)
