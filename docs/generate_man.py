"""Generates the manual page from the program's help, as roff in ASCII; `generate_cli.py` writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import click

from denoiser import __version__
from denoiser_cli.app import program
from denoiser_cli.commands import COMMANDS, DEFAULT_COMMAND
from denoiser_cli.flags import ExampleCommand

_SHARED = "Output"  # the heading of flags that every command has

_DESCRIPTION = """\
Removes noise from photos and keeps metadata, colour profile, format and bit depth. Inputs are never changed, and
outputs are written completely or not at all. Data is printed to standard output, messages to standard error. A
single - reads or writes one image through a pipe. Everything runs on this machine; no data is sent.

Without a command name, {default} is assumed. Write ./{default} for a folder that is named like a command.
"""
_ENVIRONMENT = {
    "OMP_NUM_THREADS": "Number of CPU threads; default: number of cores.",
    "TMPDIR": "Folder for temporary files.",
    "NO_COLOR": "Disables colours if set.",
}
_FILES = {
    "~/.config/denoise/presets/": "Presets; XDG_CONFIG_HOME changes the location.",
    "~/.cache/denoise/": "Measurements of this machine; can be deleted at any time.",
}


def page(codes: Mapping[int, str]) -> str:
    """Return the page; *codes* are the exit codes and their meanings."""
    assert isinstance(program, ExampleCommand)
    lines = [
        f'.TH DENOISE 1 "" "denoise {__version__}" "User Commands"',
        *(".SH NAME", r"denoise \- remove noise from photos"),
        *(".SH SYNOPSIS", r".B denoise", "[COMMAND] [PATHS] [OPTIONS]"),
        *(".SH DESCRIPTION", *_paragraphs(_DESCRIPTION.format(default=DEFAULT_COMMAND))),
        *(".SH EXAMPLES", *_verbatim(program.examples)),
        *(".SH COMMANDS", *_list(COMMANDS)),
    ]
    for name in COMMANDS:
        command = program.get_command(click.Context(program), name)
        assert isinstance(command, ExampleCommand)
        lines += _command(name, command)
    clean = program.get_command(click.Context(program), DEFAULT_COMMAND)
    assert clean is not None
    lines += [".SH COMMON OPTIONS", *_list(dict(_flags(clean).get(_SHARED, [])), raw=True)]
    lines += [".SH EXIT STATUS", *_list({str(code): meaning for code, meaning in sorted(codes.items())})]
    lines += [".SH ENVIRONMENT", *_list(_ENVIRONMENT), ".SH FILES", *_list(_FILES)]
    return "\n".join(lines) + "\n"


def _command(name: str, command: ExampleCommand) -> Iterator[str]:
    context = click.Context(command, info_name=f"denoise {name}", **command.context_settings)
    yield f".SH DENOISE {name.upper()}"
    yield rf".B denoise {name}"
    yield _text(" ".join(command.collect_usage_pieces(context)))
    yield from (".PP", *_paragraphs(command.help or ""))
    yield from (".PP", *_verbatim(command.examples))
    for section, flags in _flags(command).items():
        if section != _SHARED:
            yield from (f'.SS "{_text(section)}"', *_list(dict(flags), raw=True))


def _flags(command: click.Command) -> dict[str, list[tuple[str, str]]]:
    """By heading: the flag with its value in roff, and its help."""
    context = click.Context(command, **command.context_settings)
    found: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and not isinstance(parameter, click.Argument):
            head = re.sub(r"--?[a-z][\w-]*", lambda flag: rf"\fB{_text(flag[0])}\fR", record[0])
            found.setdefault(getattr(parameter, "section", _SHARED), []).append((head, record[1]))
    return found


def _list(entries: Mapping[str, Any], *, raw: bool = False) -> Iterator[str]:
    for name, text in entries.items():
        yield ".TP"
        yield name if raw else rf"\fB{_text(name)}\fR"
        yield _text(" ".join(str(text).split()))


def _paragraphs(text: str) -> list[str]:
    lines: list[str] = []
    for paragraph in text.strip().split("\n\n"):
        lines += [*([".PP"] if lines else []), _text(" ".join(paragraph.split()))]
    return lines


def _verbatim(text: str) -> list[str]:
    return [".nf", *(_text(line) for line in text.strip().splitlines()), ".fi"]


def _text(text: str) -> str:
    """Escape *text* for roff: no line is a request, and hyphens can be copied into a shell."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("`", r"\(ga").replace("'", r"\(aq")
    escaped = "".join(c if c.isascii() else rf"\[u{ord(c):04X}]" for c in escaped)
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped
