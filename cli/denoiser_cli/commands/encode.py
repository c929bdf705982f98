"""`denoise encode`: compresses images to latent files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from denoiser.batch import Settings
from denoiser.errors import UsageError
from denoiser.options import BatchOptions, EncodeOptions, ReadOptions
from denoiser_cli.completion import complete_value
from denoiser_cli.flags import (
    MANY,
    ExampleCommand,
    OutputMode,
    cluster_flags,
    collect,
    option_flags,
    place_flags,
    speaking_flags,
)

_EXAMPLES = """\
denoise encode ./imgs --out ./latents                  encode a folder, with its subfolders
denoise encode ./imgs --out ./latents -Q 80            higher quality, larger files
denoise encode a.jpg --out a.dlf --target-size 200k    best quality within 200 kB
denoise encode ./imgs --out ./latents --effort 7       smaller files, slower
denoise encode ./imgs --out ./latents --denoise auto   denoise first
denoise encode scan.tif --out ./latents --lossless     lossless
"""
_AIM = ("quality", "bpp", "target_size", "min_psnr", "min_msssim", "lossless", "effort")
_FILE = ("denoise", "thumbnail", "strip", "verify")
_MACHINE = ("model", "device", "precision")


@click.command(cls=ExampleCommand, examples=_EXAMPLES, urls=True)
@click.argument("paths", nargs=-1, metavar="PATHS", shell_complete=complete_value)
@place_flags("Output folder or .dlf file. [required]")
@option_flags(EncodeOptions, section="Quality and size", only=_AIM)
@option_flags(EncodeOptions, section="Writing", only=_FILE)
@option_flags(ReadOptions, section="Reading")
@option_flags(BatchOptions, section="Many files", only=MANY)
@option_flags(EncodeOptions, section="Hardware", only=_MACHINE)
@cluster_flags
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, paths: tuple[str, ...], **words: Any) -> int:
    """Compress image files and folders to latent files (.dlf).

    Inputs are never changed. Colour profile, metadata and alpha are kept; images that are smaller when stored
    losslessly are stored so. The same command continues an interrupted run.
    """
    from denoiser_cli import working  # not needed for --help

    _refuse_quality_as_path(paths)
    settings = Settings(
        read=collect(ReadOptions, words), batch=collect(BatchOptions, words), encode=collect(EncodeOptions, words)
    )
    return working.do(working.call_of(paths, words, settings), mode, dry_run=words["dry_run"])


def _refuse_quality_as_path(paths: tuple[str, ...]) -> None:
    """Suggest -Q for calls like `-q 80`: -q is --quiet here, so 80 is parsed as a path."""
    for path in paths:
        if path.isdigit() and not Path(path).exists():
            raise UsageError(f"{path}: no such file or folder.", hint=f"Did you mean -Q {path}? -q is --quiet.")
