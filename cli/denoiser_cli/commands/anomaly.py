"""`denoise anomaly`: learns what good images look like, and reports those that differ."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from denoiser.errors import Cancelled, DenoiserError, UsageError
from denoiser.events import Event, FileDone, FileFailed, FileStarted, Started, TrainingProgress
from denoiser.options import AnomalyOptions
from denoiser_cli.completion import complete_value
from denoiser_cli.failure import stopping_politely
from denoiser_cli.flags import ExampleCommand, Flag, OutputMode, collect, option_flags, refuse_flags, speaking_flags
from denoiser_cli.lines import one_line, shown, to_stderr

if TYPE_CHECKING:
    from denoiser.workbench.anomaly.files import FoundAnomalies, TrainedDetector

_EXAMPLES = """\
denoise anomaly train ./good --out parts            learn from images of good parts
denoise anomaly ./imgs --model parts --out report   score images, with heat maps
denoise anomaly ./imgs --model parts --out report --false-alarms 5%
denoise anomaly train ./good --out parts --method patches
"""
_TRAIN = "train"
_FOR_REPORTS = ("model", "threshold", "false_alarms")
_FOR_TRAINING = ("method", "size", "steps", "seed")
_REPORT_EVERY = 5.0  # seconds between progress lines


class _Share(click.ParamType[Any]):
    """A share such as 1% or 0.01."""

    name = "SHARE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        try:
            share = float(value.removesuffix("%")) / (100 if value.endswith("%") else 1)
        except ValueError:
            share = 0.0
        if not 0 < share < 1:
            self.fail(f"{value!r} is not a share such as 1% or 0.01.", param, ctx)
        return share


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="[train] PATHS", shell_complete=complete_value)
@click.option("--out", cls=Flag, metavar="PATH", help="Output: the model, or the folder of the report. [required]")
@click.option("--model", cls=Flag, section="Report", metavar="FILE", help="Model to score images with. [required]")
@click.option(
    "--threshold",
    cls=Flag,
    section="Report",
    metavar="N",
    type=float,
    help="Score above which an image is an anomaly; about 1 for typical good images. [default by --false-alarms]",
)
@click.option(
    "--false-alarms", cls=Flag, section="Report", metavar="SHARE", type=_Share(), default="1%",
    help="Share of good images that may exceed the threshold. [default 1%]",
)  # fmt: skip
@option_flags(AnomalyOptions, section="Training")
@speaking_flags
@click.pass_context
def command(
    context: click.Context,
    /,
    paths: tuple[str, ...],
    out: str | None,
    model: str | None,
    threshold: float | None,
    false_alarms: float,
    **words: Any,
) -> int:
    """Find images that differ from good ones, and where.

    `train` learns from images of good parts, textures or scenes. The report ranks images by score: a page with heat
    maps and a movable threshold, CSV and JSON. Write ./train for a folder of that name.
    """
    mode: OutputMode = context.obj
    if paths[:1] == (_TRAIN,):
        refuse_flags(context, _FOR_REPORTS, "reports")
        return _train(mode, paths[1:], out, collect(AnomalyOptions, words))
    refuse_flags(context, _FOR_TRAINING, "training")
    if not paths:
        raise UsageError("No image or folder given.", hint="For example: denoise anomaly train ./good --out model")
    if not model:
        raise UsageError("--model is missing.", hint="Train one with `denoise anomaly train ./good --out model`.")
    if not out:
        raise UsageError("--out is missing: the folder for the report.", hint="For example: --out ./report")
    from denoiser.workbench.anomaly import files, storage  # slow imports: after the arguments are checked

    with stopping_politely() as cancel:
        found = files.find_anomalies(
            [Path(path) for path in paths],
            storage.model_path(model),
            Path(out),
            threshold=threshold,
            false_alarms=false_alarms,
            listener=_Progress(mode),
            cancel=cancel,
        )
    _print_found(found, mode)
    if cancel.cancelled:
        return Cancelled.exit_code
    return DenoiserError.exit_code if found.failed else 0


def _train(mode: OutputMode, paths: tuple[str, ...], out: str | None, options: AnomalyOptions) -> int:
    if not paths:
        raise UsageError("No good images given.", hint="For example: denoise anomaly train ./good --out model")
    if not out:
        raise UsageError("--out is missing: the file for the model.", hint="For example: --out model")
    from denoiser.workbench.anomaly import files, storage  # slow imports: after the arguments are checked

    with stopping_politely() as cancel:
        trained = files.train_detector(
            [Path(path) for path in paths],
            storage.model_path(out),
            options,
            listener=_Progress(mode),
            cancel=cancel,
        )
    _print_trained(trained, mode)
    return 0


def _print_trained(trained: TrainedDetector, mode: OutputMode) -> None:
    for error in trained.unusable:
        to_stderr(one_line(error.message))
    detector = trained.detector
    if mode.json:
        words = {"event": "trained", "model": str(trained.path), "method": detector.scorer_.method}
        click.echo(json.dumps(words | {"images": detector.n_images_, "auroc": detector.comparison_}))
        return
    if not mode.quiet:
        to_stderr(f"Learned from {detector.n_images_} good images, by {detector.scorer_.method}.")
    click.echo(trained.path)


def _print_found(found: FoundAnomalies, mode: OutputMode) -> None:
    count = sum(one.score > found.threshold for one in found.images)
    if mode.json:
        words = {"event": "report", "page": str(found.page), "images": len(found.images), "anomalies": count}
        words |= {"failed": len(found.failed), "threshold": found.threshold, "false_alarms": found.false_alarms}
        click.echo(json.dumps(words))
        return
    if not mode.quiet:
        failed = f", {len(found.failed)} unreadable" if found.failed else ""
        to_stderr(f"{count} of {len(found.images)} images are anomalies{failed}.")
        to_stderr(
            f"Threshold {found.threshold:.2f}: {found.false_alarms:.0%} of {found.held_out} held-out good images "
            "exceed it."
        )
    click.echo(found.page)


class _Progress:
    """Prints progress lines, rate limited, and unreadable images at once."""

    def __init__(self, mode: OutputMode) -> None:
        self._mode = mode
        self._last = time.monotonic()  # a short run prints no progress
        self._total = self._done = 0

    def __call__(self, event: Event) -> None:
        match event:
            case Started():
                self._total = event.files
            case FileStarted():
                self._done += 1
                self._line(f"Image {self._done} of {self._total}")
            case FileDone():
                if self._mode.json:
                    words = {"event": "image", "path": str(event.source), "seconds": round(event.seconds, 3)}
                    click.echo(json.dumps(words | dict(event.facts)))
                elif self._mode.verbose:
                    to_stderr(f"{event.facts['score']:.2f}  {shown(event.source)}")
            case FileFailed():
                to_stderr(one_line(event.error.message))
            case TrainingProgress():
                left = f", {event.seconds_left:.0f} s left" if event.seconds_left == event.seconds_left else ""
                self._line(event.note or f"step {event.step}, {event.fraction:.0%}, loss {event.loss:.4f}{left}")

    def _line(self, text: str) -> None:
        if not self._mode.quiet and time.monotonic() - self._last >= _REPORT_EVERY:
            self._last = time.monotonic()
            to_stderr(text)
