"""`denoise train`: trains denoisers, codecs and the noise estimator; for autoencoders, see train_autoencoder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from denoiser.errors import UsageError
from denoiser.options import EstimatorOptions, TrainOptions
from denoiser_cli.failure import stopping_politely
from denoiser_cli.flags import ExampleCommand, Flag, OutputMode, collect, option_flags, refuse_flags, speaking_flags
from denoiser_cli.lines import to_stderr
from denoiser_cli.training_progress import ProgressPrinter, print_json, print_loading

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
denoise train autoencoder mnist.npz --kind variational --out ./vae
"""
_WHAT = ("denoiser", "codec", "estimator", "autoencoder")
_FOR_ESTIMATORS = ("crops", "steps")
_NOT_FOR_ESTIMATORS = (
    *("pairs", "noisy", "minutes", "recipe", "start", "teacher", "validate_pairs", "device", "devices"),
)


class _Train(ExampleCommand):
    """Passes `train autoencoder` on to a command with options of its own."""

    def make_context(self, info_name: str | None, args: list[str], *rest: Any, **words: Any) -> click.Context:
        if args[:1] == ["autoencoder"]:
            from denoiser_cli.train_autoencoder import command as for_autoencoders

            return for_autoencoders.make_context(f"{info_name} autoencoder", args[1:], *rest, **words)
        return super().make_context(info_name, args, *rest, **words)


@click.command(cls=_Train, examples=_EXAMPLES)
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
    """Train a denoiser, a codec, the noise estimator or an autoencoder.

    A denoiser is trained on clean photos, real pairs, both, or noisy photos from one source. Ctrl-C stops after the
    current step; --resume continues. A finished estimator is trained again, from its existing training samples.
    Autoencoders have options of their own: `denoise train autoencoder --help`.
    """
    mode: OutputMode = context.obj
    if what == "autoencoder":
        raise UsageError(
            "autoencoder comes before all options.",
            hint="For example: denoise train autoencoder digits --out ./run",
        )
    if what == "estimator":
        refuse_flags(context, _NOT_FOR_ESTIMATORS, "denoisers and codecs")
    else:
        refuse_flags(context, _FOR_ESTIMATORS, "estimators")
    if what == "estimator" and not data:
        raise UsageError("No training photos given.", hint="Name a folder of clean photos with --data.")
    if what == "codec" and (pairs or noisy or not data):
        raise UsageError(
            "A codec is trained on clean photos only.", hint="Name a folder of clean photos with --data."
        )
    if noisy and pairs:
        raise UsageError("Choose only one of --noisy and --pairs.", hint="With pairs, --noisy is not needed.")
    options, for_estimator = collect(TrainOptions, words), collect(EstimatorOptions, words)
    if options.validate_pairs and (what == "codec" or noisy):
        raise UsageError("--validate-pairs applies to denoisers trained on photos or pairs.", hint="Leave it out.")
    from denoiser import training  # slow import (torch): after the arguments are checked

    common: dict[str, Any] = {
        "listener": print_json if mode.json else ProgressPrinter(mode.quiet),
        "loading": None if mode.quiet else print_loading,
    }
    clean, folder = Path(data) if data else None, Path(out)
    with stopping_politely() as cancel:
        common["cancel"] = cancel
        if what == "estimator":
            report = training.train_estimator(Path(data or ""), folder, for_estimator, **common)
        elif what == "codec":
            report = training.train_codec(Path(data or ""), folder, options, **common)
        elif noisy:
            learned = training.learn_noise(Path(noisy), folder, options, data=clean, **common)
            to_stderr(learned.noise.description)
            if learned.validation:
                to_stderr(learned.validation.description)
            report = learned.training
        else:
            paired = Path(pairs) if pairs else None
            report = training.train_denoiser(clean, folder, options, pairs=paired, **common)
    if report.rank == 0:
        _print_result(report, mode, of_estimator=what == "estimator")
    return 0 if report.finished else 130


def _print_result(report: TrainingReport, mode: OutputMode, *, of_estimator: bool) -> None:
    for error in report.unreadable:
        to_stderr(error.message)
    if of_estimator and report.finished and not mode.quiet:
        for line in _accuracy_table(report):
            to_stderr(line)
    if report.before and report.after:
        gain = report.after.overall - report.before.overall
        kept = "; no improvement, so the initial weights are kept" if report.kept_start else ""
        if gain == gain:  # NaN without validation images
            to_stderr(f"Validation: {gain:+.2f} dB compared with the initial weights{kept}.")
    state = "finished" if report.finished else "stopped; continue with --resume"
    to_stderr(f"{report.progress.step} steps, {report.progress.seconds / 60:.1f} minutes: {state}.")
    if not mode.json:
        click.echo(report.weights)
        return
    words: dict[str, Any] = {"event": "trained", "weights": str(report.weights)}
    words |= {"held_out": _accuracy_values(report)} if of_estimator else {"kept_start": report.kept_start}
    click.echo(json.dumps(words))


def _accuracy_table(report: TrainingReport) -> Iterator[str]:
    values = _accuracy_values(report)
    if values is None or report.after is None:
        yield "No validation: it needs at least four photos."
        return
    from denoiser.evaluation.noise_accuracy import CLEAN_BELOW

    count = values["photos"]
    yield f"On {count} validation photo{'s' * (count > 1)}: estimated ÷ true level and deviation (medians):"
    for row in values["white"]:
        luma, chroma = (f"{row[f'{axis}_ratio']:.2f}, {row[f'{axis}_off']:.2f}" for axis in ("luma", "chroma"))
        yield f"  white noise {row['level']:>2g}: luma {luma}; chroma {chroma}"
    clean, noisiest = values["read_as_clean"], report.after.details["noisiest photo"]
    yield f"  clean photos: {clean} of {count} estimated below {CLEAN_BELOW}, maximum {noisiest:.2f}"


def _accuracy_values(report: TrainingReport) -> dict[str, Any] | None:
    """The accuracy of an estimator on validation photos; None if there were none."""
    if report.after is None or not report.after.scores:
        return None
    from denoiser.evaluation.noise_accuracy import LEVELS

    values = report.after.scores | report.after.details
    white = []
    for level in LEVELS:
        row = {"level": level}
        for axis in ("luma", "chroma"):
            row[f"{axis}_ratio"] = round(values[f"white {level:g} {axis}"], 3)
            row[f"{axis}_off"] = round(values[f"white {level:g} {axis} off"], 3)
        white.append(row)
    return {"photos": values["photos"], "read_as_clean": values["photos read as clean"], "white": white}
