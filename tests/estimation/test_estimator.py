"""Estimates of pictures whose noise is known, by the shipped weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch
from safetensors.numpy import load_file
from skimage import data

from denoiser import estimate_noise, imageio
from denoiser.errors import UntrustedWeights
from denoiser.estimation.estimator import Estimator, load_estimator
from denoiser.image import Image, from_numpy
from denoiser.models import catalog
from denoiser.options import WriteOptions

PHOTO = data.astronaut()[:384, :384]


def noisy(sigma: float, *, seed: int = 0) -> np.ndarray:
    return PHOTO + np.float32(sigma) * np.random.default_rng(seed).standard_normal(PHOTO.shape, dtype=np.float32)


def as_bytes(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("sigma", [5, 10, 25, 50])
def test_white_noise_is_read_within_a_tenth(sigma) -> None:
    estimate = estimate_noise(from_numpy((noisy(sigma) / 255).astype(np.float32)))
    assert estimate.luma == pytest.approx(sigma, rel=0.1)
    assert estimate.chroma == pytest.approx(sigma, rel=0.1)
    assert estimate.kind < 0.3 and estimate.reason.startswith("white noise")


def test_depth_does_not_matter() -> None:
    values = np.clip(noisy(10), 0, 255)
    eight = estimate_noise(from_numpy(as_bytes(values)))
    sixteen = estimate_noise(from_numpy(np.rint(values * 257).astype(np.uint16)))
    ten = estimate_noise(from_numpy(np.rint(values * (1023 / 255)).astype(np.uint16), bits=10))
    for other in (sixteen, ten):
        assert other.luma == pytest.approx(eight.luma, rel=0.05)


def test_grain_is_distinguished_from_white_noise() -> None:
    white = np.random.default_rng(0).standard_normal((392, 392, 3), dtype=np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(white, (5, 5), axis=(0, 1))
    grain = windows.mean(axis=(3, 4))[:384, :384] * 5  # unit variance again
    estimate = estimate_noise(from_numpy(as_bytes(PHOTO + 12 * grain)))
    assert estimate.kind > 0.7 and estimate.reason.startswith("correlated")
    assert estimate.luma == pytest.approx(12, rel=0.3)


def test_a_grey_image_has_the_sigma_of_its_channel() -> None:
    grey = data.camera()[:384, :384] + 10 * np.random.default_rng(0).standard_normal((384, 384))
    estimate = estimate_noise(from_numpy(as_bytes(grey)))
    assert estimate.grey and estimate.chroma == 0
    assert estimate.luma == pytest.approx(10, rel=0.15)
    stored_as_colour = np.repeat(as_bytes(grey)[..., None], 3, axis=2)
    assert estimate_noise(from_numpy(stored_as_colour)).as_values() == estimate.as_values()


def test_noise_that_depends_on_brightness_has_levels() -> None:
    ramp = np.broadcast_to(np.linspace(20, 230, 384)[None, :, None], (384, 384, 3))
    sigma = np.linspace(20, 4, 384)[None, :, None]
    estimate = estimate_noise(
        from_numpy(as_bytes(ramp + sigma * np.random.default_rng(0).standard_normal(ramp.shape)))
    )
    levels = estimate.levels
    assert [at.brightness for at in levels] == sorted(at.brightness for at in levels)
    assert levels[0].luma > 1.5 * levels[-1].luma and "shadows" in estimate.reason
    assert estimate.level_map[:, 0].mean() > 1.5 * estimate.level_map[:, -1].mean()
    assert sum(at.share for at in levels) == pytest.approx(1, abs=0.01)


def test_flat_clipped_and_hidden_parts_are_left_out() -> None:
    framed = np.full((384, 640, 4), 255, np.uint8)
    framed[:, 256:, :3] = as_bytes(noisy(15))
    framed[:64, 256:, :3] = 77  # one colour, as drawn
    framed[320:, 256:, :3] = np.random.default_rng(0).integers(0, 256, (64, 384, 3))
    framed[320:, :, 3] = 0  # whatever lies under full transparency
    assert estimate_noise(from_numpy(framed)).luma == pytest.approx(15, rel=0.12)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.full((3, 3), 200, np.uint8),
        np.full((100, 100, 3), 128, np.uint8),
        np.full((40, 90, 3), 65535, np.uint16),
        np.full((70, 70, 3), np.nan, np.float32),
        np.full((70, 70, 3), np.inf, np.float32),
        np.zeros((70, 70, 4), np.float32),
    ],
)
def test_where_nothing_can_be_seen_nothing_is_claimed(pixels) -> None:
    estimate = estimate_noise(from_numpy(pixels))
    assert (estimate.luma, estimate.chroma, estimate.levels) == (0.0, 0.0, ())
    assert "no noise can be seen" in estimate.reason


@pytest.mark.parametrize("size", [(1, 40), (2, 2), (7, 300), (9, 9), (17, 64)])
def test_small_images_have_finite_estimates(size) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8)
    estimate = estimate_noise(from_numpy(pixels))
    assert np.isfinite([estimate.luma, estimate.chroma, estimate.kind, *estimate.level_map.ravel()]).all()


def test_bright_float_images_are_estimated_relative_to_white() -> None:
    values = (noisy(10) / 255).astype(np.float32)
    values[:50] += 30  # a sun
    assert estimate_noise(from_numpy(values)).luma == pytest.approx(10, rel=0.12)


def test_the_answer_does_not_depend_on_threads() -> None:
    image = from_numpy(as_bytes(noisy(8)))
    before = torch.get_num_threads()
    try:
        answers = []
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            answers.append(estimate_noise(image))
    finally:
        torch.set_num_threads(before)
    assert answers[0].as_values() == answers[1].as_values() == answers[2].as_values()
    assert np.array_equal(answers[0].level_map, answers[2].level_map)


# Astronaut (1.5 as PNG) and rocket are still estimated as noisy at some qualities, mostly in 4:4:4.
CLEAN = {name: getattr(data, name)() for name in ("chelsea", "coffee")}


def saved(pixels: np.ndarray, folder: Path, quality: int, *, full_chroma: bool = False) -> Image:
    path = folder / "saved.jpg"
    PIL.Image.fromarray(pixels).save(path, quality=quality, subsampling="4:4:4" if full_chroma else "4:2:0")
    return imageio.read(path)


@pytest.mark.parametrize("name", CLEAN)
@pytest.mark.parametrize("quality", [75, 85, 90, 95, 98])
def test_a_clean_photo_saved_as_jpeg_is_clean(tmp_path, name, quality) -> None:
    for full_chroma in (False, True):
        packed = saved(CLEAN[name], tmp_path, quality, full_chroma=full_chroma)
        assert estimate_noise(packed).luma < 1 and estimate_noise(packed).chroma < 1


@pytest.mark.parametrize("quality", [75, 85, 95])
@pytest.mark.parametrize("sigma", [8, 15])
def test_noise_inside_a_jpeg_is_still_read(tmp_path, quality, sigma) -> None:
    packed = saved(as_bytes(noisy(sigma)), tmp_path, quality)
    error = np.sqrt(((packed.pixels.astype(float) - PHOTO).mean(axis=2) ** 2).mean() * 3)
    assert estimate_noise(packed).luma == pytest.approx(error, rel=0.25)


def test_jpeg_takes_some_noise_away_and_the_estimate_follows(tmp_path) -> None:
    path = tmp_path / "packed.jpg"
    imageio.write(from_numpy(as_bytes(noisy(12))), path, WriteOptions(quality=90))
    packed = imageio.read(path)
    left = np.sqrt(((packed.pixels.astype(float) - PHOTO).mean(axis=2) ** 2).mean() * 3)
    assert estimate_noise(packed).luma == pytest.approx(left, rel=0.2)


def test_the_image_is_not_changed() -> None:
    pixels = as_bytes(noisy(5))
    before = pixels.copy()
    image = Image(pixels)
    estimate_noise(image)
    assert np.array_equal(image.pixels, before)


def test_another_estimator_can_be_used(tmp_path) -> None:
    shipped = catalog.find("estimator", "cpu").path
    path = tmp_path / "mine.safetensors"
    path.write_bytes(shipped.read_bytes())
    path.with_suffix(".toml").write_text(shipped.with_suffix(".toml").read_text("utf-8"), "utf-8")
    picture = from_numpy(as_bytes(noisy(10)))
    expected = estimate_noise(picture)
    estimator = load_estimator(str(path))
    assert estimate_noise(picture, estimator=estimator).as_values() == expected.as_values()
    other = Estimator({name: value * (0 if "layers" in name else 1) for name, value in load_file(shipped).items()})
    assert estimate_noise(picture, estimator=other).luma != expected.luma
    assert estimate_noise(picture).as_values() == expected.as_values()  # the shipped one is as it was


def test_weights_of_another_network_are_refused() -> None:
    with pytest.raises(UntrustedWeights, match="not the weights of a noise estimator"):
        load_estimator("denoiser-fast")
