"""`denoise train`: trains denoisers, codecs and the noise estimator."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from denoiser.errors import UsageError
from denoiser.events import Event, Listener, TrainingProgress
from denoiser.options import EstimatorOptions, TrainOptions
from denoiser_cli.failure import stopping_politely
from denoiser_cli.flags import Flag, Manner, Verb, collect, option_flags, speaking_flags
from denoiser_cli.lines import say

if TYPE_CHECKING:
    from denoiser.training import TrainingReport
    from denoiser.training.estimator_run import EstimatorReport


_EXAMPLES = """\
denoise train denoiser --data ./photos --out ./run --minutes 60
denoise train denoiser --data ./photos --out ./run --minutes 120 --resume
denoise train denoiser --pairs ./pairs --from fast --out ./tuned --minutes 10
denoise train denoiser --noisy ./scans --out ./mine --minutes 5
denoise ./imgs --out ./clean --model ./mine/denoiser-own-noise.safetensors
denoise train codec --data ./photos --out ./codec --minutes 60
denoise train estimator --data ./photos --out ./estimator
"""
_WHAT = ("denoiser", "codec", "estimator")
_TELL_EVERY = 15.0  # seconds between progress lines


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("what", metavar="|".join(_WHAT), type=click.Choice(_WHAT))
@click.option("--data", cls=Flag, metavar="DIR", help="Folder of clean photos, searched recursively.")
@click.option(
    "--pairs", cls=Flag, metavar="DIR", help="Folder of real pairs: a__noisy and a__clean, or noisy/a and clean/a."
)
@click.option(
    "--noisy",
    cls=Flag,
    metavar="DIR",
    help="Folder of noisy photos from one source (film, scanner, device), to learn their noise.",
)
@click.option(
    "--out", cls=Flag, required=True, metavar="DIR", help="Output folder for checkpoints, log and weights."
)
@option_flags(TrainOptions, section="Training")
@option_flags(EstimatorOptions, section="Training an estimator", only=("crops", "steps"))
@speaking_flags
@click.pass_context
def command(
    context: click.Context,
    /,
    what: str,
    data: str | None,
    pairs: str | None,
    noisy: str | None,
    out: str,
    **words: Any,
) -> int:
    """Train a denoiser, a codec or the noise estimator.

    A denoiser is trained on clean photos, real pairs, both, or noisy photos from one source. Ctrl-C stops after the
    current step; --resume continues. The estimator keeps its training samples, and is trained again from the start.
    """
    manner: Manner = context.obj
    refuse_words_of_others(context, what)
    listener = _as_json if manner.json else _Teller(manner.quiet)
    loading = None if manner.quiet else _tell_loading
    if what == "estimator":
        return train_estimator(manner, data, out, words, listener=listener, loading=loading)
    from denoiser.training import learn_noise, train_denoiser  # imports torch: after the arguments are checked

    if what == "codec" and (pairs or noisy or not data):
        raise UsageError(
            "A codec is trained on clean photos only.", hint="Name a folder of clean photos with --data."
        )
    if noisy and pairs:
        raise UsageError("Choose only one of --noisy and --pairs.", hint="With pairs, --noisy is not needed.")
    options = collect(TrainOptions, words)
    if options.validate_pairs and (what == "codec" or noisy):
        raise UsageError("--validate-pairs applies to denoisers trained on photos or pairs.", hint="Leave it out.")
    clean = Path(data) if data else None
    with stopping_politely() as cancel:
        if what == "codec":
            from denoiser.training.codec import train_codec

            report = train_codec(
                Path(data or ""), Path(out), options, listener=listener, loading=loading, cancel=cancel
            )
        elif noisy:
            learned = learn_noise(
                Path(noisy), Path(out), options, data=clean, listener=listener, loading=loading, cancel=cancel
            )
            say(learned.noise.in_words)
            if learned.verdict:
                say(learned.verdict.in_words)
            report = learned.training
        else:
            report = train_denoiser(
                clean,
                Path(out),
                options,
                pairs=Path(pairs) if pairs else None,
                listener=listener,
                loading=loading,
                cancel=cancel,
            )
    _conclude(report, manner)
    return 0 if report.finished else 130


def _conclude(report: TrainingReport, manner: Manner) -> None:
    for error in report.unreadable:
        say(error.message)
    if report.before and report.after:
        gain = report.after.overall - report.before.overall
        kept = "; no improvement, so the initial weights are kept" if report.kept_start else ""
        if gain == gain:  # NaN without validation images
            say(f"Validation: {gain:+.2f} dB compared with the initial weights{kept}.")
    state = "finished" if report.finished else "stopped; continue with --resume"
    say(f"{report.progress.step} steps, {report.progress.seconds / 60:.1f} minutes: {state}.")
    if manner.json:
        words = {"event": "trained", "weights": str(report.weights), "kept_start": report.kept_start}
        click.echo(json.dumps(words))
    else:
        click.echo(report.weights)


class _Teller:
    """Prints progress lines, rate limited; validation results always."""

    def __init__(self, quiet: bool) -> None:
        self._quiet = quiet
        self._last = 0.0
        self._held_out = ""

    def __call__(self, event: Event) -> None:
        if self._quiet or not isinstance(event, TrainingProgress):
            return
        if event.validation_psnr:
            unit = event.unit
            scores = ", ".join(f"{name} {value:.2f} {unit}" for name, value in event.validation_psnr.items())
            say(f"step {event.step}: validation{f' {event.note}' if event.note else ''}: {scores}")
            mean = sum(event.validation_psnr.values()) / len(event.validation_psnr)
            self._held_out = f"  validation {mean:.2f} {unit}"
        elif event.note:
            say(event.note)
        elif time.monotonic() - self._last >= _TELL_EVERY:
            self._last = time.monotonic()
            say(
                f"step {event.step}  {event.fraction:.0%}  loss {event.loss:.4f}{self._held_out}  "
                f"{event.megapixels_per_second:.2f} MP/s  {event.seconds_left / 60:.0f} min left"
            )


def _as_json(event: Event) -> None:
    if isinstance(event, TrainingProgress):
        words = {"event": "training", **dataclasses.asdict(event)}
        click.echo(json.dumps({key: None if value != value else value for key, value in words.items()}))  # no NaN


def _tell_loading(done: int, total: int) -> None:
    if done % 100 == 0:
        say(f"Reading photos: {done} of {total}")


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
    _conclude_estimator(report, options, manner)
    return 0


def refuse_words_of_others(context: click.Context, what: str) -> None:
    """Raise UsageError for a flag that does not apply to *what*."""
    foreign, owner = (_OF_OTHERS, "denoisers and codecs") if what == "estimator" else (_OF_ESTIMATORS, "estimators")
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "") is click.core.ParameterSource.COMMANDLINE
        if given and parameter.name in foreign:
            raise UsageError(f"{parameter.opts[0]} applies to {owner} only.", hint="Leave it out.")


def _conclude_estimator(report: EstimatorReport, options: EstimatorOptions, manner: Manner) -> None:
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
