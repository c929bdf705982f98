"""`denoise clean`, the default verb: pictures in, clean pictures out."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import click

from denoiser.errors import UsageError
from denoiser.options import DenoiseOptions, ReadOptions, WriteOptions
from denoiser_cli.flags import Flag, Manner, Verb, collect, option_flags, speaking_flags
from denoiser_cli.verbs import VERBS

_EXAMPLES = """\
denoise ./imgs --out ./clean                    every picture below ./imgs
denoise ./imgs --out ./clean --strength 0.7     with some of the noise left in
denoise a.jpg b.png --out ./clean               some files to a folder
denoise a.jpg --out b.jpg                       one file to one file
denoise - --out - < a.png > b.png               through a pipe
"""
_FILES = "Files"


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="PATHS")
@click.option("--out", cls=Flag, section=_FILES, metavar="PATH", help="Where the clean pictures go. [required]")
@click.option(
    "--overwrite", cls=Flag, section=_FILES, is_flag=True, help="Make outputs again that are there already."
)
@click.option("--dry-run", cls=Flag, section=_FILES, is_flag=True, help="Show what would be done, and do nothing.")
@click.option(
    "--recursive/--no-recursive",
    cls=Flag,
    section=_FILES,
    default=True,
    help="Walk folders in folders. [default on]",
)
@option_flags(DenoiseOptions, section="Cleaning")
@option_flags(WriteOptions, section="Writing")
@option_flags(ReadOptions, section="Reading")
@speaking_flags
@click.pass_obj
def command(manner: Manner, /, paths: tuple[str, ...], out: str | None, **words: Any) -> int:
    """Clean pictures: files, or whole folders with everything below.

    No input is ever changed. Outputs keep format, depth, metadata and colour, and appear whole or not at all. What
    is there already stays, so that the same call goes on where it stopped.
    """
    from denoiser_cli import cleaning  # not needed for --help

    call = cleaning.Call(
        sources=_checked(paths),
        out=_given(out),
        options=collect(DenoiseOptions, words),
        read=collect(ReadOptions, words),
        write=collect(WriteOptions, words),
        recursive=words["recursive"],
        overwrite=words["overwrite"],
    )
    if cleaning.PIPE in (*call.sources, call.out):
        return cleaning.clean_through_pipe(call, manner)
    return cleaning.show_plan(call, manner) if words["dry_run"] else cleaning.clean_files(call, manner)


def _checked(paths: tuple[str, ...]) -> tuple[str, ...]:
    if not paths:
        raise UsageError("No picture and no folder is named.", hint="For example: denoise ./imgs --out ./clean")
    meant = difflib.get_close_matches(paths[0], VERBS, n=1, cutoff=0.75)
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
