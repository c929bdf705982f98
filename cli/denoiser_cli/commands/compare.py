"""`denoise compare`: draws noisy and clean images on a sheet."""

from __future__ import annotations

import json
from pathlib import Path

import click

from denoiser.errors import UsageError
from denoiser_cli.flags import Flag, Manner, Verb, speaking_flags
from denoiser_cli.lines import say, shown

_EXAMPLES = """\
denoise compare ./imgs ./clean --out sheet.png
denoise compare noisy.jpg clean.jpg --out sheet.png
denoise compare ./imgs ./clean --reference ./originals --out sheet.png
"""


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("noisy", metavar="NOISY")
@click.argument("clean", metavar="CLEAN")
@click.option("--out", cls=Flag, metavar="FILE", help="Output image, for example sheet.png. [required]")
@click.option("--reference", cls=Flag, metavar="PATH", help="Noise-free images, to compute PSNR and SSIM.")
@click.option(
    "--rows",
    cls=Flag,
    metavar="N",
    type=click.IntRange(1, 100),
    default=12,
    help="Maximum number of images on the sheet. [default 12]",
)
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, noisy: str, clean: str, out: str | None, reference: str | None, rows: int) -> int:
    """Draw noisy and clean images side by side, with their difference.

    Each image is a row: a representative crop at 1:1, an enlarged part, and the difference. Files in folders are
    matched by name without suffix. With --reference, PSNR and SSIM are printed for all images.
    """
    from denoiser_cli import comparison  # not needed for --help

    if not out:
        raise UsageError("--out is missing: the file for the sheet.", hint="For example: --out sheet.png")
    trios = comparison.matched(Path(noisy), Path(clean), Path(reference) if reference else None)
    comparison.refuse_inputs(Path(out), trios)
    scores = comparison.draw(trios, Path(out), rows)
    for score in scores:
        click.echo(json.dumps(score.words()) if manner.json else str(score))
    if not manner.quiet:
        say(f"{min(rows, len(trios))} of {len(trios)} images on {shown(Path(out))}")
    return 0
