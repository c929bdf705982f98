"""A sheet of example images: noisy, denoised by each method, and clean, with their scores."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from denoiser.evaluation.denoising import PictureScore, Score
from denoiser.evaluation.measurement import Measured
from denoiser.evaluation.methods import Contender, Method
from denoiser.evaluation.samples import Truth, as_file
from denoiser.evaluation.tables import decibels
from denoiser.image import Image
from denoiser.imageio.sheet import Panel, Strip, drawn

_STRIPS = 6  # on one sheet: more is not looked at
_GAIN = 8  # of what was taken from a clean picture, which would not be seen as it is


def sheet(measured: Sequence[Measured]) -> Image:
    """Some pictures of each set, from where the first cleaner did worst to where it did well; cleans them again.

    Of a cleaner with several settings the one that is best for the whole set is shown.
    """
    share = max(1, _STRIPS // len(measured))
    return drawn(strip for one in measured for strip in _strips(one, share))


def _strips(measured: Measured, count: int) -> Iterator[Strip]:
    for number in _spread(measured.scores[0].worst_first(), count):
        yield _strip(measured, number)


def _spread(order: list[int], count: int) -> list[int]:
    if count == 1:
        return [order[len(order) // 2]]
    count = min(count, len(order))
    return [order[number * len(order) // count] for number in range(count)]


def _strip(measured: Measured, number: int) -> Strip:
    sample = measured.samples.load(number)
    untouched = measured.samples.kind == "untouched"
    panels = [] if untouched else [Panel("Noisy", _colour(as_file(sample.noisy)), _before(measured, number))]
    for contender in measured.contenders:
        score = next(score for score in measured.scores if score.contender == contender.name)
        cleaned = _method(contender, score).clean(sample)
        panels.append(Panel(score.method, _colour(cleaned), _figures(score.pictures[number])))
        if untouched:
            taken = sample.truth.astype(np.int16) - cleaned
            visible = np.clip(128 + _GAIN * taken, 0, 255).astype(np.uint8)
            panels.append(Panel(f"Taken away, {_GAIN} times", _colour(visible)))
    truth = Panel("As it is" if untouched else "Clean", _colour(sample.truth))
    panels.insert(0 if untouched else len(panels), truth)
    return Strip(f"{measured.samples.what}: {sample.name}", tuple(panels), guide=panels.index(truth))


def _method(contender: Contender, score: Score) -> Method:
    setting = score.pictures[0].setting
    return next(method for method in contender.methods if method.setting == setting)


def _before(measured: Measured, number: int) -> str:
    return f"{decibels(measured.scores[0].pictures[number].noisy_psnr)} dB"


def _figures(picture: PictureScore) -> str:
    return f"{decibels(picture.psnr)} dB, SSIM {picture.ssim:.3f}"


def _colour(pixels: Truth) -> Truth:
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
