"""`denoise`: finds the verb, lets it work, and turns whatever went wrong into two lines and an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import NoReturn

import click

from denoiser import __version__
from denoiser_cli.failure import explain
from denoiser_cli.flags import Manner, Verb
from denoiser_cli.verbs import DEFAULT_VERB, VERBS

_OWN_FLAGS = ("--help", "-h", "--version")

_EXAMPLES = """\
denoise samples ./imgs                    a few noisy photos to try it on
denoise ./imgs --out ./clean              every picture below ./imgs, same tree
denoise a.jpg b.png --out ./clean         some files to a folder
denoise a.jpg --out b.jpg                 one file to one file
denoise - --out - < a.png > b.png         through a pipe
denoise ./imgs --out ./clean --dry-run    what would be done, and nothing else
"""


class _Program(Verb, click.Group):
    """The group of verbs: words that begin with none of them belong to the default verb."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        found = import_module(f"denoiser_cli.commands.{cmd_name}").command
        assert isinstance(found, click.Command)
        return found

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in VERBS and args[0] not in _OWN_FLAGS:
            args = [DEFAULT_VERB, *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Verbs"):
            formatter.write_dl(list(VERBS.items()))


@click.group(
    cls=_Program,
    examples=_EXAMPLES,
    no_args_is_help=False,
    subcommand_metavar="[VERB] [PATHS] [OPTIONS]",
    options_metavar="",
    epilog="`denoise VERB --help` explains a verb. A folder that is named like one is written ./clean.",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, message="denoise %(version)s")
def program() -> None:
    """Clean the noise out of photos, on this machine; no call uses the network."""


def run(words: Sequence[str]) -> int:
    """Carries out one call of `denoise` and returns its exit code; never lets an exception out."""
    manner = Manner()
    try:
        if not words:
            with click.Context(program, info_name="denoise") as context:
                click.echo(program.get_help(context), err=True)
            return 2
        code = program.main(list(words), prog_name="denoise", standalone_mode=False, obj=manner)
        sys.stdout.flush()  # a reader that is gone shows here, where it is handled, and not at exit
        return code if isinstance(code, int) else 0
    except BaseException as error:  # noqa: BLE001 - the outermost edge: people get words, never a traceback
        failure = explain(error, verbose=manner.verbose)
        failure.tell(as_json=manner.json)
        return failure.exit_code


def main() -> NoReturn:
    """The entry point of the `denoise` script."""
    sys.exit(run(sys.argv[1:]))
