"""`denoise evaluate`: benchmarks of denoisers and codecs, comparable with papers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from denoiser.atomicfile import whole_file
from denoiser.errors import UnsafeOutput, UsageError
from denoiser.events import CancelToken
from denoiser.options import DenoiseOptions
from denoiser_cli.failure import stopping_politely
from denoiser_cli.flags import ExampleCommand, Flag, OutputMode, collect, option_flags, refuse_flags, speaking_flags
from denoiser_cli.lines import one_line, shown, to_stderr

if TYPE_CHECKING:
    from denoiser.engine.session import Session
    from denoiser.evaluation.denoising import Score


_EXAMPLES = """\
denoise evaluate denoiser --data ./CBSD68                    white noise 15, 25, 50
denoise evaluate denoiser --data ./CBSD68 --automatic --baseline nlm --picture sheet.png
denoise evaluate denoiser --data ./BSD68 --grey --level 25
denoise evaluate denoiser --data ./pairs --kind pairs        <scene>__noisy.*, <scene>__clean.*
denoise evaluate denoiser --data ./photos --kind untouched   how much clean photos change
denoise evaluate denoiser --data ./photos --robustness       JPEG, blur, untrained kinds of noise
denoise evaluate codec --data ./photos --picture curves.svg  compare with JPEG, WebP, AVIF
"""
_PROGRESS_EVERY = 10  # seconds
_FOR_DENOISERS = ("kind", "levels", "grey", "automatic", "baselines", "robustness", "noise_level")
_LEVELS = (15.0, 25.0, 50.0)  # as in papers; repeated here to avoid importing torch


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@click.argument("what", metavar="denoiser|codec", type=click.Choice(["denoiser", "codec"]))
@click.option("--data", cls=Flag, required=True, metavar="DIR", help="Folder of images, searched recursively.")
@click.option(
    "--kind",
    cls=Flag,
    type=click.Choice(["white", "pairs", "untouched"]),
    default="white",
    help="Add white noise to clean images, use real pairs, or use clean images unchanged. [default white]",
)
@click.option(
    "--level",
    "levels",
    cls=Flag,
    type=click.FloatRange(0, 255),
    multiple=True,
    default=_LEVELS,
    help="Standard deviation of the white noise (0–255 scale); repeatable. [default 15 25 50]",
)
@click.option("--grey", cls=Flag, is_flag=True, help="Convert the images to grey before adding noise.")
@click.option("--automatic", cls=Flag, is_flag=True, help="Also measure blind denoising of the white noise.")
@click.option(
    "--baseline",
    "baselines",
    cls=Flag,
    type=click.Choice(["nlm", "bm3d"]),
    multiple=True,
    help="Also measure non-local means (OpenCV) or BM3D; repeatable.",
)
@click.option(
    "--robustness", cls=Flag, is_flag=True, help="Also measure other kinds of noise and damage, on crops."
)
@click.option(
    "--limit", cls=Flag, type=click.IntRange(1), metavar="N", help="Use N images, spread over the folder."
)
@click.option("--picture", cls=Flag, metavar="FILE", help="Write a sheet of examples, for example sheet.png.")
@option_flags(DenoiseOptions, section="Cleaning", only=("noise_level", "model", "device", "precision"))
@speaking_flags
@click.pass_context
def command(
    context: click.Context,
    /,
    what: str,
    data: str,
    picture: str | None,
    robustness: bool,
    limit: int | None,
    **words: Any,
) -> int:
    """Measure PSNR and SSIM of a denoiser by the protocol of papers, or rate and distortion of a codec.

    White noise is denoised at its known level, everything else blind. -v and --json print the values of every
    image; docs/quality.md describes the protocol.
    """
    mode: OutputMode = context.obj
    options = collect(DenoiseOptions, words)
    if what == "codec":
        refuse_flags(context, _FOR_DENOISERS, "`denoise evaluate denoiser`")
        _evaluate_codec(mode, Path(data), options, limit, picture)
        return 0
    from denoiser import imageio
    from denoiser.engine.session import Session  # slow import (torch): after the arguments are checked
    from denoiser.evaluation import tables
    from denoiser.evaluation.denoising import EvaluationPlan, evaluate

    names = ("kind", "levels", "grey", "automatic", "baselines")
    plan = EvaluationPlan(**{name: words[name] for name in names}, noise_level=options.noise_level, limit=limit)
    if robustness and (plan.kind == "pairs" or plan.noise_level is not None):
        raise UsageError(
            "--robustness adds its own noise; it cannot be combined with --kind pairs or --noise-level."
        )
    folder, sheet = Path(data), _sheet(picture, Path(data))
    session = Session(options)
    progress = _progress_printer(mode)
    with stopping_politely() as cancel:
        evaluations = evaluate(session, folder, plan, progress=progress, cancel=cancel)
        scores = [score for one in evaluations for score in one.scores]
        table = tables.as_text(scores, each=bool(mode.verbose))
        _print_scores(mode, session, scores, f"{session.model_name}, {session.device}, {session.precision}", table)
        if robustness:
            _print_robustness(mode, session, folder, options, limit, cancel)
        if sheet is not None:
            imageio.write(tables.sheet(evaluations), sheet)
            if not mode.quiet:
                to_stderr(f"Examples on {shown(sheet)}")
    return 0


def _print_robustness(
    mode: OutputMode,
    session: Session,
    folder: Path,
    options: DenoiseOptions,
    limit: int | None,
    cancel: CancelToken,
) -> None:
    from denoiser.evaluation import robustness, tables
    from denoiser.models import catalog, loading

    model, progress = loading.load(catalog.find(options.model, session.device)), _progress_printer(mode)
    scores = robustness.table(session, folder, model=model, limit=limit, progress=progress, cancel=cancel)
    _print_scores(mode, session, scores, f"\n{robustness.TITLE}", tables.as_rows(scores))


def _print_scores(mode: OutputMode, session: Session, scores: Sequence[Score], title: str, table: str) -> None:
    from denoiser.evaluation import tables

    if not mode.json:
        click.echo("\n".join(map(one_line, [*title.splitlines(), "", *table.splitlines()])))
        return
    by = {"model": session.model_name, "digest": session.model_digest}
    by |= {"device": session.device, "precision": session.precision}
    for score in scores:
        click.echo(json.dumps(by | tables.as_values(score)))


def _sheet(picture: str | None, folder: Path) -> Path | None:
    """Return the path of the sheet; raise if it cannot be written, before measuring."""
    if picture is None:
        return None
    from denoiser.batch.layout import writable_row

    path = Path(picture)
    writable_row(path)
    if path.exists() and path.resolve().is_relative_to(folder.resolve()):
        raise UnsafeOutput(
            f"{path}: is inside the data folder; inputs are never overwritten.",
            hint="Choose another --picture, for example --picture sheet.png",
        )
    return path


def _progress_printer(mode: OutputMode) -> Callable[[str], None]:
    """Return a printer of progress lines: all with -v, none with -q, otherwise occasional ones."""
    printed = time.monotonic()

    def progress(line: str) -> None:
        nonlocal printed
        if mode.verbose or (not mode.quiet and time.monotonic() - printed > _PROGRESS_EVERY):
            to_stderr(one_line(line))
            printed = time.monotonic()

    return progress


def _evaluate_codec(
    mode: OutputMode, folder: Path, options: DenoiseOptions, limit: int | None, picture: str | None
) -> None:
    """Print the comparison, and draw its curves if *picture* is given."""
    chart = Path(picture) if picture else None
    if chart and chart.suffix.lower() != ".svg":
        raise UsageError(
            f"Curves are drawn as SVG, not as {chart.suffix or 'a file without a suffix'}.",
            hint="Choose another --picture, for example --picture curves.svg",
        )
    if chart and not chart.parent.is_dir():
        raise UsageError(f"{chart}: there is no folder {chart.parent}.")
    from denoiser.evaluation import rd_report
    from denoiser.evaluation.rate_distortion import compare

    common = {"model": options.model, "device": options.device, "precision": options.precision}
    progress = _progress_printer(mode)
    with stopping_politely() as cancel:
        comparison = compare(folder, **common, limit=limit, progress=progress, cancel=cancel)
    if mode.json:
        click.echo(json.dumps(rd_report.as_values(comparison)))
    else:
        click.echo("\n".join(map(one_line, rd_report.as_text(comparison).splitlines())))
    if chart:
        with whole_file(chart) as file:
            file.write(rd_report.as_svg(comparison).encode())
        if not mode.quiet:
            to_stderr(f"Curves in {shown(chart)}")
