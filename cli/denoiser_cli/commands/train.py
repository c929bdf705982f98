"""`denoise train`: trains denoisers, codecs and the noise estimator."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from denoiser.errors import UsageError
from denoiser.events import Event, TrainingProgress
from denoiser.options import EstimatorOptions, TrainOptions
from denoiser_cli.estimator_training import refuse_words_of_others, train_estimator
from denoiser_cli.flags import Flag, Manner, Verb, collect, option_flags, speaking_flags
from denoiser_cli.interrupt import stopping_politely
from denoiser_cli.lines import say

if TYPE_CHECKING:
    from denoiser.training import TrainingReport

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
    from denoiser.training import (
        learn_noise,
        train_denoiser,
    )  # slow import (torch): after the arguments are checked

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
