"""Scores as text tables and as JSON values, and a sheet of example images with their scores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from denoiser.evaluation.denoising import HARM, NEARLY_EXACT, PictureScore, Score, finite
from denoiser.evaluation.measurement import Measured
from denoiser.evaluation.methods import Contender, Method
from denoiser.evaluation.samples import Truth, as_file
from denoiser.image import Image
from denoiser.imageio.sheet import SheetPanel, SheetStrip, drawn

_METHOD = 42  # columns of a method's name
_NAME = 48
_WORST = 3  # pictures that are named
_HARMED = 5


def as_text(scores: Sequence[Score], *, each: bool = False) -> str:
    """A table for each set, one line for each cleaner; with *each* every picture's figures below."""
    lines: list[str] = []
    for what, group in groupby(scores, key=lambda score: score.what):
        of_set = list(group)
        lines += ["", *_set_lines(what, of_set)]
        if each:
            lines += ["", *_picture_lines(of_set)]
    return "\n".join(lines[1:])


def as_rows(scores: Iterable[Score]) -> str:
    """One line for each set, for tables in which one cleaner meets many kinds of noise."""
    lines = [f"{'':<{_NAME}}{'before':>9}{'after':>9}{'gain':>8}{'worst':>8}{'harmed':>8}"]
    for score in scores:
        worst = score.worst(1)[0]
        lines.append(
            f"{score.what[: _NAME - 1]:<{_NAME}}{decibels(score.noisy_psnr):>9}{decibels(score.psnr):>9}"
            f"{score.gain:>+8.2f}{worst.gain:>+8.2f}{len(score.harmed):>8}"
        )
    return "\n".join(lines)


def as_values(score: Score) -> dict[str, Any]:
    """What ``--json`` prints for a score; null stands for infinity."""
    return {
        "noise": score.what,
        "kind": score.kind,
        "method": score.method,
        "best_of": score.best_of,
        "noisy_psnr": finite(score.noisy_psnr),
        "psnr": finite(score.psnr),
        "median_psnr": finite(score.median_psnr),
        "ssim": score.ssim,
        "gain": finite(score.gain),
        "harmed": [picture.name for picture in score.harmed],
        "nearly_exact": score.nearly_exact,
        "seconds_per_megapixel": score.seconds_per_megapixel,
        "pictures": [_picture_values(picture) for picture in score.pictures],
    }


def decibels(figure: float) -> str:
    """Two places; "exact" where nothing differs."""
    return "exact" if figure == math.inf else f"{figure:.2f}"


def _picture_values(picture: PictureScore) -> dict[str, Any]:
    return {
        "name": picture.name,
        "noisy_psnr": finite(picture.noisy_psnr),
        "psnr": finite(picture.psnr),
        "ssim": picture.ssim,
        "seconds": picture.seconds,
        "setting": picture.setting,
    }


def _set_lines(what: str, scores: list[Score]) -> Iterator[str]:
    first = scores[0]
    clean = first.kind == "untouched"
    count = len(first.pictures)
    pictures = f"{what}, {count} {'picture' if count == 1 else 'pictures'}"
    yield f"{pictures:<{_METHOD}}{'PSNR dB':>9}{'SSIM':>8}{'median' if clean else 'gain':>8}"
    if not clean:
        yield f"  {'as it is':<{_METHOD - 2}}{decibels(first.noisy_psnr):>9}"
    for score in scores:
        last = decibels(score.median_psnr) if clean else f"{score.gain:+.2f}"
        yield f"  {score.method[: _METHOD - 3]:<{_METHOD - 2}}{decibels(score.psnr):>9}{score.ssim:>8.4f}{last:>8}"
    for score in scores:
        if score.best_of == 1:
            yield from _remarks(score)


def _remarks(score: Score) -> Iterator[str]:
    """Number of harmed and unchanged images, and the worst results."""
    count = len(score.pictures)
    if score.kind == "untouched":
        yield f"  {score.method}: {score.nearly_exact} of {count} at {NEARLY_EXACT:g} dB or more against themselves"
        worst = ", ".join(f"{p.name} {decibels(p.psnr)}" for p in score.worst(_WORST))
    else:
        if score.kind == "pairs" or score.harmed:
            names = ", ".join(f"{p.name} {p.gain:+.2f}" for p in score.harmed[:_HARMED])
            more = ", …" if len(score.harmed) > _HARMED else ""
            yield (
                f"  {score.method}: {len(score.harmed)} of {count} below their input by more than {HARM:g} dB"
                f"{': ' if names else ''}{names}{more}"
            )
        worst = ", ".join(f"{p.name} {p.gain:+.2f}" for p in score.worst(_WORST))
    yield f"  {score.method}, worst: {worst}"


def _picture_lines(scores: list[Score]) -> Iterator[str]:
    yield f"  {'':<{_NAME - 2}}{'as it is':>9}" + "".join(f"{number:>9}" for number in range(1, len(scores) + 1))
    for pictures in zip(*(score.pictures for score in scores), strict=True):
        cells = "".join(f"{decibels(picture.psnr):>9}" for picture in pictures)
        yield f"  {pictures[0].name[: _NAME - 3]:<{_NAME - 2}}{decibels(pictures[0].noisy_psnr):>9}{cells}"
    for number, score in enumerate(scores, start=1):
        yield f"  {number}: {score.method}"


_STRIPS = 6  # on one sheet: more is not looked at
_GAIN = 8  # of what was taken from a clean picture, which would not be seen as it is


def sheet(measured: Sequence[Measured]) -> Image:
    """Some pictures of each set, from where the first cleaner did worst to where it did well; cleans them again.

    Of a cleaner with several settings the one that is best for the whole set is shown.
    """
    share = max(1, _STRIPS // len(measured))
    return drawn(strip for one in measured for strip in _strips(one, share))


def _strips(measured: Measured, count: int) -> Iterator[SheetStrip]:
    for number in _spread(measured.scores[0].worst_first(), count):
        yield _strip(measured, number)


def _spread(order: list[int], count: int) -> list[int]:
    if count == 1:
        return [order[len(order) // 2]]
    count = min(count, len(order))
    return [order[number * len(order) // count] for number in range(count)]


def _strip(measured: Measured, number: int) -> SheetStrip:
    sample = measured.samples.load(number)
    untouched = measured.samples.kind == "untouched"
    panels = [] if untouched else [SheetPanel("Noisy", _colour(as_file(sample.noisy)), _before(measured, number))]
    for contender in measured.contenders:
        score = next(score for score in measured.scores if score.contender == contender.name)
        cleaned = _method(contender, score).clean(sample)
        panels.append(SheetPanel(score.method, _colour(cleaned), _figures(score.pictures[number])))
        if untouched:
            taken = sample.truth.astype(np.int16) - cleaned
            visible = np.clip(128 + _GAIN * taken, 0, 255).astype(np.uint8)
            panels.append(SheetPanel(f"Removed, {_GAIN} times", _colour(visible)))
    truth = SheetPanel("As it is" if untouched else "Clean", _colour(sample.truth))
    panels.insert(0 if untouched else len(panels), truth)
    return SheetStrip(f"{measured.samples.what}: {sample.name}", tuple(panels), guide=panels.index(truth))


def _method(contender: Contender, score: Score) -> Method:
    setting = score.pictures[0].setting
    return next(method for method in contender.methods if method.setting == setting)


def _before(measured: Measured, number: int) -> str:
    return f"{decibels(measured.scores[0].pictures[number].noisy_psnr)} dB"


def _figures(picture: PictureScore) -> str:
    return f"{decibels(picture.psnr)} dB, SSIM {picture.ssim:.3f}"


def _colour(pixels: Truth) -> Truth:
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
