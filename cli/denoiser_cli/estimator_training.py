"""`denoise train estimator`: trains the noise estimator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from denoiser.errors import UsageError
from denoiser.events import Listener
from denoiser.options import EstimatorOptions
from denoiser_cli.flags import Manner, collect
from denoiser_cli.interrupt import stopping_politely
from denoiser_cli.lines import say

if TYPE_CHECKING:
    from denoiser.training.estimator_run import EstimatorReport

_OF_ESTIMATORS = ("crops", "steps")
_OF_OTHERS = ("pairs", "noisy", "minutes", "recipe", "start", "teacher", "validate_pairs", "device", "devices")


def train_estimator(
    manner: Manner,
    data: str | None,
    out: str,
    words: dict[str, Any],
    *,
    listener: Listener,
    loading: Callable[[int, int], None] | None,
) -> int:
    """Train the estimator, print its accuracy on validation photos, and return the exit code."""
    if not data:
        raise UsageError("No training photos given.", hint="Name a folder of clean photos with --data.")
    options = collect(EstimatorOptions, words)
    from denoiser.training.estimator_run import (
        estimator_from_photos,
    )  # slow import (torch): after the arguments are checked

    with stopping_politely() as cancel:
        report = estimator_from_photos(
            Path(data), Path(out), options, listener=listener, loading=loading, cancel=cancel
        )
    _conclude(report, options, manner)
    return 0


def refuse_words_of_others(context: click.Context, what: str) -> None:
    """Raise UsageError for a flag that does not apply to *what*."""
    foreign, owner = (_OF_OTHERS, "denoisers and codecs") if what == "estimator" else (_OF_ESTIMATORS, "estimators")
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "") is click.core.ParameterSource.COMMANDLINE
        if given and parameter.name in foreign:
            raise UsageError(f"{parameter.opts[0]} applies to {owner} only.", hint="Leave it out.")


def _conclude(report: EstimatorReport, options: EstimatorOptions, manner: Manner) -> None:
    for error in report.unreadable:
        say(error.message)
    if not manner.quiet:
        for line in _verdict_in_words(report):
            say(line)
    made = f"{report.lessons:,} samples from {report.crops:,} crops, {options.steps:,} steps"
    say(f"{made}, {report.minutes:.1f} minutes: finished.")
    if manner.json:
        click.echo(json.dumps({"event": "trained", "weights": str(report.weights), "held_out": _as_values(report)}))
    else:
        click.echo(report.weights)


def _verdict_in_words(report: EstimatorReport) -> Iterator[str]:
    from denoiser.evaluation.noise_reading import CLEAN_BELOW

    verdict = report.verdict
    if verdict is None:
        yield "No validation: it needs at least four photos."
        return
    count = len(verdict.untouched)
    yield f"On {count} validation photo{'s' * (count > 1)}: estimated ÷ true level and deviation (medians):"
    for white in verdict.white:
        luma, chroma = (f"{one.ratio:.2f}, {one.off:.2f}" for one in (white.luma, white.chroma))
        yield f"  white noise {white.level:>2g}: luma {luma}; chroma {chroma}"
    noisiest = max(verdict.untouched)
    yield f"  clean photos: {verdict.clean} of {count} estimated below {CLEAN_BELOW}, maximum {noisiest:.2f}"


def _as_values(report: EstimatorReport) -> dict[str, Any] | None:
    verdict = report.verdict
    if verdict is None:
        return None
    white = [
        {
            "level": one.level,
            "luma_ratio": round(one.luma.ratio, 3),
            "luma_off": round(one.luma.off, 3),
            "chroma_ratio": round(one.chroma.ratio, 3),
            "chroma_off": round(one.chroma.off, 3),
        }
        for one in verdict.white
    ]
    return {"photos": len(verdict.untouched), "read_as_clean": verdict.clean, "white": white}
