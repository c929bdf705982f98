"""The methods that are compared: our network, given the noise level or with its own estimate."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from denoiser.engine import Session
from denoiser.errors import UnusableData
from denoiser.evaluation.samples import Sample, Truth, as_8_bit, as_file
from denoiser.events import CancelToken
from denoiser.networks.conditioning import Condition


@dataclass(frozen=True, slots=True)
class Method:
    """One method with one setting; the result has 8 bits."""

    clean: Callable[[Sample], Truth]
    setting: str = ""


@dataclass(frozen=True, slots=True)
class Contender:
    """A method with all settings to try; the best is chosen with the reference."""

    name: str
    methods: tuple[Method, ...]


def given_level(session: Session, cancel: CancelToken, *, factor: float = 1.0) -> Contender:
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
    return Contender(f"{session.model_name}, level given{wrong}", (Method(clean),))


def as_set(session: Session, cancel: CancelToken, *, noise_level: float | None) -> Contender:
    """*session* with the options it was opened with; *noise_level* is only for the label."""

    def clean(sample: Sample) -> Truth:
        image = session.clean(sample.source, cancel=cancel).image
        return as_file(image.pixels) if image.bits == 32 else as_8_bit(image, sample.name)

    way = "automatic" if noise_level is None else f"level {noise_level:g}"
    return Contender(f"{session.model_name}, {way}", (Method(clean),))


def white_condition(level: float, *, grey: bool) -> Condition:
    """Conditioning for white noise of *level*; grey noise has no chroma, and its luma is sqrt(3) of a channel's."""
    return Condition(level * math.sqrt(3), 0.0, 0.0) if grey else Condition(level, level, 0.0)
