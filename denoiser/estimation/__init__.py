"""Noise estimation, and the automatic noise level derived from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from denoiser.estimation.estimate import LevelAt, NoiseEstimate
from denoiser.estimation.series import Series, fit_series

if TYPE_CHECKING:
    from denoiser.estimation.estimator import estimate_noise, load_estimator
    from denoiser.estimation.policy import at_level, automatic, present_noise

__all__ = [
    "LevelAt",
    "NoiseEstimate",
    "Series",
    "at_level",
    "automatic",
    "estimate_noise",
    "fit_series",
    "load_estimator",
    "present_noise",
]


def __getattr__(name: str) -> Any:
    # These import torch, which takes seconds and is not needed to pass an estimate on.
    if name in ("at_level", "automatic", "present_noise"):
        from denoiser.estimation import policy

        return getattr(policy, name)
    if name in ("estimate_noise", "load_estimator"):
        from denoiser.estimation import estimator

        return getattr(estimator, name)
    raise AttributeError(f"module 'denoiser.estimation' has no attribute {name!r}")
