"""`denoise verify`: checks latent files."""

from __future__ import annotations

import click

from denoiser.errors import UsageError
from denoiser_cli.completion import complete_value
from denoiser_cli.flags import ExampleCommand, Flag, OutputMode, speaking_flags

_EXAMPLES = """\
denoise verify ./latents            check all latent files in a folder
denoise verify ./latents -q         list only damaged files
"""


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="PATHS", shell_complete=complete_value)
@click.option("--model", cls=Flag, metavar="FILE", default="auto", help="Codec weights that are not installed.")
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, paths: tuple[str, ...], model: str) -> int:
    """Check latent files without decoding them to disk.

    All symbols, lossless pixels and alpha are decoded and compared with their checksums. Damaged files are listed,
    and the exit code is 1.
    """
    from denoiser_cli import latent_report  # not needed for --help

    if not paths:
        raise UsageError("No latent file or folder given.", hint="For example: denoise verify ./latents")
    return latent_report.verify(paths, model, mode)
