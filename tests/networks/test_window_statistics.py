"""What is measured of windows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from denoiser.networks.window_statistics import (
    FEATURES,
    FLOOR,
    Energies,
    Quantisation,
    Values,
    blockiness,
    compression,
    energies_of,
    summary,
)
from denoiser.noise.jpeg import through_jpeg

SEEN = np.ones((4, 64, 64), np.bool_)
UNKNOWN = compression(None, 0.0)


def energies(blocks: Values) -> tuple[Energies, ...]:
    return energies_of(blocks, SEEN)


def white(sigma: float) -> Values:
    noise: Values = np.random.default_rng(0).normal(0.5, sigma / 255, (4, 64, 64, 3)).astype(np.float32)
    return noise


@pytest.mark.parametrize("sigma", [2.0, 20.0])
def test_white_noise_has_its_sigma_in_every_band_at_every_scale(sigma: float) -> None:
    for scale in energies(white(sigma)):
        measured = np.exp(2 * scale.bands).mean(axis=(0, 1)) - FLOOR
        assert np.allclose(np.sqrt(measured), sigma, rtol=0.12)


def test_a_wave_is_in_the_band_of_its_frequency() -> None:
    columns = np.arange(64)
    for waves, band in ((1.5, 0), (3.5, 1), (5.0, 2), (6.5, 3)):
        wave = np.cos(np.pi / 8 * waves * (columns + 0.5)) * 0.1
        blocks = np.broadcast_to((0.5 + wave)[np.newaxis, np.newaxis, :, np.newaxis], (4, 64, 64, 3))
        found = energies(blocks.astype(np.float32))[0].bands[..., :5].mean(axis=(0, 1))
        assert int(found.argmax()) == band


def test_correlated_noise_has_more_of_it_in_coarse_bands() -> None:
    noise = torch.from_numpy(white(20)).permute(0, 3, 1, 2)
    soft = torch.nn.functional.avg_pool2d(noise, 3, stride=1, padding=1, count_include_pad=False)
    fine, _, coarse = (scale.bands.mean(axis=(0, 1)) for scale in energies(soft.permute(0, 2, 3, 1).numpy()))
    assert coarse[0] - fine[4] > 1.5, "lowest band at a quarter, highest at full size"


def test_brightness_alone_is_no_energy() -> None:
    brightness = np.linspace(0.2, 0.8, 4, dtype=np.float32)
    blocks = np.broadcast_to(brightness[:, np.newaxis, np.newaxis, np.newaxis], (4, 64, 64, 3))
    for scale in energies(blocks):
        assert not scale.usable.any()
        assert np.allclose(scale.brightness[:, 0], brightness)


def test_clipped_and_unseen_windows_are_not_used() -> None:
    blocks, seen = white(10), SEEN.copy()
    blocks[0] = 1.0 + np.abs(blocks[0])
    seen[1] = False
    for scale in energies_of(blocks, seen):
        assert scale.usable.any(axis=1).tolist() == [False, False, True, True]


def test_a_summary_does_not_depend_on_the_order_of_windows() -> None:
    found, turned = energies(white(10)), energies(white(10)[::-1])
    features, others = (summary(each, tuple(scale.usable for scale in each), UNKNOWN) for each in (found, turned))
    assert features.shape == (FEATURES,) and np.isfinite(features).all()
    assert np.allclose(others, features, atol=1e-4)


def test_a_scale_without_windows_uses_those_of_the_finer_one() -> None:
    found = energies(white(10))
    first_only = (found[0].usable, *(np.zeros_like(scale.usable) for scale in found[1:]))
    features = summary(found, first_only, UNKNOWN)
    assert features.shape == (FEATURES,) and np.isfinite(features).all()


def test_one_window_is_enough_for_a_summary() -> None:
    found = energies(white(10))
    alone = tuple(np.zeros_like(scale.usable) for scale in found)
    alone[0][0, 0] = True
    assert np.isfinite(summary(found, alone, UNKNOWN)).all()


def test_coarser_tables_have_larger_features_and_unknown_ones_have_none() -> None:
    mixed = compression(Quantisation(np.full(64, 2.0), np.full(64, 20.0), half_chroma=True), 1.5)
    # Rounding to steps of s leaves an error of s / sqrt(12).
    assert np.allclose(np.exp(mixed[:5]), np.sqrt(4 / 12 + FLOOR))
    assert np.allclose(np.exp(mixed[5:10]), np.sqrt(400 / 12 + FLOOR))
    assert mixed[10:].tolist() == [1.0, 1.0, 1.5]
    assert compression(None, 1.5).tolist() == [0.0] * 12 + [1.5]


@pytest.mark.parametrize("shift", [(0, 0), (3, 5)])
def test_blocks_of_jpeg_are_found_wherever_they_begin(shift: tuple[int, int]) -> None:
    noise = torch.from_numpy(white(60)).permute(0, 3, 1, 2)
    smooth = torch.nn.functional.interpolate(noise, scale_factor=5, mode="bicubic")[..., :128, :128].clamp(0, 1)
    packed = through_jpeg(smooth, torch.tensor([60.0]).expand(4), half_chroma=True)
    place = (..., slice(shift[0], shift[0] + 64), slice(shift[1], shift[1] + 64))
    before, after = (each[place].permute(0, 2, 3, 1).numpy() for each in (smooth, packed))
    assert blockiness(after, SEEN) > blockiness(before, SEEN) + 1
    assert blockiness(after, ~SEEN) == pytest.approx(blockiness(np.zeros_like(after), SEEN))
