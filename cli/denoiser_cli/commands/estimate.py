"""`denoise estimate`: how noisy pictures are, as a table, JSON or CSV."""

from __future__ import annotations

from pathlib import Path

import click

from denoiser.errors import UsageError
from denoiser_cli.flags import Flag, Manner, Verb, speaking_flags

_EXAMPLES = """\
denoise estimate ./imgs                     a line for each picture
denoise estimate a.jpg b.png --csv > noise.csv
denoise estimate ./imgs --json              with the level at each brightness
"""


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="PATHS")
@click.option("--csv", "as_csv", cls=Flag, is_flag=True, help="Comma-separated values, with a head line.")
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, paths: tuple[str, ...], as_csv: bool) -> int:
    """Say how noisy pictures are.

    Luma and chroma as 8-bit sigma, where white noise of sigma 10 reads 10 in both; kind from 0 (white) to 1
    (correlated, as cameras leave it). `denoise --noise-level auto` goes by the same estimate.
    """
    from denoiser_cli import noise_report  # not needed for --help

    if not paths:
        raise UsageError("No picture and no folder is named.", hint="For example: denoise estimate ./imgs")
    if as_csv and manner.json:
        raise UsageError("--csv and --json exclude each other.")
    voice = (
        noise_report.Voice.JSON if manner.json else noise_report.Voice.CSV if as_csv else noise_report.Voice.TEXT
    )
    return noise_report.tell([Path(path) for path in paths], voice, quiet=manner.quiet)
