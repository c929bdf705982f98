"""Presets: options that are saved under a name, as TOML files in `denoise/presets` of the configuration folder.

The command line and the desktop app share them. Options that are not in a preset keep their values; unknown names
are errors, because a misspelt one would have no effect.
"""

from __future__ import annotations

import dataclasses
import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from denoiser.atomicfile import whole_file
from denoiser.errors import UsageError
from denoiser.options import DenoiseOptions, ReadOptions, WriteOptions, renamed

# The options of a preset: those of an image, not those of a run.
CLASSES = (DenoiseOptions, ReadOptions, WriteOptions)
_SUFFIX = ".toml"
_NAME = re.compile(r"[\w][\w .+-]*")
_MOST_BYTES = 1 << 16  # a preset has a few lines


def presets_folder() -> Path:
    """Return the folder of presets, which may not exist."""
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(configured) if os.path.isabs(configured) else Path.home() / ".config") / "denoise" / "presets"


def preset_names() -> list[str]:
    """Return the names of all presets, sorted."""
    return sorted(path.stem for path in presets_folder().glob(f"*{_SUFFIX}"))


def load_preset(name_or_path: str) -> dict[str, Any]:
    """Return the values of a preset by the names of the options; raise UsageError if one is unknown or invalid."""
    path = _path(name_or_path)
    try:
        with path.open("rb") as file:
            values = renamed(tomllib.loads(file.read(_MOST_BYTES).decode()))
    except FileNotFoundError as error:
        here = ", ".join(preset_names()) or "none"
        raise UsageError(
            f"{name_or_path}: no such preset.", hint=f"Saved presets: {here}. Save one with --save-preset NAME."
        ) from error
    except (OSError, ValueError) as error:
        raise UsageError(
            f"{path}: invalid preset ({error}).", hint="A preset is a TOML file with lines such as strength = 0.8"
        ) from error
    _check(values, path)
    return values


def save_preset(name_or_path: str, options: Mapping[type[Any], Any]) -> Path:
    """Write the options that differ from the defaults, replacing an older preset; return the file."""
    path = _path(name_or_path)
    values = {}
    for kind in CLASSES:
        for field in dataclasses.fields(kind):
            value = getattr(options[kind], field.name)
            if value != field.default and value is not None:
                values[field.name] = value if isinstance(value, bool | str | int) else float(value)
    with whole_file(path) as file:
        file.write(tomli_w.dumps(values).encode())
    return path


def _path(name: str) -> Path:
    if name.endswith(_SUFFIX):
        return Path(name)
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is not a valid preset name.", hint="Use letters and digits, or a .toml file.")
    return presets_folder() / f"{name}{_SUFFIX}"


def _check(values: Mapping[str, Any], path: Path) -> None:
    known = {field.name: kind for kind in CLASSES for field in dataclasses.fields(kind)}
    for name in values:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Options: {', '.join(known)}."
            raise UsageError(f"{path}: {name!r} is not an option.", hint=hint)
    for kind in CLASSES:
        try:
            kind(**{name: value for name, value in values.items() if known[name] is kind})
        except UsageError as error:
            raise UsageError(f"{path}: {error.message}", hint="Fix the preset, or leave out --preset.") from error
