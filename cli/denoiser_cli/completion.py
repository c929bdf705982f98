"""Shell completion by click: what the shell offers for values, file names, and words that bash splits.

The files below cli/share ask `denoise` for click's script, and the script runs `denoise` for each TAB.
"""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, CompletionItem, add_completion_class

VARIABLE = "_DENOISE_COMPLETE"  # set by click's scripts

_FILES = {"FILE", "PATH", "PATHS", "[PATHS]", "SOURCE", "NOISY", "CLEAN"}
_FOLDERS = {"DIR", "FOLDER"}
_OF_CODECS = ("encode", "decode", "verify")  # commands whose --model is a codec
_MODELS = ("--model", "--from", "--teacher")


def complete_value(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the values that begin with *incomplete*; if there are none, let the shell offer files or folders."""
    names = _names(ctx, parameter)
    items = parameter.type.shell_complete(ctx, parameter, incomplete)
    items += [CompletionItem(name) for name in names if name.startswith(incomplete)]
    if items:
        return items
    if parameter.metavar in _FOLDERS:
        return [CompletionItem(incomplete, type="dir")]
    return [CompletionItem(incomplete, type="file")] if names or parameter.metavar in _FILES else []


def _names(ctx: click.Context, parameter: click.Parameter) -> list[str]:
    """Return the installed models that the command accepts, or the saved presets."""
    option, command = parameter.opts[0], ctx.info_name
    if option == "--preset":
        from denoiser.batch.presets import preset_names

        return preset_names()
    is_any = (command, option) == ("models", "name")
    is_file = parameter.metavar == "SOURCE" or command == "anomaly"  # --from of redo is an image
    if not is_any and (option not in _MODELS or is_file):
        return []
    from denoiser.models import catalog

    given = ctx.params.get("what") or next(iter(ctx.args), "")  # of train and evaluate
    task = "codec" if command in _OF_CODECS or given == "codec" else "denoiser"
    installed = [entry.name for entry in catalog.entries() if is_any or entry.card.task == task]
    short = [name for name in ("fast", "best") if f"denoiser-{name}" in installed]
    return ["auto"] * (option == "--model") + short + installed


@add_completion_class
class _Bash(BashComplete):
    """Completion for bash, which passes `--device=cpu` as three words."""

    def get_completion_args(self) -> tuple[list[str], str]:
        args, incomplete = super().get_completion_args()
        return [word for word in args if word != "="], incomplete.removeprefix("=")
