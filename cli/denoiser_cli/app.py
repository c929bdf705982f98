"""`denoise`: dispatches to a command, and turns errors into a message and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click
from click.shell_completion import CompletionItem

from denoiser import __version__
from denoiser_cli.commands import COMMANDS, DEFAULT_COMMAND, GROUPS
from denoiser_cli.completion import VARIABLE
from denoiser_cli.failure import explain
from denoiser_cli.flags import ExampleCommand, OutputMode

_OWN_FLAGS = ("--help", "-h", "--version")

# Options of the default command that `denoise --help` shows.
_COMMON = ("out", "noise_level", "strength", "detail", "model", "device", "format", "overwrite", "dry_run")

_EXAMPLES = """\
denoise samples ./imgs                    write noisy sample photos
denoise ./imgs --out ./clean              clean a folder, with its subfolders
denoise a.jpg b.png --out ./clean         clean files into a folder
denoise a.jpg --out b.jpg                 clean one file
denoise - --out - < a.png > b.png         read and write pipes
denoise ./imgs --out ./clean --dry-run    show what would be done
"""


class _Program(ExampleCommand, click.Group):
    """The group of commands. Without a command name, `clean` is assumed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        found = import_module(f"denoiser_cli.commands.{cmd_name}").command
        assert isinstance(found, click.Command)
        return found

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in COMMANDS and args[0] not in _OWN_FLAGS:
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return commands, or else the options and paths of `clean`, which may follow without its name."""
        names = [CompletionItem(name, help=text) for name, text in COMMANDS.items() if name.startswith(incomplete)]
        if names:
            return names
        clean = self.get_command(ctx, DEFAULT_COMMAND)
        assert clean is not None
        options = clean.shell_complete(click.Context(clean, parent=ctx), incomplete)
        return options or [CompletionItem(incomplete, type="file")]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_examples(formatter)
        self._format_common(ctx, formatter)
        self.format_commands(ctx, formatter)

    def _format_common(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        clean = self.get_command(ctx, DEFAULT_COMMAND)
        assert clean is not None
        context = click.Context(clean, parent=ctx, info_name=DEFAULT_COMMAND, **clean.context_settings)
        flags = {parameter.name: parameter for parameter in clean.get_params(context)}
        records = [flags[name].get_help_record(context) for name in _COMMON]
        records += [parameter.get_help_record(ctx) for parameter in self.get_params(ctx)]
        with formatter.section("Common options"):
            formatter.write_dl([record for record in records if record is not None], col_max=34)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        widest = max(map(len, COMMANDS))
        for heading, commands in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(widest), text) for name, text in commands.items()])


@click.group(
    cls=_Program,
    examples=_EXAMPLES,
    no_args_is_help=False,
    subcommand_metavar="[COMMAND] [PATHS] [OPTIONS]",
    options_metavar="",
    epilog="`denoise COMMAND --help` shows all options. Write ./clean for a folder named like a command.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="denoise %(version)s")
def program() -> None:
    """Remove noise from photos. Everything runs on this machine; no data is sent."""


def run(words: Sequence[str]) -> int:
    """Run one call of `denoise` and return its exit code. Never raises."""
    mode = OutputMode()
    try:
        if not words and VARIABLE not in os.environ:
            with click.Context(program, info_name="denoise") as context:
                click.echo(program.get_help(context), err=True)
            return 2
        code = program.main(list(words), prog_name="denoise", standalone_mode=False, obj=mode)
        sys.stdout.flush()  # a closed pipe raises here, where it is handled, and not at exit
        return code if isinstance(code, int) else 0
    except BaseException as error:  # noqa: BLE001 - top level: users see a message, not a traceback
        failure = explain(error, verbose=mode.verbose > 1)
        failure.print(as_json=mode.json)
        return failure.exit_code


def main() -> NoReturn:
    """The entry point of the `denoise` script."""
    sys.exit(run(sys.argv[1:]))
