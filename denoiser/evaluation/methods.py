"""The methods that are compared: the denoiser, and the baselines non-local means (OpenCV) and BM3D.

    denoiser          given the noise level or with its own estimate
    non-local means   several strengths; the best for the set and for each image, chosen with the reference:
                      more than a user can do
    BM3D              given the exact level of white noise; on real pairs several levels, chosen as above

Non-local means gets the image as an 8-bit file, the only input it reads. The package ``bm3d`` is by the
authors of the method (K. Dabov, A. Foi, V. Katkovnik, K. Egiazarian, IEEE Trans. Image Processing 16(8), 2007;
Y. Mäkinen, L. Azzari, A. Foi, IEEE Trans. Image Processing 29, 2020). Its licence allows only non-commercial use,
so no extra of this project installs it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np

from denoiser.engine.session import Session
from denoiser.errors import Missing, MissingExtra, UnusableData
from denoiser.evaluation.samples import Sample, Truth, as_8_bit, as_file
from denoiser.events import CancelToken
from denoiser.networks.condition import Condition

Clean = Callable[[Sample], Truth]  # the result has 8 bits

_TIMES_SIGMA = (0.5, 0.65, 0.8, 0.95, 1.1)  # strengths of non-local means around its best on white noise
_STRENGTHS = (2.0, 3.5, 5.0, 7.5, 10.0, 14.0, 20.0, 28.0)  # for unknown levels: daylight to night
_LEVELS = (3.0, 6.0, 12.0, 24.0)  # of BM3D on real pairs
_PATCH, _SEARCH = 7, 21  # pixels, as in the paper of non-local means and recommended by OpenCV


@dataclass(frozen=True, slots=True)
class Method:
    """A method with all settings to try, by their labels; the best is chosen with the reference."""

    name: str
    settings: Mapping[str, Clean]


def given_level(session: Session, cancel: CancelToken, *, factor: float = 1.0) -> Method:
    """*session*, given the level of the white noise times *factor*, and that it is white."""

    def clean(sample: Sample) -> Truth:
        if sample.level is None:
            raise UnusableData(f"{sample.name}: its noise level is unknown.")
        level = sample.level * factor
        grey = sample.truth.shape[2] == 1
        noisy = np.repeat(sample.noisy, 3, axis=2) if grey else sample.noisy
        result = session.clean_values(noisy, white_condition(level, grey=grey), cancel=cancel)
        return as_file(result.mean(axis=2, keepdims=True) if grey else result)

    wrong = "" if factor == 1 else f" {factor:g} times too {'high' if factor > 1 else 'low'}"
    return Method(f"{session.model_name}, level given{wrong}", {"": clean})


def as_set(session: Session, cancel: CancelToken, *, noise_level: float | None) -> Method:
    """*session* with the options it was opened with; *noise_level* is only for the label."""

    def clean(sample: Sample) -> Truth:
        image = session.clean(sample.source, cancel=cancel).image
        return as_file(image.pixels) if image.bits == 32 else as_8_bit(image, sample.name)

    label = "automatic" if noise_level is None else f"level {noise_level:g}"
    return Method(f"{session.model_name}, {label}", {"": clean})


def white_condition(level: float, *, grey: bool) -> Condition:
    """Conditioning for white noise of *level*; grey noise has no chroma, and its luma is sqrt(3) of a channel's."""
    return Condition(level * math.sqrt(3), 0.0, 0.0) if grey else Condition(level, level, 0.0)


def baseline(name: str, level: float | None) -> Method:
    """The baseline *name*, for white noise of *level* or unknown level; raise MissingExtra without its package."""
    if name == "nlm":
        try:
            cv2 = import_module("cv2")
        except ImportError as error:
            raise MissingExtra("Non-local means needs OpenCV, which is not installed.", extra="bench") from error
        strengths = _STRENGTHS if level is None else tuple(factor * level for factor in _TIMES_SIGMA)
        settings = {f"{strength:g}": _non_local_means(cv2, strength) for strength in strengths}
        return Method("non-local means", settings)
    try:
        bm3d = import_module("bm3d")
    except ImportError as error:
        raise Missing(
            "BM3D needs the package bm3d, which is not installed.",
            hint="For non-commercial use only, by its licence: `pip install bm3d`.",
        ) from error
    levels = _LEVELS if level is None else (level,)
    settings = {f"{sigma:g}": _block_matching(bm3d, sigma) for sigma in levels}
    return Method("BM3D" if level is None else "BM3D, level given", settings)


def _non_local_means(cv2: ModuleType, strength: float) -> Clean:
    def clean(sample: Sample) -> Truth:
        noisy = as_file(sample.noisy)
        if noisy.shape[2] == 1:
            result: Any = cv2.fastNlMeansDenoising(noisy, None, strength, _PATCH, _SEARCH)[:, :, np.newaxis]
        else:
            # It expects blue, green, red, and weights luma and colour differently.
            swapped = np.ascontiguousarray(noisy[:, :, ::-1])
            result = cv2.fastNlMeansDenoisingColored(swapped, None, strength, strength, _PATCH, _SEARCH)[:, :, ::-1]
        cleaned: Truth = np.ascontiguousarray(result)
        return cleaned

    return clean


def _block_matching(bm3d: ModuleType, sigma: float) -> Clean:
    def clean(sample: Sample) -> Truth:
        noisy = sample.noisy.astype(np.float64)
        if noisy.shape[2] == 1:
            return as_file(bm3d.bm3d(noisy[:, :, 0], sigma / 255)[:, :, np.newaxis])
        return as_file(bm3d.bm3d_rgb(noisy, sigma / 255))

    return clean
