"""`denoise decode`: decodes latent files to images."""

from __future__ import annotations

from typing import Any

import click

from denoiser.batch import Settings
from denoiser.options import BatchOptions, DecodeOptions, ReadOptions, WriteOptions
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
denoise decode ./latents --out ./imgs                       decode a folder to PNG
denoise decode a.dlf --out a.jpg --quality 90          decode one file
denoise decode a.dlf --out b.png --region 800,600,640,480   decode a region
denoise decode ./latents --out ./small --scale 1/8          decode thumbnails
denoise decode ./latents --out ./imgs --grain 1             add grain like the removed noise
"""
_IMAGE = ("region", "scale", "depth", "grain")
_WRITING = ("format", "quality", "strip")
_MACHINE = ("model", "device", "precision")


@click.command(cls=ExampleCommand, examples=_EXAMPLES, urls=True)
@click.argument("paths", nargs=-1, metavar="PATHS", shell_complete=complete_value)
@place_flags("Output folder or file. [required]")
@option_flags(DecodeOptions, section="Decoding", only=_IMAGE)
@option_flags(WriteOptions, section="Writing", only=_WRITING)
@option_flags(ReadOptions, section="Reading", only=("max_pixels",))
@option_flags(BatchOptions, section="Many files", only=(*MANY, "verify"))
@option_flags(DecodeOptions, section="Hardware", only=_MACHINE)
@cluster_flags
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, paths: tuple[str, ...], **words: Any) -> int:
    """Decode latent files (.dlf) and folders of them to images.

    The default format is PNG, or TIFF for float images. Colour profile, metadata and alpha are restored. Damaged
    files are reported and not decoded.
    """
    from denoiser_cli import working  # not needed for --help

    settings = Settings(
        read=collect(ReadOptions, words),
        write=collect(WriteOptions, {name: words[name] for name in _WRITING}),
        batch=collect(BatchOptions, words),
        decode=collect(DecodeOptions, words),
    )
    return working.do(working.call_of(paths, words, settings), mode, dry_run=words["dry_run"])
