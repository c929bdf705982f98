"""`denoise info`: shows the content of latent files."""

from __future__ import annotations

import click

from denoiser.errors import UsageError
from denoiser_cli.completion import complete_value
from denoiser_cli.flags import ExampleCommand, OutputMode, speaking_flags

_EXAMPLES = """\
denoise info a.dlf                  show one file
denoise info ./latents --json       one JSON object per file
"""


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="PATHS", shell_complete=complete_value)
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, paths: tuple[str, ...]) -> int:
    """Show the content of latent files without decoding them.

    Shows size, quality, weights, removed noise and metadata; with --json also the size of each chunk. Damaged files
    are reported, and the exit code is 1.
    """
    from denoiser_cli import latent_report  # not needed for --help

    if not paths:
        raise UsageError("No latent file or folder given.", hint="For example: denoise info ./latents")
    return latent_report.show_content(paths, mode)
