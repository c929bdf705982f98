"""Prints lines to stderr, safe for any file name."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from denoiser.errors import DenoiserError

_JOINER = "\u200d"  # holds emoji together


def to_stderr(line: str) -> None:
    """Print one line to stderr; ignore a closed stream."""
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)


def one_line(text: str) -> str:
    """Escape line breaks, control characters and undecodable bytes in *text*."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == _JOINER else c.encode("unicode_escape").decode() for c in text)


def shown(path: Path) -> str:
    """Return the path as printable text on one line."""
    return one_line(str(path))


def print_failure(
    source: Path, error: DenoiserError, hints: set[str], message: Callable[[str], None] = to_stderr
) -> None:
    """Print an error with the file name, and its hint unless it is in *hints*, where it is added."""
    named = one_line(source.name) in error.message
    message(one_line(error.message if named else f"{source}: {error.message}"))
    if error.hint and error.hint not in hints:
        hints.add(error.hint)
        message(f"  {one_line(error.hint)}")
