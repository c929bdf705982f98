"""Masks are read in the orientation that people see, at any depth, and refused if they do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pil

from denoiser import imageio
from denoiser.errors import UnreadableImage
from denoiser.image import Image, from_numpy
from denoiser.imageio.masks import mask_in, mask_of, read_mask


@pytest.mark.parametrize(("dtype", "white"), [(np.uint8, 255), (np.uint16, 65535)])
def test_white_is_full_strength_at_every_depth(tmp_path: Path, dtype: type, white: int) -> None:
    values = np.array([[0, white // 5, white]] * 2, dtype)
    imageio.write(from_numpy(values), tmp_path / "mask.png")
    mask = read_mask(tmp_path / "mask.png", (3, 2))
    assert mask.dtype == np.uint16
    assert mask.tolist() == [[0, 13107, 65535]] * 2
    assert np.array_equal(mask_in((tmp_path / "mask.png").read_bytes(), "mask", (3, 2)), mask)


def test_a_bilevel_mask_is_black_and_white(tmp_path: Path) -> None:
    Pil.fromarray(np.array([[0, 255, 0]], np.uint8)).convert("1").save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png", (3, 1)).tolist() == [[0, 65535, 0]]


def test_a_mask_is_turned_like_the_photo(tmp_path: Path) -> None:
    exif = Pil.Exif()
    exif[274] = 6  # to be turned clockwise
    Pil.fromarray(np.array([[0, 255]], np.uint8)).save(tmp_path / "mask.png", exif=exif)
    assert read_mask(tmp_path / "mask.png", (1, 2)).tolist() == [[0], [65535]]


def test_grey_in_three_channels_is_grey() -> None:
    grey = np.array([[[7, 7, 7, 255]]], np.uint8)
    assert mask_of(from_numpy(grey), "mask", (1, 1)).tolist() == [[7 * 257]]


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (from_numpy(np.zeros((2, 3), np.uint8)), "m.png: has 3 x 2 pixels, the image 2 x 3."),
        (from_numpy(np.array([[[1, 2, 3], [0, 0, 0]]] * 3, np.uint8)), "m.png: has colours, but a mask is grey."),
        (
            Image(np.zeros((3, 2, 1), np.uint8), alpha=np.zeros((3, 2), np.uint8)),
            "m.png: has transparent pixels, but a mask is opaque.",
        ),
    ],
)
def test_what_is_no_mask_for_this_image_is_refused(image: Image, words: str) -> None:
    with pytest.raises(UnreadableImage) as refused:
        mask_of(image, "m.png", (2, 3))
    assert refused.value.message == words
    assert "white is full strength" in refused.value.hint
