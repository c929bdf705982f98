"""Noise goes into the file as 154 bytes and comes back as grain that looks like it."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser.codec import grain as noise
from denoiser.codec.grain import without_noise
from denoiser.engine.session import Session
from denoiser.engine.trust import sample
from denoiser.errors import DamagedLatent
from denoiser.events import CancelToken
from denoiser.image import Image
from denoiser.options import DenoiseOptions


def _noisy(coarseness: float) -> tuple[np.ndarray, np.ndarray]:
    """A ramp from dark to bright, and the noise on it: twice as strong in the lights."""
    field = np.random.default_rng(5).normal(size=(512, 512))
    for axis in (0, 1):
        field = field + coarseness * (np.roll(field, 1, axis) + np.roll(field, -1, axis))
    clean = np.broadcast_to(np.linspace(30, 220, 512), (512, 512))
    return clean[:, :, np.newaxis], (field / field.std() * (4 + 4 * clean / 255))[:, :, np.newaxis]


def _model(coarseness: float = 0.5) -> noise.NoiseModel:
    clean, removed = _noisy(coarseness)
    noisy, clean = ((values / 255).astype(np.float32) for values in (clean + removed, clean))
    found = noise.measured(sample(noisy, clean), noise.Noise(5, 4, 0.5))
    assert found is not None
    return found


def test_what_is_packed_comes_back() -> None:
    model = _model()
    data = model.packed()
    assert len(data) == noise.BYTES == 154
    again = noise.unpacked(data)
    assert (again.luma, again.chroma, again.seed) == (5, 4, model.seed) and again.kind == pytest.approx(
        0.5, abs=1e-4
    )
    assert np.allclose(again.spreads, model.spreads, atol=1e-5) and np.allclose(
        again.likeness, model.likeness, atol=1e-2
    )
    assert again.packed() == data
    for wrong in (b"", data[:-1], data + b"\0"):
        with pytest.raises(DamagedLatent, match="the noise model has"):
            noise.unpacked(wrong)


@pytest.mark.parametrize("coarseness", [0.0, 0.5, 1.0])
def test_grain_is_as_coarse_and_as_strong_as_what_was_taken(coarseness: float) -> None:
    clean, removed = _noisy(coarseness)
    grain = noise.unpacked(_model(coarseness).packed()).grain(255.0)
    grainy = np.ascontiguousarray(clean).astype(np.uint8)
    noise.add(grainy, grain, 1.0, 255.0)
    added = grainy - np.floor(clean)
    for part in (slice(40, 200), slice(300, 470)):
        assert added[:, part].std() == pytest.approx(removed[:, part].std(), rel=0.15)
    for shift in (1, 2, 3):
        ours, theirs = (np.mean(x[:, :-shift] * x[:, shift:]) / x.var() for x in (added, removed))
        assert ours == pytest.approx(theirs, abs=0.12)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_part_has_the_grain_of_the_whole(dtype: type) -> None:
    white = float(np.iinfo(dtype).max)
    grain = _model().grain(white)
    whole = np.full((700, 300, 3), white // 2, dtype)
    part = whole[123:633, 45:200].copy()
    noise.add(whole, grain, 0.7, white)
    noise.add(part, grain, 0.7, white, top=123, left=45)
    assert np.array_equal(whole[123:633, 45:200], part)
    assert whole.std() > white / 255
    assert np.array_equal(whole[..., 0], whole[..., 1]), "neutral"


def test_nothing_is_told_of_a_picture_too_small() -> None:
    tiny = np.zeros((8, 8, 1), np.float32)
    assert noise.measured(sample(tiny, tiny), noise.Noise(0, 0, 0)) is None


def _without(image: Image, level: float | None):
    session = Session(DenoiseOptions(noise_level=level, device="cpu", precision="fp32"))
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


def test_a_hot_pixel_is_no_noise_to_describe() -> None:
    ramp = np.rint(60 + 0.3 * np.arange(256)).astype(np.uint8)
    pixels = np.broadcast_to(ramp[:, np.newaxis], (256, 256, 3)).copy()
    pixels[100, 90] = 255
    clean, noise = _without(Image(pixels), None)
    assert noise is None and np.argwhere((clean.pixels != pixels).any(axis=2)).tolist() == [[100, 90]]
