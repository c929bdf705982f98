"""The measures against scikit-image, closed forms, slow twins and published figures."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from denoiser import metrics
from denoiser.errors import UnusableData, UsageError

Measure = Callable[..., float]
MEASURES = [metrics.psnr, metrics.ssim, metrics.ms_ssim]
WHITES = {np.uint8: 255.0, np.uint16: 65535.0, np.float32: 1.0, np.float64: 1.0}


def noisy(clean: NDArray[np.uint8], sigma: float, seed: int = 0) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed).normal(0, sigma, clean.shape)
    return np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)


def in_depth(picture: NDArray[np.uint8], dtype: type) -> NDArray[Any]:
    scaled = picture / 255 * WHITES[dtype]
    return np.rint(scaled).astype(dtype) if np.issubdtype(dtype, np.integer) else scaled.astype(dtype)


def scikit_ssim(a: NDArray[Any], b: NDArray[Any], white: float) -> float:
    return float(
        structural_similarity(
            a.astype(np.float64),
            b.astype(np.float64),
            data_range=white,
            channel_axis=2 if a.ndim == 3 else None,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
        )
    )


# --- PSNR ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", WHITES)
@pytest.mark.parametrize("shape", ["colour", "grey"])
def test_psnr_is_that_of_scikit_image(dtype: type, shape: str) -> None:
    clean = data.astronaut() if shape == "colour" else data.camera()
    a, b = in_depth(clean, dtype), in_depth(noisy(clean, 25), dtype)
    wanted = peak_signal_noise_ratio(a.astype(np.float64), b.astype(np.float64), data_range=WHITES[dtype])
    assert metrics.psnr(a, b, white=WHITES[dtype]) == pytest.approx(wanted, abs=1e-9)


def test_psnr_of_a_known_offset() -> None:
    a = np.full((300, 40, 3), 100, np.uint8)
    assert metrics.psnr(a, a + np.uint8(1), white=255) == pytest.approx(20 * math.log10(255), abs=1e-12)
    assert metrics.psnr(a, a - np.uint8(25), white=255) == pytest.approx(20 * math.log10(255 / 25), abs=1e-12)
    one_channel = a.copy()
    one_channel[..., 1] += 10  # a third of the values: the mean runs over channels before the logarithm
    assert metrics.psnr(a, one_channel, white=255) == pytest.approx(10 * math.log10(255**2 * 3 / 100), abs=1e-12)


def test_psnr_of_white_noise_is_the_published_figure() -> None:
    """The papers' "noisy" column: 20.17 dB at sigma 25, unclipped, is nothing but 20 log10(255 / 25)."""
    clean = data.astronaut().astype(np.float64)
    noise = np.random.default_rng(1).normal(0, 25, clean.shape)
    assert metrics.psnr(clean, clean + noise, white=255) == pytest.approx(20.17, abs=0.02)


def test_psnr_of_far_ends() -> None:
    black, white = np.zeros((3, 3), np.uint16), np.full((3, 3), 65535, np.uint16)
    assert metrics.psnr(black, white, white=65535) == pytest.approx(0, abs=1e-12)
    assert metrics.psnr(white, white, white=65535) == math.inf
    assert metrics.psnr(np.array([[np.inf]]), np.array([[0.0]]), white=1) == -math.inf
    assert math.isnan(metrics.psnr(np.array([[np.nan]]), np.array([[0.0]]), white=1))


# --- SSIM ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("sigma", [5, 25, 100])
@pytest.mark.parametrize("dtype", WHITES)
def test_ssim_is_that_of_scikit_image(dtype: type, sigma: int) -> None:
    clean = data.chelsea()
    a, b = in_depth(clean, dtype), in_depth(noisy(clean, sigma), dtype)
    assert metrics.ssim(a, b, white=WHITES[dtype]) == pytest.approx(scikit_ssim(a, b, WHITES[dtype]), abs=1e-9)


@pytest.mark.parametrize("size", [(11, 11), (11, 300), (300, 11), (26, 27), (37, 43), (266, 267), (530, 12)])
def test_ssim_at_sizes_where_bands_and_strips_end(size: tuple[int, int]) -> None:
    rng = np.random.default_rng(3)
    a = rng.integers(0, 256, size, dtype=np.uint8)
    b = noisy(a, 40)
    assert metrics.ssim(a, b, white=255) == pytest.approx(scikit_ssim(a, b, 255), abs=1e-9)


def test_ssim_of_a_constant_shift_is_its_closed_form() -> None:
    """Without structure only luminance is left: (2 m n + c1) / (m² + n² + c1)."""
    m, n, c1 = 100.0, 140.0, (0.01 * 255) ** 2
    a, b = np.full((20, 30), m), np.full((20, 30), n)
    assert metrics.ssim(a, b, white=255) == pytest.approx((2 * m * n + c1) / (m * m + n * n + c1), abs=1e-9)


def test_ssim_of_the_negative_is_negative() -> None:
    clean = data.camera()
    assert metrics.ssim(clean, 255 - clean, white=255) < 0


def test_ssim_of_colour_is_the_mean_of_its_channels() -> None:
    a = data.coffee()[:100, :100]
    b = noisy(a, 20)
    planes = [metrics.ssim(a[..., c], b[..., c], white=255) for c in range(3)]
    assert metrics.ssim(a, b, white=255) == pytest.approx(np.mean(planes), abs=1e-12)
    assert max(planes) - min(planes) > 1e-3, "equal channels would prove nothing"


# --- MS-SSIM ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(176, 176), (177, 191), (190, 205)])
def test_ms_ssim_is_that_of_the_slow_twin(size: tuple[int, int]) -> None:
    height, width = size
    a = data.camera()[100 : 100 + height, 150 : 150 + width]
    b = noisy(a, 30)
    assert metrics.ms_ssim(a, b, white=255) == pytest.approx(slow_ms_ssim(a, b, 255), abs=1e-9)


def test_ms_ssim_forgives_fine_noise_and_not_lost_structure() -> None:
    a = data.camera()
    fine = noisy(a, 15)
    coarse = np.repeat(np.repeat(a[::16, ::16], 16, 0), 16, 1)
    assert metrics.ms_ssim(a, fine, white=255) > metrics.ssim(a, fine, white=255)
    assert metrics.ms_ssim(a, fine, white=255) > metrics.ms_ssim(a, coarse, white=255)


def test_ms_ssim_without_likeness_is_zero_and_a_number() -> None:
    a = data.camera()
    assert metrics.ms_ssim(a, 255 - a, white=255) == 0


# --- all of them --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("measure", MEASURES)
def test_equal_pictures_have_the_best_score(measure: Measure) -> None:
    a = data.astronaut()[:200, :200]
    best = measure(a, a.copy(), white=255)
    assert best == math.inf if measure is metrics.psnr else best == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
def test_more_noise_is_worse(measure: Measure) -> None:
    a = data.astronaut()[:200, :200]
    scores = [measure(a, noisy(a, sigma), white=255) for sigma in (2, 5, 10, 20, 40, 80)]
    assert scores == sorted(scores, reverse=True)
    assert len(set(scores)) == len(scores)


@pytest.mark.parametrize("measure", MEASURES)
def test_the_order_of_the_two_does_not_matter(measure: Measure) -> None:
    a = data.astronaut()[:200, :200]
    b = noisy(a, 20)
    assert measure(a, b, white=255) == pytest.approx(measure(b, a, white=255), abs=1e-12)


@pytest.mark.parametrize("measure", MEASURES)
def test_depth_does_not_matter(measure: Measure) -> None:
    a = data.astronaut()[:200, :200]
    b = noisy(a, 20)
    wanted = measure(a, b, white=255)
    wide = [picture.astype(np.uint16) * np.uint16(257) for picture in (a, b)]
    assert measure(*wide, white=65535) == pytest.approx(wanted, abs=1e-9)
    assert measure(a / 255, b / 255, white=1) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("measure", MEASURES)
def test_views_are_measured_and_left_alone(measure: Measure) -> None:
    """Turned, mirrored and read-only arrays are pictures too; none is written to."""
    a = data.astronaut()[:200, :230]
    b = noisy(a, 20)
    before = a.copy(), b.copy()
    turned = [np.rot90(picture)[:, ::-1] for picture in (a, b)]
    for picture in turned:
        picture.flags.writeable = False
    assert measure(*turned, white=255) == pytest.approx(measure(a, b, white=255), abs=1e-3)
    assert np.array_equal(a, before[0])
    assert np.array_equal(b, before[1])


@pytest.mark.parametrize("measure", MEASURES)
def test_what_cannot_be_compared_is_named(measure: Measure) -> None:
    a = np.zeros((200, 210, 3), np.uint8)
    with pytest.raises(UnusableData, match=r"\(200, 210, 3\) and \(210, 200, 3\)"):
        measure(a, np.zeros((210, 200, 3), np.uint8), white=255)
    with pytest.raises(UnusableData, match="too small"):
        measure(a[:0], a[:0], white=255)
    for wrong in (
        np.zeros(200),
        np.zeros((200, 200, 3, 1)),
        np.zeros((200, 200), complex),
        np.zeros((200, 200), bool),
    ):
        with pytest.raises(UsageError, match="image is a numeric array"):
            measure(wrong, wrong, white=255)
    for white in (0, -1, math.inf, math.nan):
        with pytest.raises(UsageError, match="White"):
            measure(a, a, white=white)


@pytest.mark.parametrize(("measure", "smallest"), [(metrics.ssim, 11), (metrics.ms_ssim, 176)])
def test_the_smallest_picture_is_said(measure: Measure, smallest: int) -> None:
    fits = np.zeros((smallest, smallest), np.uint8)
    assert measure(fits, fits, white=255) == pytest.approx(1, abs=1e-12)
    short = fits[1:]
    with pytest.raises(UnusableData, match=f"{smallest} × {smallest - 1} is too small: each side needs {smallest}"):
        measure(short, short, white=255)


# --- the slow twins: windows one by one, straight from the papers -------------------------------------------------


def slow_similarity(a: NDArray[Any], b: NDArray[Any], white: float) -> tuple[float, float]:
    """The means of luminance × contrast × structure and of contrast × structure over all windows."""
    axis = np.array([math.exp(-(i * i) / (2 * 1.5**2)) for i in range(-5, 6)])
    window = np.outer(axis, axis) / np.outer(axis, axis).sum()
    c1, c2 = (0.01 * white) ** 2, (0.03 * white) ** 2
    whole, contrast = [], []
    for y in range(a.shape[0] - 10):
        for x in range(a.shape[1] - 10):
            p, q = a[y : y + 11, x : x + 11].astype(float), b[y : y + 11, x : x + 11].astype(float)
            mean_p, mean_q = (window * p).sum(), (window * q).sum()
            var_p, var_q = (window * (p - mean_p) ** 2).sum(), (window * (q - mean_q) ** 2).sum()
            covariance = (window * (p - mean_p) * (q - mean_q)).sum()
            luminance = (2 * mean_p * mean_q + c1) / (mean_p**2 + mean_q**2 + c1)
            contrast.append((2 * covariance + c2) / (var_p + var_q + c2))
            whole.append(luminance * contrast[-1])
    return float(np.mean(whole)), float(np.mean(contrast))


def slow_ms_ssim(a: NDArray[Any], b: NDArray[Any], white: float) -> float:
    weights = [0.0448, 0.2856, 0.3001, 0.2363, 0.1333]
    a, b = a.astype(float), b.astype(float)
    score = 1.0
    for scale, weight in enumerate(weights):
        whole, contrast = slow_similarity(a, b, white)
        score *= (whole if scale == 4 else contrast) ** weight
        a, b = slow_half(a), slow_half(b)
    return score


def slow_half(plane: NDArray[Any]) -> NDArray[Any]:
    height, width = plane.shape[0] // 2, plane.shape[1] // 2
    return np.array(
        [[plane[2 * y : 2 * y + 2, 2 * x : 2 * x + 2].mean() for x in range(width)] for y in range(height)]
    )
