"""Options kept under a name, for the command line and the desktop app alike: one small TOML file each.

They lie in `denoise/presets` of the user's configuration folder. What is not in a preset stays as it is; a key that
no option has is refused, since a misspelt one would change nothing in silence.
"""

from __future__ import annotations

import dataclasses
import difflib
import json
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from denoiser.atomicfile import whole_file
from denoiser.errors import UsageError
from denoiser.options import DenoiseOptions, ReadOptions, WriteOptions

# Of a picture, not of a run: what a preset may say.
CLASSES = (DenoiseOptions, ReadOptions, WriteOptions)
_SUFFIX = ".toml"
_NAME = re.compile(r"[\w][\w .+-]*")
_MOST_BYTES = 1 << 16  # a preset is a few lines; anything else is another file


def presets_folder() -> Path:
    """Where presets lie, whether there are any or not."""
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    return (Path(configured) if os.path.isabs(configured) else Path.home() / ".config") / "denoise" / "presets"


def preset_names() -> list[str]:
    """The presets that are there, sorted."""
    return sorted(path.stem for path in presets_folder().glob(f"*{_SUFFIX}"))


def load_preset(name_or_path: str) -> dict[str, Any]:
    """The values of a preset by the names of their options; UsageError where it says what no option understands."""
    path = _path(name_or_path)
    try:
        with path.open("rb") as file:
            values = tomllib.loads(file.read(_MOST_BYTES).decode())
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
    """Writes what differs from the defaults; gives back the file. An older preset of that name is replaced."""
    path = _path(name_or_path)
    lines = []
    for kind in CLASSES:
        for field in dataclasses.fields(kind):
            value = getattr(options[kind], field.name)
            if value != field.default and value is not None:
                lines.append(f"{field.name} = {_toml(value)}\n")
    with whole_file(path) as file:
        file.write("".join(lines).encode())
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


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    # TOML's basic strings are those of JSON, and so are its numbers.
    return json.dumps(value if isinstance(value, str | int) else float(value))
