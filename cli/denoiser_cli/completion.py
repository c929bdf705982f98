"""Shell completion by click: what the shell offers for values, file names, and words that bash splits.

The files below cli/share ask `denoise` for click's script, and the script runs `denoise` for each TAB.
"""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class

VARIABLE = "_DENOISE_COMPLETE"  # set by click's scripts

_FILES = {"FILE", "PATH", "PATHS", "[PATHS]", "SOURCE", "NOISY", "CLEAN"}
_FOLDERS = {"DIR", "FOLDER"}
# Options whose values are names, or files.
_NAMES = {"--model": ("auto", "fast", "best"), "--from": ("fast", "best"), "--teacher": ("fast", "best")}


def complete_value(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the values that begin with *incomplete*; if there are none, let the shell offer files or folders."""
    names = _NAMES.get(parameter.opts[0], ())
    items = parameter.type.shell_complete(ctx, parameter, incomplete)
    items += [CompletionItem(name) for name in names if name.startswith(incomplete)]
    if items:
        return items
    if parameter.metavar in _FOLDERS:
        return [CompletionItem(incomplete, type="dir")]
    return [CompletionItem(incomplete, type="file")] if names or parameter.metavar in _FILES else []


@add_completion_class
class _Bash(BashComplete):
    """Completion for bash, which passes `--device=cpu` as three words."""

    def get_completion_args(self) -> tuple[list[str], str]:
        args, incomplete = super().get_completion_args()
        return [word for word in args if word != "="], incomplete.removeprefix("=")
