"""The flags that say which files, and where to: the same for every verb of many files."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from denoiser.options import BatchOptions, controls
from denoiser_cli.flags import Flag, option_flags

_Function = TypeVar("_Function", bound=Callable[..., Any])

_FILES = "Files"
PLACES = ("recursive", "overwrite")  # of all files, or of which
MANY = ("retry_failed", "max_errors", "shard", "jobs", "report")  # whatever is done with them


def others(options: type[Any], names: tuple[str, ...]) -> tuple[str, ...]:
    """The fields of *options* but for *names*."""
    return tuple(name for name in controls(options) if name not in names)


def place_flags(out: str) -> Callable[[_Function], _Function]:
    """Adds --out with that help, and what is taken and replaced."""
    flag = functools.partial(click.option, cls=Flag, section=_FILES)

    def decorate(function: _Function) -> _Function:
        function = flag(
            "--files-from",
            metavar="FILE",
            help="Take the names in this list, too, one per line or between zero bytes; - reads it from a pipe.",
        )(function)
        function = option_flags(BatchOptions, section=_FILES, only=PLACES)(function)
        function = flag("--dry-run", is_flag=True, help="Show what would be done, and do nothing.")(function)
        return flag("--out", metavar="PATH", help=out)(function)

    return decorate
