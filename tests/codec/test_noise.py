"""What the encoder is told of the noise: nothing, what was asked for, or what the estimate makes of it."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser.codec.noise import noise_to_take
from denoiser.image import Image


def test_off_takes_nothing(make_photo) -> None:
    assert noise_to_take(make_photo(64, 64), 0.0) is None


@pytest.mark.parametrize(("channels", "luma", "chroma"), [(3, 12.0, 12.0), (1, 12.0 * 3**0.5, 0.0)])
def test_a_level_is_told_as_it_is(make_photo, channels: int, luma: float, chroma: float) -> None:
    noise = noise_to_take(make_photo(64, 64, channels=channels), 12.0)
    assert noise is not None
    assert noise.condition.luma == pytest.approx(luma) and noise.condition.chroma == pytest.approx(chroma)
    assert noise.luma == 12.0


def test_auto_goes_by_the_estimate_and_leaves_clean_pictures_alone() -> None:
    dice = np.random.default_rng(1)
    noisy = Image(np.clip(128 + dice.normal(0, 12, (256, 256, 3)), 0, 255).astype(np.uint8))
    noise = noise_to_take(noisy, None)
    assert noise is not None and noise.luma == pytest.approx(12, rel=0.2)
    assert noise.condition.luma == pytest.approx(noise.luma, rel=0.2)
    assert noise_to_take(Image(np.full((256, 256, 3), 128, np.uint8)), None) is None
