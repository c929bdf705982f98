"""`denoise clean`, the default command: removes noise from images."""

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
from denoiser.storage import is_url
from denoiser_cli.commands import COMMANDS
from denoiser_cli.completion import complete_value
from denoiser_cli.flags import (
    CLEANING,
    PLACES,
    ExampleCommand,
    Flag,
    OutputMode,
    cluster_flags,
    file_flags,
    look_flags,
    machine_flags,
    option_flags,
    others,
    place_flags,
    settings_of,
    speaking_flags,
)
from denoiser_cli.lines import shown, to_stderr

_EXAMPLES = """\
denoise ./imgs --out ./clean                    clean a folder, with its subfolders
denoise ./imgs --out ./clean --strength 0.7     keep some of the noise
denoise a.jpg b.png --out ./clean               clean files into a folder
denoise a.jpg                                   clean one file, to a-clean.jpg
denoise a.jpg b.jpg                             clean one file, if b.jpg does not exist
denoise - --out - < a.png > b.png               read and write pipes
find . -name '*.nef' | denoise --files-from - --out ./clean
"""


@click.command(cls=ExampleCommand, examples=_EXAMPLES, urls=True)
@click.argument("paths", nargs=-1, metavar="PATHS", shell_complete=complete_value)
@place_flags("Output folder or file. [default for one image: NAME-clean beside it]")
@look_flags
@click.option(
    "--save-preset", cls=Flag, section=CLEANING, metavar="NAME", help="Save the options of this call as a preset."
)
@file_flags
@option_flags(BatchOptions, section="Many files", only=others(BatchOptions, PLACES))
@machine_flags
@cluster_flags
@speaking_flags
@click.pass_obj
def command(mode: OutputMode, /, paths: tuple[str, ...], **words: Any) -> int:
    """Remove noise from image files and folders.

    Inputs are never changed. Outputs keep format, bit depth, metadata and colour profile; images with nothing to
    clean are copied. Finished files are skipped, so the same command continues an interrupted run. Its records are
    in the folder .denoise beside the outputs.
    """
    if "-" not in (*paths, words["out"]):
        _refuse_what_is_not_there(paths if words["out"] else paths[:1])
    from denoiser_cli import working  # slow import; not needed for --help and usage errors

    settings = settings_of(words)
    if words["save_preset"]:
        to_stderr(f"Saved: {shown(_save(words['save_preset'], settings))}")
        if not paths and not words["files_from"]:
            return 0
    _refuse_misspelt_command(paths)
    return working.do(working.call_of(paths, words, settings), mode, dry_run=words["dry_run"])


def _save(name: str, settings: Settings) -> Path:
    options = {DenoiseOptions: settings.denoise, ReadOptions: settings.read, WriteOptions: settings.write}
    return save_preset(name, options)


def _refuse_what_is_not_there(paths: tuple[str, ...]) -> None:
    """Raise UsageError for missing paths before slow imports."""
    _refuse_misspelt_command(paths)
    for path in paths:
        if not os.path.lexists(path) and not is_url(path):
            raise UsageError(
                f"{Path(path)}: no such file or folder.", hint="Check the spelling and the current folder."
            )


def _refuse_misspelt_command(paths: tuple[str, ...]) -> None:
    """Suggest a command if the first path does not exist and resembles one."""
    if not paths or is_url(paths[0]) or Path(paths[0]).exists():
        return
    meant = ["--help"] if paths[0] == "help" else difflib.get_close_matches(paths[0], COMMANDS, n=1, cutoff=0.75)
    if meant:
        raise UsageError(f"{paths[0]}: no such file or folder.", hint=f"Did you mean `denoise {meant[0]}`?")
