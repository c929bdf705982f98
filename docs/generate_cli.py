"""Writes docs/cli.md from the command line's own help: `python docs/generate_cli.py`. A test keeps it current."""

from __future__ import annotations

from pathlib import Path

import click

from denoiser import errors
from denoiser_cli.app import program
from denoiser_cli.render_json import KEYS
from denoiser_cli.verbs import VERBS

PAGE = Path(__file__).with_name("cli.md")
_COLUMNS = 80

_HEAD = """\
# Command line

Made from the program's own help by `python docs/generate_cli.py`; do not edit by hand.

Data goes to stdout, everything for eyes to stderr. `-` reads or writes a single picture through a pipe. The first
Ctrl-C (or SIGTERM) stops within a tile, writes what is finished, and says how to go on; the second stops at once.
"""

_CODES = {
    0: "all done, also when nothing was left to do",
    errors.DenoiserError.exit_code: "some files failed; each is named",
    errors.UsageError.exit_code: "wrong usage: the words do not fit together, or a path does not exist",
    errors.NothingToDo.exit_code: "nothing to do: no picture was found",
    errors.Missing.exit_code: "something needed is missing: an extra, a device, a display, a model",
    errors.Refused.exit_code: "refused for safety: an output would land on an input, weights are not what they say",
    errors.Cancelled.exit_code: "stopped on request; what was finished is kept",
}

_JSON = """\
## JSON

With `--json` each line on stdout is one object. `event` names its kind; beside it stand:
"""

_JSON_FOOT = """\
A run is `started`, then events of files, then `finished`; `--dry-run` gives `planned` and `file_skipped`. What ends
a call early is an `error`. `kind` is the name of a class in `denoiser.errors`. `already_there` counts files whose
outputs existed, `left` those that a stopped run did not come to. Keys may be added, none changes its meaning.
Names of files that are no valid text hold lone surrogates, as Python's `os.fsdecode` makes them.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, _help(program, "denoise")]
    for verb in VERBS:
        command = program.get_command(click.Context(program), verb)
        assert command is not None
        parts.append(f"## denoise {verb}\n\n{_help(command, f'denoise {verb}')}")
    codes = [f"| {code} | {meaning} |" for code, meaning in sorted(_CODES.items())]
    parts.append("\n".join(["## Exit codes", "", "| code | meaning |", "| --- | --- |", *codes, ""]))
    events = [f"| `{event}` | {', '.join(f'`{key}`' for key in keys)} |" for event, keys in KEYS.items()]
    parts.append("\n".join([_JSON, "| event | keys |", "| --- | --- |", *events, "", _JSON_FOOT]))
    return "\n".join(parts)


def _help(command: click.Command, name: str) -> str:
    context = click.Context(command, info_name=name, terminal_width=_COLUMNS, **command.context_settings)
    return f"```\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
