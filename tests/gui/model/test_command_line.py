from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from denoiser.options import DenoiseOptions, WriteOptions, controls
from denoiser_cli.commands.clean import command
from denoiser_cli.flags import collect
from denoiser_gui.model.controls import PhotoSettings, command_for

_OTHER: dict[str, Any] = {"model": "denoiser-fast", "format": "tiff", "memory": 2.5, "noise_level": 12.3}


def _another(name: str, kind: type[Any]) -> Any:
    """A value of an option that is not its default."""
    control = controls(kind)[name]
    default = next(field.default for field in dataclasses.fields(kind) if field.name == name)
    if name in _OTHER:
        return _OTHER[name]
    if isinstance(default, bool):
        return not default
    if control.choices:
        return control.choices[-1]
    if isinstance(default, float):
        return 0.25
    return 256 if name == "tile" else 7


def _understood(line: str) -> dict[str, Any]:
    words = shlex.split(line)
    assert words[0] == "denoise"
    with click.Context(command, **command.context_settings) as context:
        command.parse_args(context, list(words[1:]))
        return dict(context.params)


@pytest.mark.parametrize(
    ("kind", "name"),
    [(kind, name) for kind in (DenoiseOptions, WriteOptions) for name in controls(kind)],
)
def test_the_command_line_parses_every_option_to_the_same_value(kind: type[Any], name: str) -> None:
    settings = PhotoSettings().changed(**{name: _another(name, kind)})
    line = command_for(Path("in/a b.jpg"), Path("out/it's.tif"), settings)
    words = _understood(line)
    with click.Context(command, **command.context_settings):
        assert collect(DenoiseOptions, words) == settings.denoise
        assert collect(WriteOptions, words) == settings.write


def test_defaults_are_omitted_and_unusual_names_are_quoted() -> None:
    line = command_for(Path("-odd name.png"), Path("clean/x.png"), PhotoSettings())
    assert line == "denoise './-odd name.png' --out clean/x.png"
