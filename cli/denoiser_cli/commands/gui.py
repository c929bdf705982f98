"""`denoise gui`: starts the desktop app through its entry point."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points

import click

from denoiser.errors import BrokenInstall
from denoiser_cli.completion import complete_value
from denoiser_cli.flags import ExampleCommand

_ENTRY = "denoise-gui"
_EXAMPLES = """\
denoise gui                 open an empty window
denoise gui ./imgs a.jpg    open images
"""


@click.command(cls=ExampleCommand, examples=_EXAMPLES)
@click.argument("paths", nargs=-1, metavar="[PATHS]", shell_complete=complete_value)
def command(paths: tuple[str, ...]) -> None:
    """Open the desktop app, like `denoise-gui`."""
    found = list(entry_points(group="console_scripts", name=_ENTRY))
    if not found:
        raise BrokenInstall(
            f"The installed package has no {_ENTRY}.",
            hint="Reinstall: pip install --force-reinstall denoiser-studio",
        )
    sys.argv = [_ENTRY, *paths]
    found[0].load()()
