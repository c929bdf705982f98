"""Flags for input and output files, shared by all commands for many files."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import click

from denoiser.options import BatchOptions, controls
from denoiser_cli.flags import Flag, option_flags

_Function = TypeVar("_Function", bound=Callable[..., Any])

_FILES = "Files"
PLACES = ("recursive", "overwrite")  # which files are read and replaced
MANY = ("retry_failed", "max_errors", "shard", "jobs", "report")  # for every kind of work


def others(options: type[Any], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the fields of *options* except *names*."""
    return tuple(name for name in controls(options) if name not in names)


def place_flags(out: str) -> Callable[[_Function], _Function]:
    """Add --out with this help, --files-from, --dry-run, and the options in PLACES."""
    flag = functools.partial(click.option, cls=Flag, section=_FILES)

    def decorate(function: _Function) -> _Function:
        function = flag(
            "--files-from",
            metavar="FILE",
            help="Also process the files in this list, one per line or NUL-separated; - is stdin.",
        )(function)
        function = option_flags(BatchOptions, section=_FILES, only=PLACES)(function)
        function = flag("--dry-run", is_flag=True, help="Show what would be done without writing anything.")(
            function
        )
        return flag("--out", metavar="PATH", help=out)(function)

    return decorate
