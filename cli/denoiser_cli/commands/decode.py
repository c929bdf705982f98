"""`denoise decode`: latent files to pictures."""

from __future__ import annotations

from typing import Any

import click

from denoiser.batch import Settings
from denoiser.options import BatchOptions, DecodeOptions, ReadOptions, WriteOptions
from denoiser_cli.file_flags import MANY, place_flags
from denoiser_cli.flags import Manner, Verb, collect, option_flags, speaking_flags

_EXAMPLES = """\
denoise decode ./latents --out ./imgs                       every latent file, as PNG
denoise decode a.dlf --out a.jpg --jpeg-quality 90          one file to one file
denoise decode a.dlf --out b.png --region 800,600,640,480   a part, and not the rest
denoise decode ./latents --out ./imgs --grain 1             with grain for the noise taken out
"""
_PICTURE = ("region", "depth", "grain")
_WRITING = ("format", "jpeg_quality", "strip")
_MACHINE = ("model", "device", "precision")


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="PATHS")
@place_flags("Where the pictures go. [required]")
@option_flags(DecodeOptions, section="What is decoded", only=_PICTURE)
@option_flags(WriteOptions, section="Writing", only=_WRITING)
@option_flags(ReadOptions, section="Reading", only=("max_pixels",))
@option_flags(BatchOptions, section="Many files", only=(*MANY, "verify"))
@option_flags(DecodeOptions, section="The machine", only=_MACHINE)
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, paths: tuple[str, ...], **words: Any) -> int:
    """Decode latent files (.dlf) to pictures: files, or whole folders with everything below.

    Pictures are PNG, or TIFF where they are float, unless --format says otherwise; profile, metadata and alpha come
    along. A damaged file is named and never becomes a picture.
    """
    from denoiser_cli import working  # not needed for --help

    settings = Settings(
        read=collect(ReadOptions, words),
        write=collect(WriteOptions, words),
        batch=collect(BatchOptions, words),
        decode=collect(DecodeOptions, words),
    )
    return working.do(working.call_of(paths, words, settings), manner, dry_run=words["dry_run"])
