"""`denoise watch`: watches a folder and cleans new images."""

from __future__ import annotations

from typing import Any

import click

from denoiser.errors import UsageError
from denoiser.options import BatchOptions, WatchOptions
from denoiser_cli.cleaning_flags import CLEANING, file_flags, look_flags, machine_flags, settings_of
from denoiser_cli.flags import Flag, Manner, Verb, collect, option_flags, speaking_flags

_EXAMPLES = """\
denoise watch ./in --out ./clean                   run until Ctrl-C
denoise watch ./in --out ./clean --interval 60     scan once a minute, for network folders
denoise watch ./in --out ./clean --once            clean what is there now, for cron
"""
_FILES = "Files"
_HINT = "For example: denoise watch ./in --out ./clean"


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("folder", required=False, metavar="FOLDER")
@click.option("--out", cls=Flag, section=_FILES, metavar="DIR", help="Output folder. [required]")
@option_flags(WatchOptions, section=_FILES)
@option_flags(BatchOptions, section=_FILES, only=("recursive", "overwrite", "jobs"))
@look_flags
@option_flags(BatchOptions, section=CLEANING, only=("skip_clean", "crop"))
@file_flags
@machine_flags
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, folder: str | None, out: str | None, **words: Any) -> int:
    """Watch a folder and clean new images.

    A file is processed once it is unchanged between two scans and can be read completely; hidden and temporary
    files are skipped. Finished files are not processed again, even after a restart. Press Ctrl-C to stop.
    """
    from denoiser_cli import watching  # not needed for --help

    if not folder:
        raise UsageError("No folder to watch given.", hint=_HINT)
    if not out:
        raise UsageError("--out is missing: the folder or file for the clean images.", hint=_HINT)
    return watching.watch(folder, out, settings_of(words), collect(WatchOptions, words), manner)
