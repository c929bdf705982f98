"""Scores as text tables and as JSON values, and a sheet of example images with their scores."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np

from denoiser.evaluation.denoising import HARM, NEARLY_EXACT, Evaluation, Score, finite
from denoiser.evaluation.samples import Truth, as_file
from denoiser.image import Image
from denoiser.imageio.sheet import SheetPanel, SheetStrip, drawn

_METHOD = 42  # columns of a method's name
_NAME = 48
_WORST = 3  # images that are named
_HARMED = 5
_STRIPS = 6  # on one sheet
_GAIN = 8  # amplifies what was removed from a clean image


def as_text(scores: Sequence[Score], *, each: bool = False) -> str:
    """A table for each set with one line for each method; with *each* also the values of every image."""
    lines: list[str] = []
    for what, group in groupby(scores, key=lambda score: score.what):
        of_set = list(group)
        lines += ["", *_set_lines(what, of_set)]
        if each:
            lines += ["", *_image_lines(of_set)]
    return "\n".join(lines[1:])


def as_rows(scores: Iterable[Score]) -> str:
    """One line for each set, for one method and many kinds of noise."""
    lines = [f"{'':<{_NAME}}{'before':>9}{'after':>9}{'gain':>8}{'worst':>8}{'harmed':>8}"]
    for score in scores:
        worst = score.worst(1)[0]
        lines.append(
            f"{score.what[: _NAME - 1]:<{_NAME}}{decibels(score.noisy_psnr):>9}{decibels(score.psnr):>9}"
            f"{score.gain:>+8.2f}{worst.gain:>+8.2f}{len(score.harmed):>8}"
        )
    return "\n".join(lines)


def as_values(score: Score) -> dict[str, Any]:
    """The values for ``--json``; null stands for infinity."""
    return {
        "noise": score.what,
        "kind": score.kind,
        "method": score.label,
        "best_of": score.best_of,
        "noisy_psnr": finite(score.noisy_psnr),
        "psnr": finite(score.psnr),
        "median_psnr": finite(score.median_psnr),
        "ssim": score.ssim,
        "gain": finite(score.gain),
        "harmed": [image.name for image in score.harmed],
        "nearly_exact": score.nearly_exact,
        "seconds_per_megapixel": score.seconds_per_megapixel,
        "pictures": [
            {
                "name": image.name,
                "noisy_psnr": finite(image.noisy_psnr),
                "psnr": finite(image.psnr),
                "ssim": image.ssim,
                "seconds": image.seconds,
                "setting": image.setting,
            }
            for image in score.images
        ],
    }


def decibels(value: float) -> str:
    """Two decimals; "exact" for identical images."""
    return "exact" if value == math.inf else f"{value:.2f}"


def _set_lines(what: str, scores: list[Score]) -> Iterator[str]:
    first = scores[0]
    clean = first.kind == "untouched"
    count = len(first.images)
    title = f"{what}, {count} {'image' if count == 1 else 'images'}"
    yield f"{title:<{_METHOD}}{'PSNR dB':>9}{'SSIM':>8}{'median' if clean else 'gain':>8}"
    if not clean:
        yield f"  {'as it is':<{_METHOD - 2}}{decibels(first.noisy_psnr):>9}"
    for score in scores:
        last = decibels(score.median_psnr) if clean else f"{score.gain:+.2f}"
        yield f"  {score.label[: _METHOD - 3]:<{_METHOD - 2}}{decibels(score.psnr):>9}{score.ssim:>8.4f}{last:>8}"
    for score in scores:
        if score.best_of == 1:
            yield from _remarks(score)


def _remarks(score: Score) -> Iterator[str]:
    """Number of harmed and unchanged images, and the worst results."""
    count = len(score.images)
    if score.kind == "untouched":
        yield f"  {score.label}: {score.nearly_exact} of {count} at {NEARLY_EXACT:g} dB or more against themselves"
        worst = ", ".join(f"{image.name} {decibels(image.psnr)}" for image in score.worst(_WORST))
    else:
        if score.kind == "pairs" or score.harmed:
            names = ", ".join(f"{image.name} {image.gain:+.2f}" for image in score.harmed[:_HARMED])
            more = ", …" if len(score.harmed) > _HARMED else ""
            yield (
                f"  {score.label}: {len(score.harmed)} of {count} below their input by more than {HARM:g} dB"
                f"{': ' if names else ''}{names}{more}"
            )
        worst = ", ".join(f"{image.name} {image.gain:+.2f}" for image in score.worst(_WORST))
    yield f"  {score.label}, worst: {worst}"


def _image_lines(scores: list[Score]) -> Iterator[str]:
    yield f"  {'':<{_NAME - 2}}{'as it is':>9}" + "".join(f"{number:>9}" for number in range(1, len(scores) + 1))
    for images in zip(*(score.images for score in scores), strict=True):
        cells = "".join(f"{decibels(image.psnr):>9}" for image in images)
        yield f"  {images[0].name[: _NAME - 3]:<{_NAME - 2}}{decibels(images[0].noisy_psnr):>9}{cells}"
    for number, score in enumerate(scores, start=1):
        yield f"  {number}: {score.label}"


def sheet(evaluations: Sequence[Evaluation]) -> Image:
    """Some images of each set, from the worst to good results of the first method; denoises them again.

    Of a method with several settings, the best one for the whole set is shown.
    """
    count = max(1, _STRIPS // len(evaluations))
    return drawn(
        _strip(one, number) for one in evaluations for number in _spread(one.scores[0].worst_first(), count)
    )


def _spread(order: list[int], count: int) -> list[int]:
    if count == 1:
        return [order[len(order) // 2]]
    count = min(count, len(order))
    return [order[number * len(order) // count] for number in range(count)]


def _strip(evaluation: Evaluation, number: int) -> SheetStrip:
    sample = evaluation.samples.load(number)
    untouched = evaluation.samples.kind == "untouched"
    noisy = f"{decibels(evaluation.scores[0].images[number].noisy_psnr)} dB"
    panels = [] if untouched else [SheetPanel("Noisy", _colour(as_file(sample.noisy)), noisy)]
    for method in evaluation.methods:
        score = next(score for score in evaluation.scores if score.method == method.name)
        cleaned = method.settings[score.images[0].setting](sample)
        image = score.images[number]
        caption = f"{decibels(image.psnr)} dB, SSIM {image.ssim:.3f}"
        panels.append(SheetPanel(score.label, _colour(cleaned), caption))
        if untouched:
            visible = np.clip(128 + _GAIN * (sample.truth.astype(np.int16) - cleaned), 0, 255).astype(np.uint8)
            panels.append(SheetPanel(f"Removed, {_GAIN} times", _colour(visible)))
    truth = SheetPanel("As it is" if untouched else "Clean", _colour(sample.truth))
    panels.insert(0 if untouched else len(panels), truth)
    return SheetStrip(f"{evaluation.samples.what}: {sample.name}", tuple(panels), guide=panels.index(truth))


def _colour(pixels: Truth) -> Truth:
    return np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
