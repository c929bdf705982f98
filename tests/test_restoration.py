"""`denoise_autoencoder` can take the place of the functions of skimage.restoration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from skimage import data, restoration, util

import denoiser
from denoiser.errors import UsageError
from denoiser.restoration import denoise_autoencoder

PHOTO = np.clip(data.astronaut()[:64, 200:264] + np.random.default_rng(1).normal(0, 20, (64, 64, 3)), 0, 255)
EIGHT = PHOTO.astype(np.uint8)


@pytest.fixture
def words(tiny_weights: Path) -> dict[str, Any]:
    return {"model": str(tiny_weights), "device": "cpu", "precision": "fp32"}


@pytest.mark.parametrize(
    ("image", "sigma"),
    [
        (EIGHT, 20),
        (EIGHT.astype(np.uint16) * 257, 20 * 257),
        (EIGHT / 255, 20 / 255),
        ((EIGHT / 255).astype(np.float32), 20 / 255),
    ],
    ids=["uint8", "uint16", "float64", "float32"],
)
def test_it_returns_what_skimage_returns(image: Any, sigma: float, words: dict[str, Any]) -> None:
    made = denoise_autoencoder(image, sigma, channel_axis=-1, **words)
    alike = restoration.denoise_tv_chambolle(image, channel_axis=-1)
    assert (made.shape, made.dtype) == (alike.shape, alike.dtype)
    wanted = denoiser.denoise(util.img_as_float(EIGHT), noise_level=20, **words)
    assert made == pytest.approx(wanted, abs=1e-4), "sigma is in the units of the image"


def test_grey_and_other_axes(words: dict[str, Any]) -> None:
    grey = denoise_autoencoder(EIGHT[:, :, 0], 20, **words)
    assert (grey.shape, grey.dtype) == ((64, 64), np.float64)
    first = denoise_autoencoder(np.moveaxis(EIGHT, -1, 0), 20, channel_axis=0, **words)
    assert np.array_equal(np.moveaxis(first, 0, -1), denoise_autoencoder(EIGHT, 20, channel_axis=-1, **words))
    assert denoise_autoencoder((EIGHT / 255).astype(np.float16), channel_axis=-1, **words).dtype == np.float32


def test_what_does_not_fit_is_refused_with_a_hint(words: dict[str, Any]) -> None:
    cases: list[tuple[Any, dict[str, Any], str]] = [
        (EIGHT, {}, "channel_axis=-1"),
        (EIGHT, {"channel_axis": -1, "sigma": [1, 2, 3]}, "mean"),
        (EIGHT, {"channel_axis": -1, "noise_level": 20}, "sigma"),
        (EIGHT * 1.0, {"channel_axis": -1}, "255"),
        (EIGHT.astype(np.int64), {"channel_axis": -1}, "uint8"),
    ]
    for image, given, hint in cases:
        with pytest.raises(UsageError) as caught:
            denoise_autoencoder(image, **given, **words)
        assert hint in caught.value.hint
