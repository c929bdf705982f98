"""Flags for cleaning and writing images, shared by all commands that clean."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from denoiser.batch import Settings
from denoiser.batch.presets import load_preset
from denoiser.options import BatchOptions, DenoiseOptions, ReadOptions, WriteOptions
from denoiser_cli.file_flags import others
from denoiser_cli.flags import Flag, collect, option_flags

_Function = TypeVar("_Function", bound=Callable[..., Any])

CLEANING = "Cleaning"
_MACHINE = ("device", "precision", "tile", "batch_size", "memory")  # affect speed and memory, not the look


def look_flags(function: _Function) -> _Function:
    """Add the cleaning options and --preset."""
    preset = functools.partial(click.option, cls=Flag, section=CLEANING, metavar="NAME")
    function = preset("--preset", help="Use a saved preset; flags override it.")(function)
    return option_flags(DenoiseOptions, section=CLEANING, only=others(DenoiseOptions, _MACHINE))(function)


def file_flags(function: _Function) -> _Function:
    """Add the options for reading and writing files."""
    function = option_flags(ReadOptions, section="Reading")(function)
    return option_flags(WriteOptions, section="Writing")(function)


def machine_flags(function: _Function) -> _Function:
    """Add the options for device, precision, tiles and memory."""
    return option_flags(DenoiseOptions, section="Hardware", only=_MACHINE)(function)


def settings_of(words: Mapping[str, Any]) -> Settings:
    """Return the settings of a call; its flags override its preset."""
    values = dict(words)
    if values["preset"]:
        said = click.get_current_context().get_parameter_source
        kept = load_preset(values["preset"])
        values |= {name: value for name, value in kept.items() if said(name) is ParameterSource.DEFAULT}
    return Settings(
        collect(DenoiseOptions, values),
        collect(ReadOptions, values),
        collect(WriteOptions, values),
        collect(BatchOptions, values),
    )
