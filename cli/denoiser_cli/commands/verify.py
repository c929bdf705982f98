"""`denoise verify`: proves latent files whole."""

from __future__ import annotations

import click

from denoiser.errors import UsageError
from denoiser_cli.flags import Flag, Manner, Verb, speaking_flags

_EXAMPLES = """\
denoise verify ./latents            every latent file below
denoise verify ./latents -q         only what is damaged
"""


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="PATHS")
@click.option("--model", cls=Flag, metavar="FILE", default="auto", help="Weights that are not installed.")
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, paths: tuple[str, ...], model: str) -> int:
    """Prove latent files whole, without writing anything.

    Every symbol is decoded and compared with its checksum, as are exact pixels and alpha. Damaged files are named,
    and make this exit with 1.
    """
    from denoiser_cli import latent_report  # not needed for --help

    if not paths:
        raise UsageError("No latent file and no folder is named.", hint="For example: denoise verify ./latents")
    return latent_report.verify(paths, model, manner)
