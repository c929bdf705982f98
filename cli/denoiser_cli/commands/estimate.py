"""`denoise estimate`: noise estimates as a table, JSON or CSV."""

from __future__ import annotations

from pathlib import Path

import click

from denoiser.errors import UsageError
from denoiser_cli.flags import Flag, Manner, Verb, speaking_flags

_EXAMPLES = """\
denoise estimate ./imgs                     one line per image
denoise estimate a.jpg b.png --csv > noise.csv
denoise estimate ./imgs --json              with the level by brightness
"""


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="PATHS")
@click.option("--csv", "as_csv", cls=Flag, is_flag=True, help="Print CSV with a header.")
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, paths: tuple[str, ...], as_csv: bool) -> int:
    """Estimate the noise of images.

    Luma and chroma levels are standard deviations on the 0–255 scale; kind is from 0 (white) to 1 (correlated, as
    in camera JPEGs). `denoise --noise-level auto` uses the same estimate.
    """
    from denoiser_cli import noise_report  # not needed for --help

    if not paths:
        raise UsageError("No image or folder given.", hint="For example: denoise estimate ./imgs")
    if as_csv and manner.json:
        raise UsageError("Choose only one of --csv and --json.")
    voice = (
        noise_report.Voice.JSON if manner.json else noise_report.Voice.CSV if as_csv else noise_report.Voice.TEXT
    )
    return noise_report.tell([Path(path) for path in paths], voice, quiet=manner.quiet)
