"""What is measured of windows, and what the network that reads it holds to."""

from __future__ import annotations

import math

import pytest
import torch

from denoiser.networks.estimator import (
    FEATURES,
    FLOOR,
    NoiseEstimator,
    Quantisation,
    along_axes,
    blockiness,
    compression,
    energies_of,
    level_of,
    sigma_of,
    summary,
)
from denoiser.noise.jpeg import through_jpeg


def energies(blocks: torch.Tensor, seen: torch.Tensor | None = None):
    return energies_of(blocks, torch.ones(len(blocks), 64, 64, dtype=torch.bool) if seen is None else seen)


UNKNOWN = compression(None, 0.0)


def white(sigma: float, count: int = 4) -> torch.Tensor:
    return 0.5 + sigma / 255 * torch.randn(count, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("sigma", [2.0, 20.0])
def test_white_noise_has_its_sigma_in_every_band_at_every_scale(sigma) -> None:
    for scale in energies(white(sigma)):
        measured = (2 * scale.bands).exp().mean(dim=(0, 1)) - FLOOR
        assert torch.allclose(measured.sqrt(), torch.tensor(sigma), rtol=0.12)


def test_correlated_noise_has_more_of_it_in_coarse_bands() -> None:
    soft = torch.nn.functional.avg_pool2d(white(20), 3, stride=1, padding=1, count_include_pad=False)
    fine, _, coarse = (scale.bands.mean(dim=(0, 1)) for scale in energies(soft))
    assert coarse[0] - fine[4] > 1.5  # lowest band at a quarter, highest at full size


def test_brightness_alone_is_no_energy() -> None:
    ramp = torch.linspace(0.2, 0.8, 4).reshape(4, 1, 1, 1).expand(4, 3, 64, 64)
    for scale in energies(ramp):
        assert not scale.usable.any()
        assert torch.allclose(scale.brightness[:, 0], ramp[:, 0, 0, 0])


def test_clipped_and_unseen_windows_tell_nothing() -> None:
    blocks, seen = white(10), torch.ones(4, 64, 64, dtype=torch.bool)
    blocks[0] = 1.0 + blocks[0].abs()
    seen[1] = False
    for scale in energies(blocks, seen):
        assert scale.usable.any(dim=1).tolist() == [False, False, True, True]


def test_a_summary_holds_what_was_chosen_in_any_order() -> None:
    found = energies(white(10))
    everything = tuple(scale.usable for scale in found)
    features = summary(found, everything, UNKNOWN)
    assert features.shape == (FEATURES,) and features.isfinite().all()
    turned = energies(white(10).flip(0))
    assert torch.allclose(summary(turned, tuple(scale.usable for scale in turned), UNKNOWN), features, atol=1e-4)


def test_a_scale_without_windows_borrows_from_the_finer_one() -> None:
    found = energies(white(10))
    first_only = (found[0].usable, *(torch.zeros_like(scale.usable) for scale in found[1:]))
    features = summary(found, first_only, UNKNOWN)
    assert features.shape == (FEATURES,) and features.isfinite().all()


def test_one_window_is_enough_for_a_summary() -> None:
    found = energies(white(10))
    alone = tuple(torch.zeros_like(scale.usable) for scale in found)
    alone[0][0, 0] = True
    assert summary(found, alone, UNKNOWN).isfinite().all()


def test_axes_keep_white_noise_as_it_is() -> None:
    noise = torch.randn(1, 3, 200, 200, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(along_axes(noise).std(dim=(2, 3)), torch.ones(1, 3), atol=0.02)
    grey = torch.ones(1, 3, 2, 2)
    assert torch.allclose(along_axes(grey)[0, :, 0, 0], torch.tensor([math.sqrt(3), 0, 0]), atol=1e-6)


def test_levels_and_sigmas_are_each_other_s_way_back() -> None:
    sigma = torch.tensor([0.0, 0.1, 1.0, 75.0])
    assert torch.allclose(sigma_of(level_of(sigma)), sigma, atol=1e-3)


def test_what_was_never_seen_does_not_lead_astray() -> None:
    estimator = NoiseEstimator()
    reading = estimator(torch.full((1, FEATURES), 1e9))
    near = estimator(torch.full((1, FEATURES), 5.0))
    assert torch.equal(reading.luma, near.luma)
    assert -4 <= float(reading.luma_doubt.detach()) <= 2


def test_coarser_tables_have_larger_features_and_unknown_ones_have_none() -> None:
    fine, coarse = torch.full((64,), 2), torch.full((64,), 20)
    mixed = compression(Quantisation(fine, coarse, half_chroma=True), 1.5)
    luma, chroma = mixed[:5], mixed[5:10]
    # Rounding to steps of s leaves an error of s / sqrt(12).
    assert torch.allclose(luma.exp(), torch.tensor(4 / 12 + FLOOR).sqrt())
    assert torch.allclose(chroma.exp(), torch.tensor(400 / 12 + FLOOR).sqrt())
    assert mixed[10:].tolist() == [1.0, 1.0, 1.5]
    assert compression(None, 1.5).tolist() == [0.0] * 12 + [1.5]


@pytest.mark.parametrize("shift", [(0, 0), (3, 5)])
def test_blocks_of_jpeg_are_noticed_wherever_they_begin(shift) -> None:
    smooth = torch.nn.functional.interpolate(white(60), scale_factor=5, mode="bicubic")[..., :128, :128].clamp(0, 1)
    packed = through_jpeg(smooth, torch.tensor([60.0]).expand(4), half_chroma=True)
    place = (..., slice(shift[0], shift[0] + 64), slice(shift[1], shift[1] + 64))
    seen = torch.ones(4, 64, 64, dtype=torch.bool)
    before, after = blockiness(smooth[place], seen), blockiness(packed[place], seen)
    assert after > before + 1
    assert blockiness(packed[place], ~seen) == pytest.approx(blockiness(torch.zeros(4, 3, 64, 64), seen))
