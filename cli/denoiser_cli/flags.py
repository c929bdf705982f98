"""Flags generated from the options classes, and a command class whose help begins with examples.

Options are declared and validated in denoiser.options, so flags, keywords and sliders share ranges and messages.
The groups of flags that several commands share follow at the end.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from denoiser.batch import Settings
from denoiser.batch.presets import load_preset
from denoiser.errors import UsageError
from denoiser.options import (
    BatchOptions,
    ClusterOptions,
    Control,
    DenoiseOptions,
    ReadOptions,
    WriteOptions,
    controls,
)
from denoiser_cli.completion import complete_value

AUTOMATIC = "auto"
_LAST_SECTION = "Output"
_WIDTH = 100  # columns of help at most; a narrower terminal narrows it further

# Flags of other programs, and their names here.
_KNOWN_ELSEWHERE = {
    "-o": "--out", "-O": "--out", "--output": "--out", "--output-dir": "--out", "--outdir": "--out",
    "--input": "PATHS, without a flag", "-i": "PATHS, without a flag",
    "-r": "--recursive", "-R": "--recursive", "-f": "--overwrite", "--force": "--overwrite", "-y": "--overwrite",
    "-n": "--dry-run", "-m": "--model", "-j": "--jobs", "--threads": "--jobs", "--workers": "--jobs",
    "--sigma": "--noise-level", "--noise": "--noise-level", "--level": "--noise-level",
    "--amount": "--strength", "--intensity": "--strength", "--color-noise": "--colour-noise",
    "--ext": "--format", "--keep-metadata": "no flag: it is kept",
    "--gpu": "--device cuda", "--cuda": "--device cuda", "--cpu": "--device cpu",
    "--size": "--target-size", "--bitrate": "--bpp", "--psnr": "--min-psnr", "--crop": "--region",
    "--fp16": "--precision bf16", "--half": "--precision bf16", "--tile-size": "--tile", "--batch": "--batch-size",
}  # fmt: skip
_CLOSE = 0.75  # similarity from 0 to 1; below it a suggestion misleads

_Function = TypeVar("_Function", bound=Callable[..., Any])
_Options = TypeVar("_Options")


@dataclass(slots=True)
class OutputMode:
    """Output settings of a call. Parsed first, so that errors in other flags respect them."""

    quiet: bool = False
    verbose: int = 0  # how often -v was given: 1 prints every file, 2 also tracebacks
    json: bool = False


class Flag(click.Option):
    """An option with a section heading on the help page, which does not show its former name *alias*."""

    def __init__(self, *args: Any, section: str = "Options", alias: str = "", **words: Any) -> None:
        super().__init__(*args, shell_complete=complete_value, **words)
        self.section = section
        self._alias = alias

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        record = super().get_help_record(ctx)
        if record is None or not self._alias:
            return record
        return record[0].replace(f", --{self._alias}", ""), record[1]


class ExampleCommand(click.Command):
    """A command whose help shows examples first, then the flags by section. Few take *urls* of stores."""

    def __init__(self, *args: Any, examples: str = "", urls: bool = False, **words: Any) -> None:
        settings = {"help_option_names": ["-h", "--help"], "max_content_width": _WIDTH}
        words["context_settings"] = settings | (words.get("context_settings") or {})
        super().__init__(*args, **words)
        self.examples = examples
        self._takes_urls = urls

    def invoke(self, ctx: click.Context) -> Any:
        for value in ctx.params.values():
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, str) and "://" in text and not self._takes_urls:
                    self._refuse_url(ctx, text)
        return super().invoke(ctx)

    def _refuse_url(self, ctx: click.Context, text: str) -> None:
        from denoiser import storage  # not needed for --help

        if storage.is_url(text) and isinstance(storage.location(text), storage.Url):
            raise UsageError(
                f"{text}: denoise {ctx.info_name} works with files, not with URLs.", hint="Copy the files first."
            )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            meant = self._meant(error.option_name)
            guess = f" Did you mean {meant}?" if meant else ""
            raise click.UsageError(f"No such option '{error.option_name}'.{guess}", ctx) from error

    def _meant(self, word: str) -> str:
        """Return the flag of this command that is closest to *word*, or an empty string."""
        mine = [name for flag in self.params for name in (*flag.opts, *flag.secondary_opts) if name.startswith("-")]
        known = _KNOWN_ELSEWHERE.get(word, "")
        if known.partition(" ")[0] in mine:
            return f"'{known}'"
        if known and not known.startswith("-"):
            return known
        near = difflib.get_close_matches(word, mine, n=1, cutoff=_CLOSE)
        return f"'{near[0]}'" if near else ""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        self.format_examples(formatter)
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and not isinstance(parameter, click.Argument):
                sections.setdefault(getattr(parameter, "section", _LAST_SECTION), []).append(record)
        for name in sorted(sections, key=lambda name: name == _LAST_SECTION):
            with formatter.section(name):
                formatter.write_dl(sections[name], col_max=34)

    def format_examples(self, formatter: click.HelpFormatter) -> None:
        """Write the examples, unchanged."""
        if self.examples:
            with formatter.section("Examples"):
                for line in self.examples.strip().splitlines():
                    formatter.write(f"{'':>{formatter.current_indent}}{line}\n")


_SUFFIXES = {"jpg": "jpeg", "tif": "tiff"}  # names of formats that people type


class _Choice(click.Choice[Any]):
    """One of several words, or of their common abbreviations."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        word = _SUFFIXES.get(value, value)
        return super().convert(word if word in self.choices else value, param, ctx)


class _Number(click.ParamType[Any]):
    """A number, or a keyword such as auto. The options class checks the range."""

    def __init__(self, kind: type[int] | type[float], control: Control) -> None:
        self._kind = kind
        self._words: dict[str, int | None] = {AUTOMATIC: None} if control.automatic else {}
        self._words |= {control.zero: 0} if control.zero else {}
        self.name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value is None or not isinstance(value, str):
            return value
        if value in self._words:
            return self._words[value]
        try:
            return self._kind(value)
        except ValueError:
            others = "".join(f" or {word}" for word in self._words)
            word = "a whole number" if self._kind is int else "a number"
            self.fail(f"{value!r} is not {word}{others}.", param, ctx)


class _Size(click.ParamType[Any]):
    """A file size: 300000, 300k, 2M, 1.5MiB."""

    name = "SIZE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if not isinstance(value, str):
            return value
        found = re.fullmatch(r"(\d{1,15}(?:\.\d{1,9})?) ?([kKMG]?)(i?)B?", value)
        if found is None or (found[3] and not found[2]):
            self.fail(f"{value!r} is not a size such as 300k, 2M or 1.5MiB.", param, ctx)
        return int(
            float(found[1]) * (1024 if found[3] else 1000) ** " kMG".index(found[2].replace("K", "k") or " ")
        )


def combined(*decorators: Callable[[Any], Any]) -> Callable[[_Function], _Function]:
    """Return one decorator that adds flags in the given order."""

    def decorate(function: _Function) -> _Function:
        for decorator in reversed(decorators):
            function = decorator(function)
        return function

    return decorate


def option_flags(
    options: type[Any], *, section: str, only: tuple[str, ...] = ()
) -> Callable[[_Function], _Function]:
    """Add a flag for each control of *options*, or for those in *only*, in declaration order."""
    kinds = typing.get_type_hints(options)
    defaults = {field.name: field.default for field in dataclasses.fields(options)}
    decorators = []
    for name, control in controls(options).items():
        if not only or name in only:
            words = _words(_kind_of(kinds[name]), control, defaults[name])
            word = control.flag or name.replace("_", "-")
            if defaults[name] is True:
                word = f"{word}/--no-{word}"  # options that are on by default can be switched off
            flags = [f"-{control.short}"] * bool(control.short) + [f"--{word}"]
            flags += [f"--{control.alias}"] * bool(control.alias)
            decorators.append(click.option(*flags, name, cls=Flag, section=section, alias=control.alias, **words))
    return combined(*decorators)


def refuse_flags(context: click.Context, names: Sequence[str], owner: str) -> None:
    """Raise UsageError if one of the parameters *names*, which apply to *owner* only, was given."""
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if given and parameter.name in names:
            raise UsageError(f"{parameter.opts[0]} applies to {owner} only.", hint="Leave it out.")


def collect(options: type[_Options], words: dict[str, Any]) -> _Options:
    """Build *options* from parsed values, ignoring others. Raise click.UsageError if one is out of range."""
    values = {}
    for name, control in controls(options).items():
        if name in words:
            values[name] = None if control.automatic and words[name] == AUTOMATIC else words[name]
    try:
        return options(**values)
    except UsageError as error:
        raise click.UsageError(_with_dashes(options, error.message), click.get_current_context()) from error


def _with_dashes(options: type[Any], message: str) -> str:
    """Write the field names in a message of an options class as flags."""
    flags = "|".join(control.flag or name.replace("_", "-") for name, control in controls(options).items())
    return re.sub(rf"(?<![\w'\"-])(?:{flags})(?![\w'\"-])", r"--\g<0>", message)


def _remember(context: click.Context, parameter: click.Parameter, value: int) -> None:
    mode = context.find_object(OutputMode)
    if mode is not None and value and parameter.name is not None:
        setattr(mode, parameter.name, value)


_eager_flag = functools.partial(
    click.option,
    cls=Flag,
    section=_LAST_SECTION,
    is_eager=True,
    expose_value=False,
    callback=_remember,
)
# -q, -v and --json apply even if other arguments are invalid.
speaking_flags = combined(
    _eager_flag("-q", "--quiet", is_flag=True, help="Print errors only."),
    _eager_flag("-v", "--verbose", count=True, help="Print every file; -vv also prints tracebacks of errors."),
    _eager_flag("--json", is_flag=True, help="Print one JSON object per line to stdout."),
)


def _words(kind: type[Any], control: Control, default: Any) -> dict[str, Any]:
    if kind is bool:
        return {"is_flag": True, "default": default, "help": control.help + (" [default on]" if default else "")}
    shown = AUTOMATIC if default is None else f"{default:g}" if kind is float else default
    shown = control.zero if control.zero and default == 0 else shown
    words: dict[str, Any] = {"default": shown if control.automatic else default}
    if control.choices:
        choices = (AUTOMATIC, *control.choices) if control.automatic else control.choices
        words |= {"type": _Choice(choices), "metavar": "N" if kind is int else "WORD"}
        return words | {"help": f"{control.help} [{'|'.join(map(str, choices))}; default {shown}]"}
    if control.unit == "bytes":
        return words | {"type": _Size(), "help": f"{control.help} [default {shown}]"}
    if kind in (int, float):
        words["type"] = _Number(kind, control)
        return words | {"help": f"{control.help} [{_range(control)}default {shown}]"}
    default_text = f" [default {shown}]" if shown else ""
    return words | {"metavar": control.form or "WORD", "help": f"{control.help}{default_text}"}


def _range(control: Control) -> str:
    if control.minimum is None or control.maximum is None or control.maximum >= 1e9:
        return ""
    return f"{control.minimum:g}–{control.maximum:g}; "


def _kind_of(hint: Any) -> type[Any]:
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    assert isinstance(hint, type)
    return hint


_FILES = "Files"
PLACES = ("recursive", "overwrite")  # which files are read and replaced
MANY = ("retry_failed", "max_errors", "shard", "jobs", "report")  # for every kind of work


def others(options: type[Any], names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the fields of *options* except *names*."""
    return tuple(name for name in controls(options) if name not in names)


def place_flags(out: str) -> Callable[[_Function], _Function]:
    """Add --out with this help, --files-from, --dry-run, and the options in PLACES."""
    flag = functools.partial(click.option, cls=Flag, section=_FILES)
    listed = "Also process the files in this list, one per line or NUL-separated; - is stdin."
    return combined(
        flag("--out", metavar="PATH", help=out),
        flag("--dry-run", is_flag=True, help="Show what would be done; write nothing."),
        option_flags(BatchOptions, section=_FILES, only=PLACES),
        flag("--files-from", metavar="FILE", help=listed),
    )


CLEANING = "Cleaning"
_MACHINE = ("device", "precision", "tile", "batch_size", "memory")  # affect speed and memory, not the look


# The cleaning options and --preset.
look_flags = combined(
    option_flags(DenoiseOptions, section=CLEANING, only=others(DenoiseOptions, _MACHINE)),
    click.option(
        "--preset", cls=Flag, section=CLEANING, metavar="NAME", help="Use a saved preset; flags override it."
    ),
)
# The options for reading and writing files.
file_flags = combined(
    option_flags(WriteOptions, section="Writing"),
    option_flags(ReadOptions, section="Reading"),
)
# The options for device, precision, tiles and memory.
machine_flags = option_flags(DenoiseOptions, section="Hardware", only=_MACHINE)


# The options for runs on a cluster.
cluster_flags = option_flags(ClusterOptions, section="Cluster")


def cluster_of(words: Mapping[str, Any]) -> ClusterOptions:
    """Return the cluster options of a call; raise UsageError for workers without a cluster."""
    options = collect(ClusterOptions, dict(words))
    if not options.cluster and options != ClusterOptions():
        raise UsageError(
            "--workers and --worker-cpus apply to --cluster only.",
            hint="Add --cluster local for workers on this machine, or use --jobs for threads.",
        )
    return options


def settings_of(words: Mapping[str, Any]) -> Settings:
    """Return the settings of a call; its flags override its preset."""
    values = dict(words)
    source_of = click.get_current_context().get_parameter_source
    given = frozenset(name for name in words if source_of(name) is ParameterSource.COMMANDLINE)
    if values["preset"]:
        kept = load_preset(values["preset"])
        values |= {name: value for name, value in kept.items() if name not in given}
    return Settings(
        collect(DenoiseOptions, values),
        collect(ReadOptions, values),
        collect(WriteOptions, values),
        collect(BatchOptions, values),
        given=given,
    )
