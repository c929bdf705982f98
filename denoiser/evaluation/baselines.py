"""Baseline denoisers: non-local means (OpenCV) and BM3D.

    non-local means   several strengths; the truth chooses the best for the set, and the best for each picture:
                      more than anybody has who cleans a photo
    BM3D              given the exact level of white noise; on real pairs several levels, chosen as above

Non-local means gets the picture as an 8-bit file, which is all that it reads. The package ``bm3d`` is by the
authors of the method (K. Dabov, A. Foi, V. Katkovnik, K. Egiazarian, IEEE Trans. Image Processing 16(8), 2007;
Y. Mäkinen, L. Azzari, A. Foi, IEEE Trans. Image Processing 29, 2020). Its licence allows non-commercial use alone,
so no extra of this project brings it: who may use it installs it.
"""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from denoiser.errors import Missing, MissingExtra
from denoiser.evaluation.methods import Contender, Method
from denoiser.evaluation.samples import Sample, Truth, as_file

NAMES = ("nlm", "bm3d")

_TIMES_SIGMA = (0.5, 0.65, 0.8, 0.95, 1.1)  # strengths of non-local means around its best on white noise
_STRENGTHS = (
    2.0,
    3.5,
    5.0,
    7.5,
    10.0,
    14.0,
    20.0,
    28.0,
)  # where the level is unknown: daylight to night
_LEVELS = (3.0, 6.0, 12.0, 24.0)  # of BM3D on real pairs
_PATCH, _SEARCH = 7, 21  # pixels, as in the paper of non-local means and by OpenCV's advice


def baseline(name: str, level: float | None) -> Contender:
    """The baseline *name*, for white noise of *level* or unknown level; MissingExtra without its package."""
    if name == "nlm":
        strengths = _STRENGTHS if level is None else tuple(factor * level for factor in _TIMES_SIGMA)
        cv2 = _opencv()
        return Contender("non-local means", tuple(_non_local_means(cv2, strength) for strength in strengths))
    bm3d = _bm3d()
    if level is None:
        return Contender("BM3D", tuple(_block_matching(bm3d, sigma) for sigma in _LEVELS))
    return Contender("BM3D, level given", (_block_matching(bm3d, level),))


def _non_local_means(cv2: ModuleType, strength: float) -> Method:
    def clean(sample: Sample) -> Truth:
        noisy = as_file(sample.noisy)
        if noisy.shape[2] == 1:
            result: Any = cv2.fastNlMeansDenoising(noisy, None, strength, _PATCH, _SEARCH)[:, :, np.newaxis]
        else:
            # It takes its channels for blue, green, red, and weighs luma and colour apart.
            swapped = np.ascontiguousarray(noisy[:, :, ::-1])
            result = cv2.fastNlMeansDenoisingColored(swapped, None, strength, strength, _PATCH, _SEARCH)[:, :, ::-1]
        cleaned: Truth = np.ascontiguousarray(result)
        return cleaned

    return Method(clean, f"{strength:g}")


def _block_matching(bm3d: ModuleType, sigma: float) -> Method:
    def clean(sample: Sample) -> Truth:
        noisy = sample.noisy.astype(np.float64)
        if noisy.shape[2] == 1:
            result: Any = bm3d.bm3d(noisy[:, :, 0], sigma / 255)[:, :, np.newaxis]
        else:
            result = bm3d.bm3d_rgb(noisy, sigma / 255)
        return as_file(result)

    return Method(clean, f"{sigma:g}")


def _opencv() -> ModuleType:
    try:
        return import_module("cv2")
    except ImportError as error:
        raise MissingExtra("Non-local means needs OpenCV, which is not installed.", extra="bench") from error


def _bm3d() -> ModuleType:
    try:
        return import_module("bm3d")
    except ImportError as error:
        raise Missing(
            "BM3D needs the package bm3d, which is not installed.",
            hint="For non-commercial use alone, by its licence: `pip install bm3d`.",
        ) from error
