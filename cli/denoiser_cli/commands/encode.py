"""`denoise encode`: pictures to small latent files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from denoiser.batch import Settings
from denoiser.errors import UsageError
from denoiser.options import BatchOptions, EncodeOptions, ReadOptions
from denoiser_cli.file_flags import MANY, place_flags
from denoiser_cli.flags import Manner, Verb, collect, option_flags, speaking_flags

_EXAMPLES = """\
denoise encode ./imgs --out ./latents                  every picture below ./imgs
denoise encode ./imgs --out ./latents -Q 80            more faithful, and larger
denoise encode a.jpg --out a.dlf --target-size 200k    the best that fits
denoise encode ./imgs --out ./latents --denoise auto   without the noise, most of the bytes
denoise encode scan.tif --out ./latents --lossless     bit for bit
"""
_AIM = ("quality", "bpp", "target_size", "min_psnr", "lossless")
_FILE = ("denoise", "thumbnail", "strip", "verify")
_MACHINE = ("model", "device", "precision")


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="PATHS")
@place_flags("Where the latent files go. [required]")
@option_flags(EncodeOptions, section="How small", only=_AIM)
@option_flags(EncodeOptions, section="Writing", only=_FILE)
@option_flags(ReadOptions, section="Reading")
@option_flags(BatchOptions, section="Many files", only=MANY)
@option_flags(EncodeOptions, section="The machine", only=_MACHINE)
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, paths: tuple[str, ...], **words: Any) -> int:
    """Encode pictures to latent files (.dlf): files, or whole folders with everything below.

    No input is ever changed. Colour profile, metadata and alpha are kept; a picture that is smaller bit for bit is
    kept so. The same call goes on where it stopped.
    """
    from denoiser_cli import working  # not needed for --help

    _refuse_quality_as_path(paths)
    settings = Settings(
        read=collect(ReadOptions, words), batch=collect(BatchOptions, words), encode=collect(EncodeOptions, words)
    )
    return working.do(working.call_of(paths, words, settings), manner, dry_run=words["dry_run"])


def _refuse_quality_as_path(paths: tuple[str, ...]) -> None:
    """In other programs -q is the quality, and here it is quiet: the number is taken for a path then."""
    for path in paths:
        if path.isdigit() and not Path(path).exists():
            raise UsageError(f"{path}: no such file or folder.", hint=f"Did you mean -Q {path}? -q is for quiet.")
