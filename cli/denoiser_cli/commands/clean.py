"""`denoise clean`, the default verb: pictures in, clean pictures out."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

import click

from denoiser.batch import Settings
from denoiser.batch.presets import save_preset
from denoiser.errors import UsageError
from denoiser.options import BatchOptions, DenoiseOptions, ReadOptions, WriteOptions
from denoiser_cli.cleaning_flags import CLEANING, file_flags, look_flags, machine_flags, settings_of
from denoiser_cli.file_flags import PLACES, others, place_flags
from denoiser_cli.flags import Flag, Manner, Verb, option_flags, speaking_flags
from denoiser_cli.lines import say, shown
from denoiser_cli.verbs import VERBS

_EXAMPLES = """\
denoise ./imgs --out ./clean                    every picture below ./imgs
denoise ./imgs --out ./clean --strength 0.7     with some of the noise left in
denoise a.jpg b.png --out ./clean               some files to a folder
denoise a.jpg --out b.jpg                       one file to one file
denoise - --out - < a.png > b.png               through a pipe
find . -name '*.nef' | denoise --files-from - --out ./clean
"""


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="PATHS")
@place_flags("Where the clean pictures go. [required]")
@look_flags
@click.option(
    "--save-preset", cls=Flag, section=CLEANING, metavar="NAME", help="Keep the options of this call as a preset."
)
@file_flags
@option_flags(BatchOptions, section="Many files", only=others(BatchOptions, PLACES))
@machine_flags
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, paths: tuple[str, ...], **words: Any) -> int:
    """Clean pictures: files, or whole folders with everything below.

    No input is ever changed. Outputs keep format, depth, metadata and colour, and appear whole or not at all. What
    is done already stays, so that the same call goes on where it stopped.
    """
    if words["out"] and "-" not in (*paths, words["out"]):
        _refuse_what_is_not_there(paths)
    from denoiser_cli import working  # not needed for --help, nor to answer a slip of the fingers

    settings = settings_of(words)
    if words["save_preset"]:
        say(f"Written: {shown(_save(words['save_preset'], settings))}")
        if not paths and not words["files_from"]:
            return 0
    _refuse_misspelt_verb(paths)
    return working.do(working.call_of(paths, words, settings), manner, dry_run=words["dry_run"])


def _save(name: str, settings: Settings) -> Path:
    options = {DenoiseOptions: settings.denoise, ReadOptions: settings.read, WriteOptions: settings.write}
    return save_preset(name, options)


def _refuse_what_is_not_there(paths: tuple[str, ...]) -> None:
    """Says at once what the plan would find out when all of the program is loaded."""
    _refuse_misspelt_verb(paths)
    for path in paths:
        if not os.path.lexists(path):
            raise UsageError(
                f"{Path(path)}: no such file or folder.", hint="Check the spelling, and the folder you are in."
            )


def _refuse_misspelt_verb(paths: tuple[str, ...]) -> None:
    """What is no verb is taken for a path; where there is none either, a verb may have been meant."""
    if not paths or Path(paths[0]).exists():
        return
    meant = ["--help"] if paths[0] == "help" else difflib.get_close_matches(paths[0], VERBS, n=1, cutoff=0.75)
    if meant:
        raise UsageError(f"{paths[0]}: no such file or folder.", hint=f"Did you mean `denoise {meant[0]}`?")
