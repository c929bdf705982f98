"""`denoise watch`: cleans what arrives in a folder, for as long as it runs."""

from __future__ import annotations

from typing import Any

import click

from denoiser.errors import UsageError
from denoiser.options import BatchOptions, WatchOptions
from denoiser_cli.cleaning_flags import CLEANING, file_flags, look_flags, machine_flags, settings_of
from denoiser_cli.flags import Flag, Manner, Verb, collect, option_flags, speaking_flags

_EXAMPLES = """\
denoise watch ./in --out ./clean                   until Ctrl-C
denoise watch ./in --out ./clean --interval 60     a network folder, once a minute
denoise watch ./in --out ./clean --once            what is there now, for cron
"""
_FILES = "Files"
_HINT = "For example: denoise watch ./in --out ./clean"


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("folder", required=False, metavar="FOLDER")
@click.option("--out", cls=Flag, section=_FILES, metavar="DIR", help="Where the clean pictures go. [required]")
@option_flags(WatchOptions, section=_FILES)
@option_flags(BatchOptions, section=_FILES, only=("recursive", "overwrite", "jobs"))
@look_flags
@option_flags(BatchOptions, section=CLEANING, only=("skip_clean", "crop"))
@file_flags
@machine_flags
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, folder: str | None, out: str | None, **words: Any) -> int:
    """Clean what is in a folder, and what arrives there later.

    A picture is taken once it has not changed from one look to the next and reads whole; hidden and temporary names
    are passed over. What was made once is not made again, also after a restart. Ctrl-C ends the watch.
    """
    from denoiser_cli import watching  # not needed for --help

    if not folder:
        raise UsageError("No folder to watch is named.", hint=_HINT)
    if not out:
        raise UsageError("--out is missing: where should the clean pictures go?", hint=_HINT)
    return watching.watch(folder, out, settings_of(words), collect(WatchOptions, words), manner)
