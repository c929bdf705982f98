"""`denoise evaluate denoiser` and `denoise evaluate codec`: quality tables that compare with the papers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from denoiser.errors import UnsafeOutput, UsageError
from denoiser.events import CancelToken
from denoiser.options import DenoiseOptions
from denoiser_cli.codec_evaluation import evaluate_codec, refuse_words_of_denoisers
from denoiser_cli.flags import Flag, Manner, Verb, collect, option_flags, speaking_flags
from denoiser_cli.interrupt import stopping_politely
from denoiser_cli.lines import one_line, say, shown

if TYPE_CHECKING:
    from denoiser.engine import Session
    from denoiser.evaluation.denoising import Score
    from denoiser.evaluation.measurement import Measured

_EXAMPLES = """\
denoise evaluate denoiser --data ./CBSD68                    white noise 15, 25, 50
denoise evaluate denoiser --data ./CBSD68 --automatic --baseline nlm --picture sheet.png
denoise evaluate denoiser --data ./BSD68 --grey --level 25
denoise evaluate denoiser --data ./pairs --kind pairs        <scene>__noisy.*, <scene>__clean.*
denoise evaluate denoiser --data ./photos --kind untouched   how little clean photos are changed
denoise evaluate denoiser --data ./photos --robustness       JPEG, blur, noise never trained on
denoise evaluate codec --data ./photos --picture curves.svg  bits and PSNR beside JPEG, WebP, AVIF
"""
_SILENCE = 10  # seconds in which nobody wonders whether it still works
_LEVELS = (15.0, 25.0, 50.0)  # of the papers; written out, since their room loads torch


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("what", metavar="denoiser|codec", type=click.Choice(["denoiser", "codec"]))
@click.option("--data", cls=Flag, required=True, metavar="DIR", help="A folder of pictures, searched through.")
@click.option(
    "--kind",
    cls=Flag,
    type=click.Choice(["white", "pairs", "untouched"]),
    default="white",
    help="Clean pictures with white noise added, real pairs, or clean pictures as they are. [default white]",
)
@click.option(
    "--level",
    "levels",
    cls=Flag,
    type=click.FloatRange(0, 255),
    multiple=True,
    default=_LEVELS,
    help="Sigma of the white noise in 8-bit units; may be given several times. [default 15 25 50]",
)
@click.option("--grey", cls=Flag, is_flag=True, help="Turn the pictures grey before the noise is added.")
@click.option("--automatic", cls=Flag, is_flag=True, help="White noise also without telling its level.")
@click.option(
    "--baseline",
    "baselines",
    cls=Flag,
    type=click.Choice(["nlm", "bm3d"]),
    multiple=True,
    help="Measure non-local means (OpenCV) or BM3D on the same pictures; may be given several times.",
)
@click.option("--robustness", cls=Flag, is_flag=True, help="A table of other noise, on crops of clean pictures.")
@click.option("--limit", cls=Flag, type=click.IntRange(1), metavar="N", help="N pictures, spread over the folder.")
@click.option("--picture", cls=Flag, metavar="FILE", help="A sheet to look at, for example sheet.png.")
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
    """Measure a denoiser, PSNR and SSIM by the protocol of the papers; or a codec, bits and PSNR beside others.

    White noise is told exactly, everything else is cleaned automatically. -v and --json give the figures of every
    picture; docs/quality.md says how they are taken.
    """
    from denoiser import imageio
    from denoiser.engine import open_session  # torch: not before the words are understood
    from denoiser.evaluation import examples
    from denoiser.evaluation.measurement import Wanted, measure

    manner: Manner = context.obj
    options = collect(DenoiseOptions, words)
    if what == "codec":
        refuse_words_of_denoisers(context)
        with stopping_politely() as cancel:
            evaluate_codec(
                manner, Path(data), options, limit=limit, picture=picture, told=_teller(manner), cancel=cancel
            )
        return 0
    names = ("kind", "levels", "grey", "automatic", "baselines")
    wanted = Wanted(**{name: words[name] for name in names}, noise_level=options.noise_level, limit=limit)
    if robustness and (wanted.kind == "pairs" or wanted.noise_level is not None):
        raise UsageError("--robustness adds its own noise to clean pictures, and cleans them automatically.")
    folder, sheet = Path(data), _sheet(picture, Path(data))
    session = open_session(options)
    with stopping_politely() as cancel:
        measured = measure(session, folder, wanted, told=_teller(manner), cancel=cancel)
        _show(manner, session, measured)
        if robustness:
            _show_robustness(manner, session, folder, options, limit, cancel)
        if sheet is not None:
            imageio.write(examples.sheet(measured), sheet)
            if not manner.quiet:
                say(f"Examples on {shown(sheet)}")
    return 0


def _show(manner: Manner, session: Session, measured: Sequence[Measured]) -> None:
    from denoiser.evaluation import tables

    scores = [score for one in measured for score in one.scores]
    if manner.json:
        _dump(session, scores)
    else:
        click.echo(f"{one_line(session.model_name)}, {session.device}, {session.precision}\n")
        click.echo("\n".join(map(one_line, tables.as_text(scores, each=manner.verbose).splitlines())))


def _show_robustness(
    manner: Manner, session: Session, folder: Path, options: DenoiseOptions, limit: int | None, cancel: CancelToken
) -> None:
    from denoiser import models
    from denoiser.evaluation import robustness, tables

    model = models.load(models.find(options.model, session.device))
    scores = robustness.table(session, folder, model=model, limit=limit, told=_teller(manner), cancel=cancel)
    if manner.json:
        _dump(session, scores)
    else:
        click.echo(f"\n{robustness.TITLE}")
        click.echo(tables.as_rows(scores))


def _dump(session: Session, scores: Sequence[Score]) -> None:
    from denoiser.evaluation import tables

    by = {"model": session.model_name, "digest": session.model_digest}
    by |= {"device": session.device, "precision": session.precision}
    for score in scores:
        click.echo(json.dumps(by | tables.as_values(score)))


def _sheet(picture: str | None, folder: Path) -> Path | None:
    """Where the sheet goes, refused before anything is measured if it cannot be written there."""
    if picture is None:
        return None
    from denoiser.batch.layout import writable_row

    path = Path(picture)
    writable_row(path)
    if path.exists() and path.resolve().is_relative_to(folder.resolve()):
        raise UnsafeOutput(
            f"{path}: lies among the pictures that are measured on; none is ever written to.",
            hint="Choose another --picture, for example --picture sheet.png",
        )
    return path


def _teller(manner: Manner) -> Callable[[str], None]:
    """Every picture with -v, none with -q, and else one now and then: a set may take an hour."""
    spoken = time.monotonic()

    def tell(line: str) -> None:
        nonlocal spoken
        if manner.verbose or (not manner.quiet and time.monotonic() - spoken > _SILENCE):
            say(one_line(line))
            spoken = time.monotonic()

    return tell
