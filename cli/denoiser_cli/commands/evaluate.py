"""`denoise evaluate denoiser`: quality tables that compare with the papers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from denoiser.options import DenoiseOptions
from denoiser_cli.flags import Flag, Manner, Verb, collect, option_flags, speaking_flags
from denoiser_cli.interrupt import stopping_politely
from denoiser_cli.lines import say

_EXAMPLES = """\
denoise evaluate denoiser --data ./CBSD68                    white noise 15, 25, 50
denoise evaluate denoiser --data ./photos --level 10
denoise evaluate denoiser --data ./pairs --kind pairs        <scene>__noisy.*, <scene>__clean.*
denoise evaluate denoiser --data ./photos --kind untouched   how little clean photos are changed
"""


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("what", type=click.Choice(["denoiser"]), expose_value=False)
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
    default=(15, 25, 50),
    help="Sigma of the white noise in 8-bit units; may be given several times. [default 15 25 50]",
)
@option_flags(DenoiseOptions, section="Cleaning", only=("noise_level", "model", "device", "precision"))
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, data: str, kind: str, levels: tuple[float, ...], **words: Any) -> int:
    """Measure a denoiser: PSNR and SSIM by the protocol of the papers."""
    from denoiser.engine import open_session  # torch: not before the words are understood
    from denoiser.evaluation import denoising, tables

    session = open_session(collect(DenoiseOptions, words))
    folder = Path(data)
    with stopping_politely() as cancel:
        told = say if manner.verbose else _silent
        if kind == "pairs":
            scores = [denoising.score_pairs(session, folder, told=told, cancel=cancel)]
        elif kind == "untouched":
            scores = [denoising.score_untouched(session, folder, told=told, cancel=cancel)]
        else:
            scores = [denoising.score_white(session, folder, s, told=told, cancel=cancel) for s in levels]
    if manner.json:
        for score in scores:
            click.echo(json.dumps(tables.as_values(score)))
    else:
        click.echo(f"{session.model_name}, {session.device}, {session.precision}")
        click.echo(tables.as_text(scores))
    return 0


def _silent(line: str) -> None:
    """For those who did not ask for every file."""
