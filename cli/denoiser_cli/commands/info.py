"""`denoise info`: what latent files hold, without decoding them."""

from __future__ import annotations

import click

from denoiser.errors import UsageError
from denoiser_cli.flags import Manner, Verb, speaking_flags

_EXAMPLES = """\
denoise info a.dlf                  what is in it
denoise info ./latents --json       an object for each
"""


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="PATHS")
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, paths: tuple[str, ...]) -> int:
    """Say what latent files hold, without decoding them.

    Size, quality, weights, the noise that was taken out, metadata; with --json every chunk and its bytes. A damaged
    file is named, and makes this exit with 1.
    """
    from denoiser_cli import latent_report  # not needed for --help

    if not paths:
        raise UsageError("No latent file and no folder is named.", hint="For example: denoise info ./latents")
    return latent_report.tell(paths, manner)
