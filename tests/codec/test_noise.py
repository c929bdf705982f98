"""The noise that is removed before an image is encoded."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser.codec.noise import without_noise
from denoiser.engine import open_session
from denoiser.events import CancelToken
from denoiser.image import Image
from denoiser.options import DenoiseOptions


def _without(image: Image, level: float | None):
    session = open_session(DenoiseOptions(noise_level=level, device="cpu", precision="fp32"))
    return without_noise(image, session, level, CancelToken())


@pytest.mark.parametrize(("channels", "chroma"), [(3, 12.0), (1, 0.0)])
def test_a_level_is_recorded_as_it_was_given(make_photo, channels: int, chroma: float) -> None:
    image = make_photo(64, 64, channels=channels)
    clean, noise = _without(image, 12.0)
    assert noise is not None and (noise.luma, noise.chroma) == (12.0, chroma)
    assert clean.pixels.shape == image.pixels.shape and not np.array_equal(clean.pixels, image.pixels)


def test_auto_goes_by_the_estimate_and_leaves_clean_images_alone() -> None:
    dice = np.random.default_rng(1)
    noisy = Image(np.clip(128 + dice.normal(0, 12, (256, 256, 3)), 0, 255).astype(np.uint8))
    clean, noise = _without(noisy, None)
    assert noise is not None and noise.luma == pytest.approx(12, rel=0.2)
    assert clean.pixels[64:-64, 64:-64].std() < 2
    flat = Image(np.full((256, 256, 3), 128, np.uint8))
    clean, noise = _without(flat, None)
    assert noise is None and clean is flat
