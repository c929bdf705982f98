"""The manual page from the command line's own help, as roff in plain ASCII; `generate_cli.py` writes it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import click

from denoiser import __version__
from denoiser_cli.app import program
from denoiser_cli.flags import Verb
from denoiser_cli.verbs import DEFAULT_VERB, VERBS

_SHARED = "How it speaks"  # the heading of flags that every verb has

_DESCRIPTION = """\
Takes the noise out of photos on this machine, and keeps everything else that was in the file. The input is never
touched; an output exists whole or not at all. Data goes to standard output, everything for eyes to standard error.
A lone - reads or writes a single picture through a pipe. No call uses the network.

Words that begin with no verb belong to the verb {default}. A folder that is named like a verb is written
./{default}.
"""
_ENVIRONMENT = {
    "DENOISE_CACHE": "The folder for what is measured of this machine, such as whether bf16 pays.",
    "OMP_NUM_THREADS": "How many threads compute on the processor; unset, as many as there are cores.",
    "TMPDIR": "Where temporary files go that belong to no output.",
    "NO_COLOR": "No colours, whatever its value.",
}
_FILES = {
    "~/.config/denoise/presets/": "Options kept under a name; XDG_CONFIG_HOME moves it.",
    "~/.cache/denoise/": "What is measured of this machine; can be deleted at any time.",
}


def page(codes: Mapping[int, str]) -> str:
    """The whole page; *codes* are the exit codes and what they mean."""
    assert isinstance(program, Verb)
    lines = [
        f'.TH DENOISE 1 "" "denoise {__version__}" "User Commands"',
        *(".SH NAME", r"denoise \- clean the noise out of photos"),
        *(".SH SYNOPSIS", r".B denoise", "[VERB] [PATHS] [OPTIONS]"),
        *(".SH DESCRIPTION", *_paragraphs(_DESCRIPTION.format(default=DEFAULT_VERB))),
        *(".SH EXAMPLES", *_verbatim(program.examples)),
        *(".SH VERBS", *_list(VERBS)),
    ]
    for verb in VERBS:
        command = program.get_command(click.Context(program), verb)
        assert isinstance(command, Verb)
        lines += _verb(verb, command)
    clean = program.get_command(click.Context(program), DEFAULT_VERB)
    assert clean is not None
    lines += [".SH OPTIONS OF EVERY VERB", *_list(dict(_flags(clean).get(_SHARED, [])), raw=True)]
    lines += [".SH EXIT STATUS", *_list({str(code): meaning for code, meaning in sorted(codes.items())})]
    lines += [".SH ENVIRONMENT", *_list(_ENVIRONMENT), ".SH FILES", *_list(_FILES)]
    return "\n".join(lines) + "\n"


def _verb(name: str, command: Verb) -> Iterator[str]:
    context = click.Context(command, info_name=f"denoise {name}")
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
    """*text* as roff shows it unchanged: no line is taken for a request, a hyphen can be copied into a shell."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("`", r"\(ga").replace("'", r"\(aq")
    escaped = "".join(c if c.isascii() else rf"\[u{ord(c):04X}]" for c in escaped)
    return rf"\&{escaped}" if escaped.startswith((".", "'")) else escaped
