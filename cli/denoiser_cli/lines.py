"""Lines for eyes: on stderr, and harmless whatever a file is called."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

_JOINER = "\u200d"  # holds emoji together


def say(line: str) -> None:
    """Writes one line to stderr; a reader that is gone is no reason to stop."""
    with suppress(OSError, ValueError):
        print(line, file=sys.stderr, flush=True)


def one_line(text: str) -> str:
    """*text* with line breaks, control characters and undecodable bytes made visible: a name cannot play tricks."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == _JOINER else c.encode("unicode_escape").decode() for c in text)


def shown(path: Path) -> str:
    """The path as people can read it, on one line."""
    return one_line(str(path))
