"""`denoise gui`: the desktop app, which is a stranger to the command line and is started by its entry point."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

import click

from denoiser.errors import BrokenInstall
from denoiser_cli.flags import Verb

_ENTRY = "denoise-gui"
_EXAMPLES = """\
denoise gui                 an empty window
denoise gui ./imgs a.jpg    with these pictures in it
"""


@click.command(cls=Verb, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="[PATHS]")
def command(paths: tuple[str, ...]) -> None:
    """Open the desktop app; `denoise-gui` is the same."""
    found = list(entry_points(group="console_scripts", name=_ENTRY))
    if not found:
        raise BrokenInstall(
            f"The installed package has no {_ENTRY}.",
            hint="Install it again: pip install --force-reinstall denoiser-studio",
        )
    sys.argv = [_ENTRY, *paths]
    found[0].load()()
