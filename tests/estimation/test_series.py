"""One estimate from many, and which do not fit."""

from __future__ import annotations

import numpy as np
import pytest

from denoiser.errors import UsageError
from denoiser.estimation.estimate import LevelAt, NoiseEstimate
from denoiser.estimation.series import fit_series


def estimate(
    luma: float, chroma: float = 4.0, kind: float = 0.9, levels: tuple[LevelAt, ...] = ()
) -> NoiseEstimate:
    return NoiseEstimate(luma, chroma, kind, np.full((2, 2), luma, np.float32), "as measured", levels)


def test_the_median_of_similar_images() -> None:
    series = fit_series([estimate(luma) for luma in (9.6, 10.0, 10.4, 9.9, 10.2)])
    assert series.misfits == ()
    assert (series.estimate.luma, series.estimate.chroma, series.estimate.kind) == (10.0, 4.0, 0.9)
    assert series.estimate.reason == "the median of 5 images"


@pytest.mark.parametrize("odd", [2.0, 40.0])
def test_an_outlier_is_reported_and_does_not_count(odd) -> None:
    series = fit_series([estimate(10.0), estimate(odd), estimate(10.3), estimate(9.7), estimate(10.1)])
    assert series.misfits == (1,)
    assert series.estimate.luma == pytest.approx(10.05, abs=0.06)
    assert series.estimate.reason == "the median of 4 of 5 images"


def test_odd_colour_noise_alone_is_a_misfit() -> None:
    assert fit_series([estimate(10.0), estimate(10.0), estimate(10.0, chroma=15.0)]).misfits == (2,)


def test_small_differences_of_quiet_images_are_no_outliers() -> None:
    assert fit_series([estimate(s, chroma=0.0) for s in (0.0, 0.02, 0.05, 0.1)]).misfits == ()


def test_up_to_half_may_be_wrong() -> None:
    series = fit_series([estimate(s) for s in (10.0, 10.1, 9.9, 10.0, 30.0, 60.0, 1.0)])
    assert series.misfits == (4, 5, 6)


def test_levels_are_joined_by_brightness() -> None:
    dark = LevelAt(brightness=0.1, luma=12.0, chroma=5.0, share=0.5)
    bright = LevelAt(brightness=0.9, luma=4.0, chroma=2.0, share=0.5)
    darker = LevelAt(brightness=0.12, luma=14.0, chroma=5.0, share=1.0)
    series = fit_series([estimate(9.0, levels=(dark, bright)), estimate(9.0, levels=(darker,))])
    assert [(at.luma, at.share) for at in series.estimate.levels] == [(13.0, 0.75), (4.0, 0.25)]


def test_nothing_to_fit() -> None:
    with pytest.raises(UsageError, match="at least one"):
        fit_series([])


def test_without_agreement_every_image_counts() -> None:
    series = fit_series([estimate(1.0, chroma=30.0), estimate(30.0, chroma=1.0)])
    assert series.misfits == () and series.estimate.luma == 15.5


def test_what_fits_goes_by_the_series_and_what_does_not_by_its_own() -> None:
    frames = [estimate(luma) for luma in (9.5, 10.0, 10.5, 40.0)]
    series = fit_series(frames)
    assert [series.fits(frame) for frame in frames] == [True, True, True, False]
    assert series.of(frames[3]) is frames[3]
    of = series.of(frames[0])
    assert (of.luma, of.chroma, of.kind) == (series.estimate.luma, series.estimate.chroma, series.estimate.kind)
    assert of.level_map is frames[0].level_map
    assert not series.fits(estimate(10.0, chroma=20.0))
