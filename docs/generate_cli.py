"""Writes docs/cli.md and the manual page from the program's help: `python docs/generate_cli.py`.

A test checks that both are current. The manual page is in cli/share, which is installed as share/.
"""

from __future__ import annotations

from pathlib import Path

import click
import generate_man

from denoiser import errors
from denoiser_cli.app import program
from denoiser_cli.commands import COMMANDS
from denoiser_cli.render_json import KEYS

_ROOT = Path(__file__).resolve().parents[1]
_COLUMNS = 80

_HEAD = """\
# Command line

Generated from the program's help by `python docs/generate_cli.py`; do not edit.

Data is printed to stdout, messages to stderr. `-` reads or writes a single image through a pipe. The first Ctrl-C
(or SIGTERM) stops within one tile and saves finished files; the second exits immediately.
"""

_CODES = {
    0: "success, including nothing left to do",
    errors.DenoiserError.exit_code: "some files failed; each is listed",
    errors.UsageError.exit_code: "usage error: invalid arguments, or a path does not exist",
    errors.NothingToDo.exit_code: "nothing to do: no image found",
    errors.Missing.exit_code: "something required is missing: an extra, a device, a display, a model",
    errors.Refused.exit_code: "refused for safety: an output would overwrite an input, or weights are invalid",
    errors.Cancelled.exit_code: "stopped by the user; finished files are kept",
}

_JSON = """\
## JSON

With `--json`, each line on stdout is one object. `event` is its type; its other keys are:
"""

_JSON_FOOT = """\
A run prints `started`, then file events, then `finished`; `--dry-run` prints `planned` and `file_skipped`. `error`
ends a call early; `kind` is the name of a class in `denoiser.errors`. Of the `done` images of a cleaning run, some
are `cleaned`; the others had nothing to clean, and were `copied` byte for byte or only `converted` to another
format or quality. `already_there` counts existing outputs, `left` the files that a stopped run did not process.
Keys may be added; existing keys keep their meaning. Undecodable file names contain lone surrogates, as from
`os.fsdecode`.
"""


def files() -> dict[str, str]:
    """Return the generated files by their path in the checkout."""
    return {"docs/cli.md": page(), "cli/share/man/man1/denoise.1": generate_man.page(_CODES)}


def page() -> str:
    """Return the page docs/cli.md."""
    parts = [_HEAD, _help(program, "denoise")]
    for name in COMMANDS:
        command = program.get_command(click.Context(program), name)
        assert command is not None
        parts.append(f"## denoise {name}\n\n{_help(command, f'denoise {name}')}")
    codes = [f"| {code} | {meaning} |" for code, meaning in sorted(_CODES.items())]
    parts.append("\n".join(["## Exit codes", "", "| code | meaning |", "| --- | --- |", *codes, ""]))
    events = [f"| `{event}` | {', '.join(f'`{key}`' for key in keys)} |" for event, keys in KEYS.items()]
    parts.append("\n".join([_JSON, "| event | keys |", "| --- | --- |", *events, "", _JSON_FOOT]))
    return "\n".join(parts)


def _help(command: click.Command, name: str) -> str:
    context = click.Context(command, info_name=name, terminal_width=_COLUMNS, **command.context_settings)
    return f"```\n{command.get_help(context)}\n```\n"


if __name__ == "__main__":
    for name, text in files().items():
        file = _ROOT / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
