"""`denoise clean`, the default verb: pictures in, clean pictures out."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import click

from denoiser.batch import Settings
from denoiser.batch.presets import save_preset
from denoiser.errors import UsageError
from denoiser.options import BatchOptions, DenoiseOptions, ReadOptions, WriteOptions
from denoiser_cli.cleaning_flags import CLEANING, file_flags, look_flags, machine_flags, others, settings_of
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
_FILES = "Files"
_PLACES = ("recursive", "overwrite")  # of all files, or of which


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="PATHS")
@click.option("--out", cls=Flag, section=_FILES, metavar="PATH", help="Where the clean pictures go. [required]")
@click.option("--dry-run", cls=Flag, section=_FILES, is_flag=True, help="Show what would be done, and do nothing.")
@option_flags(BatchOptions, section=_FILES, only=_PLACES)
@click.option(
    "--files-from",
    cls=Flag,
    section=_FILES,
    metavar="FILE",
    help="Take the names in this list, too, one per line or between zero bytes; - reads it from a pipe.",
)
@look_flags
@click.option(
    "--save-preset", cls=Flag, section=CLEANING, metavar="NAME", help="Keep the options of this call as a preset."
)
@file_flags
@option_flags(BatchOptions, section="Many files", only=others(BatchOptions, _PLACES))
@machine_flags
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, paths: tuple[str, ...], out: str | None, **words: Any) -> int:
    """Clean pictures: files, or whole folders with everything below.

    No input is ever changed. Outputs keep format, depth, metadata and colour, and appear whole or not at all. What
    is done already stays, so that the same call goes on where it stopped.
    """
    from denoiser_cli import working  # not needed for --help

    settings = settings_of(words)
    if words["save_preset"]:
        say(f"Written: {shown(_save(words['save_preset'], settings))}")
        if not paths and not words["files_from"]:
            return 0
    listed = working.read_list(words["files_from"]) if words["files_from"] else ()
    call = working.Call(_checked(paths, listed), _given(out), settings, listed)
    if working.PIPE in (*call.sources, call.out):
        return working.do_through_pipe(call, manner)
    return working.show_plan(call, manner) if words["dry_run"] else working.do_files(call, manner)


def _save(name: str, settings: Settings) -> Path:
    options = {DenoiseOptions: settings.denoise, ReadOptions: settings.read, WriteOptions: settings.write}
    return save_preset(name, options)


def _checked(paths: tuple[str, ...], listed: tuple[Path, ...]) -> tuple[str, ...]:
    if listed and not paths:
        return paths
    if not paths:
        raise UsageError("No picture and no folder is named.", hint="For example: denoise ./imgs --out ./clean")
    meant = ["--help"] if paths[0] == "help" else difflib.get_close_matches(paths[0], VERBS, n=1, cutoff=0.75)
    if meant and not Path(paths[0]).exists():
        raise UsageError(f"{paths[0]}: no such file or folder.", hint=f"Did you mean `denoise {meant[0]}`?")
    return paths


def _given(out: str | None) -> str:
    if not out:
        raise UsageError(
            "--out is missing: where should the clean pictures go?",
            hint="For example: denoise ./imgs --out ./clean",
        )
    return out
